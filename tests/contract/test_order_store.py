"""What every store of registered orders promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.orders import DynamoOrderStore
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.order_ports import OrderStore
from refundkit_core.application.ports import RefundStore
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.facts import Delivery
from refundkit_core.domain.orders import Order, without_customer

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION, ledger
from tests.support.clock import START
from tests.support.memory_orders import MemoryOrderStore
from tests.support.memory_store import MemoryRefundStore
from tests.support.orders import order


class Stores(NamedTuple):
    """Orders, and the ledgers beside which they are kept."""

    orders: OrderStore
    refunds: RefundStore


@pytest.fixture(params=["table", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "memory":
        refunds = MemoryRefundStore()
        refunds.put_ledger(ledger(), None, None)
        yield Stores(MemoryOrderStore(refunds), refunds)
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        found = DynamoRefundStore(table)
        found.put_ledger(ledger(), None, None)
        yield Stores(DynamoOrderStore(table), found)


def version_of_ledger(stores: Stores) -> int:
    held = stores.refunds.ledger(TENANT, TRANSACTION)
    assert held is not None
    return held.version


@pytest.mark.parametrize(
    "made",
    [
        order(),
        without_customer(order()),
        order(items=(), delivery=Delivery(), customer_id=None, order_id=None, external_risk=0),
        order(lifetime_orders=0, lifetime_spend_minor=0, customer_since=None),
    ],
)
def test_an_order_reads_back_as_it_was_stored(stores: Stores, made: Order) -> None:
    assert stores.orders.of(TENANT, TRANSACTION) is None

    stores.orders.put(made, None)

    assert stores.orders.of(TENANT, TRANSACTION) == made
    assert stores.orders.of(OTHER_TENANT, TRANSACTION) is None


def test_an_order_is_replaced_whole_and_only_at_the_version_that_was_read(stores: Stores) -> None:
    stores.orders.put(order(), None)
    bare = order(version=2, items=(), delivery=Delivery(), customer_id=None, registered_at=START)

    for previous in (None, 2):
        with pytest.raises(StoreConflict):
            stores.orders.put(bare, previous)
    stores.orders.put(bare, 1)

    assert stores.orders.of(TENANT, TRANSACTION) == bare
    with pytest.raises(StoreConflict):
        stores.orders.put(order(version=2), 1)
    assert stores.orders.of(TENANT, TRANSACTION) == bare


def test_a_named_customer_is_found_and_moves_the_ledger_on(stores: Stores) -> None:
    stores.orders.put(order(), None)

    assert list(stores.refunds.charges_of_customer(TENANT, "cust_789", 10)) == [TRANSACTION]
    assert list(stores.refunds.charges_of_customer(OTHER_TENANT, "cust_789", 10)) == []
    assert version_of_ledger(stores) == 2

    stores.orders.put(without_customer(order(version=2)), 1)

    assert list(stores.refunds.charges_of_customer(TENANT, "cust_789", 10)) == []
    assert version_of_ledger(stores) == 2


def test_a_customer_is_not_registered_for_a_charge_whose_customer_was_erased(stores: Stores) -> None:
    stores.refunds.forget_customer(ledger(), "cst_1", 0, START)

    with pytest.raises(StoreConflict):
        stores.orders.put(order(), None)
    assert stores.orders.of(TENANT, TRANSACTION) is None

    stores.orders.put(without_customer(order()), None)
    assert stores.orders.of(TENANT, TRANSACTION) == without_customer(order())


def test_an_erasure_that_read_the_ledger_before_an_order_named_somebody_is_made_again(stores: Stores) -> None:
    before = stores.refunds.ledger(TENANT, TRANSACTION)
    assert before is not None
    stores.orders.put(order(), None)

    with pytest.raises(StoreConflict):
        stores.refunds.forget_customer(before, "cst_1", 0, START)


def test_a_customer_needs_a_ledger_beside_the_order(stores: Stores) -> None:
    elsewhere = TRANSACTION._replace(charge_id="ch_2")

    with pytest.raises(StoreConflict):
        stores.orders.put(order(transaction=elsewhere), None)
    assert stores.orders.of(TENANT, elsewhere) is None
