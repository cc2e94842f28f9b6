"""What stands or falls with a refund, in every store: its customer's record, its approval, its fee, and its caps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.approvals import DynamoApprovalStore
from refundkit_core.adapters.dynamodb.customers import DynamoCustomerStore
from refundkit_core.adapters.dynamodb.purses import DynamoPurses
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.approval_ports import RefundStep
from refundkit_core.application.openings import Beside
from refundkit_core.domain.approval_events import of_end, of_opening
from refundkit_core.domain.approvals import Act, Approval, asked_about, superseded
from refundkit_core.domain.budgets import Breaker, Taking
from refundkit_core.domain.customers import Counted, CustomerRecord
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import of_change, of_look
from refundkit_core.domain.refund import Refund, change_of, moved

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION, ledger, refund, request
from tests.support.clock import START
from tests.support.memory_approvals import MemoryApprovalStore
from tests.support.memory_store import MemoryRefundStore

CUSTOMER = "cst_1"


class Stores:
    """The refund store, and what else is written and read with it."""

    def __init__(self, refunds: Any, customers: Any, approvals: Any, purses: Any) -> None:
        self.refunds, self.customers, self.approvals, self.purses = refunds, customers, approvals, purses
        refunds.put_ledger(ledger(), None, None)

    def record(self) -> CustomerRecord:
        found: CustomerRecord = self.customers.of(TENANT, CUSTOMER)
        return found

    def asked(self, refund_id: str) -> Approval | None:
        found: Approval | None = self.approvals.find(TENANT, refund_id)
        return found

    def open(self, made: Refund, beside: Beside) -> Refund:
        held = self.refunds.ledger(TENANT, TRANSACTION)
        self.refunds.open(made, request(), of_change(None, made), held, refuse_twin=False, beside=beside)
        return made

    def change(self, before: Refund, to: Any, kind: Any = "release") -> Refund:
        after = moved(before, to, before.updated_at + timedelta(seconds=1))
        self.refunds.change(before, after, of_change(before, after), change_of(kind, before) if kind else None)
        return after


@pytest.fixture(params=["table", "memory"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    if request.param == "memory":
        memory = MemoryRefundStore()
        yield Stores(memory, memory, MemoryApprovalStore(memory), memory)
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        refunds = DynamoRefundStore(table)
        approvals = DynamoApprovalStore(table, refunds)
        yield Stores(refunds, DynamoCustomerStore(table), approvals, DynamoPurses(table))


def test_a_customer_that_was_never_counted_has_an_empty_record(stores: Stores) -> None:
    assert stores.record() == CustomerRecord(CUSTOMER)


def test_a_refund_is_counted_with_its_gross_amount_and_not_over_anothers_count(stores: Stores) -> None:
    empty = stores.record()
    first = stores.open(refund(customer_key=CUSTOMER, fee_minor=300), Beside(empty))

    with pytest.raises(StoreConflict):
        stores.open(refund(2, customer_key=CUSTOMER), Beside(empty))

    assert stores.refunds.head(TENANT, first.id) == first
    assert stores.record() == CustomerRecord(CUSTOMER, 1, {first.id: Counted(START, 2300, "usd")})
    second = stores.open(refund(2, customer_key=CUSTOMER), Beside(stores.record()))
    assert set(stores.record().refunds) == {first.id, second.id}
    assert stores.customers.of(OTHER_TENANT, CUSTOMER) == CustomerRecord(CUSTOMER)


def test_what_no_window_reaches_any_more_is_dropped_with_the_next_refund(stores: Stores) -> None:
    old = stores.open(refund(customer_key=CUSTOMER), Beside(stores.record()))
    late = START + timedelta(days=91)

    new = stores.open(refund(2, customer_key=CUSTOMER, created_at=late, updated_at=late), Beside(stores.record()))

    assert old.id not in stores.record().refunds
    assert stores.record().refunds == {new.id: Counted(late, 2000, "usd")}


@pytest.mark.parametrize("to", ["failed", "cancelled"])
def test_a_refund_that_comes_to_nothing_no_longer_counts(stores: Stores, to: Any) -> None:
    made = stores.open(refund(customer_key=CUSTOMER), Beside(stores.record()))

    stores.change(made, to)

    assert stores.record().refunds == {}
    with pytest.raises(StoreConflict):
        stores.open(refund(2, customer_key=CUSTOMER), Beside(replace(stores.record(), version=1)))


def test_a_late_failure_no_longer_counts_either(stores: Stores) -> None:
    made = stores.open(refund(customer_key=CUSTOMER, fee_minor=100), Beside(stores.record()))
    paid = stores.change(stores.change(made, "processing", "gate"), "completed", "settle")
    assert set(stores.record().refunds) == {made.id}

    stores.change(paid, "failed", "unsettle")

    assert stores.record().refunds == {}
    held = stores.refunds.ledger(TENANT, TRANSACTION)
    assert (held.available_minor, held.withheld_minor, held.refunded_minor) == (5000, 0, 0)


def test_a_fee_is_withheld_with_the_reservation_and_stays_when_it_is_paid(stores: Stores) -> None:
    made = stores.open(refund(fee_minor=300), Beside())
    held = stores.refunds.ledger(TENANT, TRANSACTION)
    assert (held.reserved_minor, held.withheld_minor, held.available_minor) == (2000, 300, 2700)

    stores.change(stores.change(made, "processing", "gate"), "completed", "settle")

    held = stores.refunds.ledger(TENANT, TRANSACTION)
    assert (held.refunded_minor, held.withheld_minor, held.available_minor) == (2000, 300, 2700)
    with pytest.raises(StoreConflict):
        stores.open(refund(2, fee_minor=701), Beside())
    stores.open(refund(2, fee_minor=700), Beside())
    assert stores.refunds.ledger(TENANT, TRANSACTION).available_minor == 0


def test_twins_are_told_by_what_was_asked_for_before_the_fee(stores: Stores) -> None:
    made = stores.open(refund(fee_minor=300), Beside())

    assert set(stores.refunds.ledger(TENANT, TRANSACTION).twins) == {"2300:product_defective"}
    stores.change(made, "cancelled")
    assert stores.refunds.ledger(TENANT, TRANSACTION).twins == {}


def waiting(number: int = 1) -> Refund:
    made = refund(number, status="pending_approval")
    return replace(made, approval_id=f"apr_{made.id[4:]}")


def test_a_question_is_opened_with_its_refund_and_superseded_when_that_is_cancelled(stores: Stores) -> None:
    made = waiting()
    approval = asked_about(made, ("auto_approve",))
    stores.open(made, Beside(approval=approval, events=(of_opening(approval),)))
    assert stores.asked(approval.id) == approval
    assert stores.refunds.head(TENANT, made.id) == made

    at = made.created_at + timedelta(seconds=1)
    closed, after = superseded(approval, at), moved(made, "cancelled", at)
    step = RefundStep(made, after, of_change(made, after), change_of("release", made))
    stores.approvals.change(approval, closed, of_end(closed, Act("system", "api", at)), step)

    assert stores.asked(approval.id) == closed
    assert stores.refunds.head(TENANT, made.id) == after
    assert stores.approvals.find(OTHER_TENANT, approval.id) is None


def test_a_question_is_asked_once(stores: Stores) -> None:
    approval = asked_about(waiting(), ("auto_approve",))
    stores.open(waiting(), Beside(approval=approval))

    with pytest.raises(StoreConflict):
        stores.open(waiting(2), Beside(approval=approval))

    assert stores.refunds.head(TENANT, waiting(2).id) is None


def test_a_purse_is_taken_from_as_long_as_it_holds_enough(stores: Stores) -> None:
    taking = Taking("key#key_1#usd#2026-11-20", 600, 1000)
    stores.open(refund(), Beside(takings=(taking,)))

    with pytest.raises(StoreConflict):
        stores.open(refund(2), Beside(takings=(taking._replace(amount_minor=401),)))
    assert stores.refunds.head(TENANT, refund(2).id) is None
    stores.open(refund(2), Beside(takings=(taking._replace(amount_minor=400),)))

    assert stores.purses.spent(TENANT, [taking.purse, "key#key_2#usd#2026-11-20"]) == {taking.purse: 1000}
    assert stores.purses.spent(OTHER_TENANT, [taking.purse]) == {}


def test_a_purse_that_was_never_used_may_be_emptied_at_once(stores: Stores) -> None:
    stores.open(refund(), Beside(takings=(Taking("p", 1000, 1000),)))

    assert stores.purses.spent(TENANT, ["p"]) == {"p": 1000}


def test_what_came_to_nothing_is_given_back_to_every_purse(stores: Stores) -> None:
    takings = (Taking("p", 600, 1000), Taking("q", 1400, 2000))
    made = stores.open(refund(taken=(("p", 600), ("q", 1400))), Beside(takings=takings))
    assert stores.refunds.head(TENANT, made.id) == made

    stores.change(made, "cancelled")

    assert stores.purses.spent(TENANT, ["p", "q"]) == {"p": 0, "q": 0}


def test_a_breaker_counts_what_was_lately_asked_for_the_present_one_included(stores: Stores) -> None:
    breaker = Breaker(12, refunds=1)
    said = [
        stores.purses.count(TENANT, breaker, START + timedelta(minutes=minutes), 100)
        for minutes in (0, 0, 1, 12, 13, 40)
    ]

    assert said == [(1, 100), (2, 200), (3, 300), (4, 400), (3, 300), (1, 100)]
    assert stores.purses.count(OTHER_TENANT, breaker, START, 7) == (1, 7)


def test_a_chargeback_counts_once_from_when_it_was_first_seen(stores: Stores) -> None:
    held = stores.refunds.ledger(TENANT, TRANSACTION)
    for days in (0, 1):
        seen = START + timedelta(days=days)
        disputed = replace(held, dispute="open", version=held.version + 1, snapshot_at=seen)
        stores.refunds.put_ledger(disputed, held, of_look(held, disputed), CUSTOMER)
        held = replace(disputed, dispute="won", version=disputed.version + 1)
        stores.refunds.put_ledger(held, disputed, of_look(disputed, held))

    assert stores.record().chargebacks == {TRANSACTION.charge_id: START}


def test_an_erased_customer_is_counted_anew_and_nothing_read_before_counts_on(stores: Stores) -> None:
    made = stores.open(refund(customer_key=CUSTOMER), Beside(stores.record()))
    before = stores.record()

    stores.refunds.forget_customer(stores.refunds.ledger(TENANT, TRANSACTION), CUSTOMER, 1, START)

    assert (stores.record().refunds, stores.record().chargebacks) == ({}, {})
    assert stores.record().version != before.version
    stores.change(made, "cancelled")
    assert stores.record().refunds == {}
