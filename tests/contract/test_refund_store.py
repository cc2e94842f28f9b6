"""What every refund store promises: one suite, held against the table and against the store in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.ports import RefundStore
from refundkit_core.application.records import Position, RefundFilter
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import of_change, of_look
from refundkit_core.domain.ledger import LedgerChange, twin_of, without_customer
from refundkit_core.domain.refund import Refund, moved

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION, ledger, refund, refund_id, request
from tests.support.clock import START
from tests.support.memory_store import MemoryRefundStore

TWIN = twin_of(2000, "product_defective")


@pytest.fixture(params=["table", "memory"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RefundStore]:
    if request.param == "memory":
        yield MemoryRefundStore()
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        yield DynamoRefundStore(Table(boto3.client("dynamodb"), "refundkit"))


def opened(store: RefundStore, number: int = 1, **changes: Any) -> Refund:
    """A refund in the store, its ledger made first where there is none; twins are let through."""
    made = refund(number, **changes)
    if store.ledger(TENANT, TRANSACTION) is None:
        store.put_ledger(ledger(), None, None)
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    store.open(made, request(), of_change(None, made), held, refuse_twin=False)
    return made


def change(store: RefundStore, before: Refund, to: Any, money: LedgerChange | None, **changes: Any) -> Refund:
    after = moved(before, to, before.updated_at + timedelta(seconds=1), **changes)
    store.change(before, after, of_change(before, after), money)
    return after


def sums(store: RefundStore) -> tuple[int, int, int]:
    """Reserved, refunded, available."""
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    return held.reserved_minor, held.refunded_minor, held.available_minor


def test_an_opened_refund_reads_back_with_its_request_event_and_reservation(store: RefundStore) -> None:
    made = opened(store)

    assert store.find(TENANT, made.id) == (made, request())
    assert store.head(TENANT, made.id) == made
    assert store.timeline(TENANT, made.id) == [of_change(None, made)]
    assert sums(store) == (2000, 0, 3000)
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    assert held.twins == {TWIN: {made.id: START}}


def test_a_new_ledger_is_stored_with_its_first_refund(store: RefundStore) -> None:
    made, new = refund(), ledger(version=0)
    store.open(made, request(), of_change(None, made), new, refuse_twin=True)

    expected = ledger(reserved_minor=2000, twins={"2000:product_defective": {made.id: made.created_at}})
    assert store.ledger(TENANT, TRANSACTION) == expected
    assert store.find(TENANT, made.id) == (made, request())
    second = refund(2)
    with pytest.raises(StoreConflict):
        store.open(second, request(), of_change(None, second), new, refuse_twin=False)
    assert store.ledger(TENANT, TRANSACTION) == expected
    assert store.find(TENANT, second.id) is None


@pytest.mark.parametrize("facts", [{"captured_minor": 1999}, {"dispute": "open"}, {"elsewhere_minor": 3001}])
def test_a_new_ledger_that_does_not_allow_its_refund_is_not_stored(store: RefundStore, facts: dict[str, Any]) -> None:
    made = refund()
    with pytest.raises(StoreConflict):
        store.open(made, request(), of_change(None, made), ledger(version=0, **facts), refuse_twin=False)

    assert store.ledger(TENANT, TRANSACTION) is None
    assert store.find(TENANT, made.id) is None


@pytest.mark.parametrize("facts", [{}, {"processor_risk": 0, "countries": ("US", "DE")}, {"processor_risk": 99}])
def test_what_the_processor_thinks_of_a_charge_is_kept_with_its_ledger(
    store: RefundStore, facts: dict[str, Any]
) -> None:
    made = ledger(**facts)
    store.put_ledger(made, None, None)

    assert store.ledger(TENANT, TRANSACTION) == made


def test_a_refund_id_opens_once(store: RefundStore) -> None:
    opened(store)

    with pytest.raises(StoreConflict):
        opened(store)

    assert sums(store) == (2000, 0, 3000)


def test_a_charge_leads_to_its_refunds_and_a_customer_to_their_charges(store: RefundStore) -> None:
    store.put_ledger(ledger(customer_id="cus_1"), None, None)
    made = [opened(store, number) for number in (1, 2)]

    assert sorted(store.refunds_of_charge(TENANT, TRANSACTION.charge_id)) == [one.id for one in made]
    assert list(store.charges_of_customer(TENANT, "cus_1", 10)) == [TRANSACTION]
    assert list(store.charges_of_customer(TENANT, "cus_2", 10)) == []
    assert list(store.charges_of_customer(OTHER_TENANT, "cus_1", 10)) == []
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    store.forget_customer(held, "cst_1", 2, START)
    assert list(store.charges_of_customer(TENANT, "cus_1", 10)) == []
    assert store.ledger(TENANT, TRANSACTION) == without_customer(held)
    with pytest.raises(StoreConflict):
        store.forget_customer(held, "cst_1", 2, START)


def test_a_refund_judged_before_its_customer_was_erased_is_judged_again(store: RefundStore) -> None:
    store.put_ledger(ledger(), None, None)
    store.forget_customer(ledger(), "cst_1", 0, START)
    made = refund()

    with pytest.raises(StoreConflict):
        store.open(made, request(), of_change(None, made), ledger(), refuse_twin=False)
    erased = store.ledger(TENANT, TRANSACTION)
    assert erased is not None
    store.open(made, request(), of_change(None, made), erased, refuse_twin=False)

    assert store.find(TENANT, made.id) == (made, request())


def test_what_is_erased_of_a_request_is_gone_and_its_refund_stands(store: RefundStore) -> None:
    made = refund()
    store.put_ledger(ledger(), None, None)
    asked = request(metadata={"email": "a@shop.example", "orderId": "1"}, personal=("email",))
    store.open(made, asked, of_change(None, made), ledger(), refuse_twin=False)
    assert store.find(TENANT, made.id) == (made, asked)

    left = request(fingerprint=None, metadata={"orderId": "1"})
    store.erase_personal(TENANT, made.id, left)

    assert store.find(TENANT, made.id) == (made, left)
    assert [event.type for event in store.timeline(TENANT, made.id)] == ["refund.initiated"]


def test_no_more_is_reserved_than_is_available(store: RefundStore) -> None:
    opened(store, 1)
    opened(store, 2)

    with pytest.raises(StoreConflict):
        opened(store, 3)

    assert sums(store) == (4000, 0, 1000)
    assert store.find(TENANT, refund_id(3)) is None
    assert store.timeline(TENANT, refund_id(3)) == []


def test_a_disputed_charge_reserves_nothing(store: RefundStore) -> None:
    store.put_ledger(ledger(dispute="open"), None, None)

    with pytest.raises(StoreConflict):
        opened(store)

    assert sums(store) == (0, 0, 5000)


def test_a_twin_that_appeared_since_the_ledger_was_read_refuses_the_second(store: RefundStore) -> None:
    store.put_ledger(ledger(), None, None)
    before = store.ledger(TENANT, TRANSACTION)
    assert before is not None
    first, second = refund(1), refund(2)
    store.open(first, request(), of_change(None, first), before, refuse_twin=True)

    with pytest.raises(StoreConflict):
        store.open(second, request(), of_change(None, second), before, refuse_twin=True)

    assert store.find(TENANT, second.id) is None


def test_money_settles_releases_and_comes_back_late(store: RefundStore) -> None:
    paid = change(store, opened(store, 1), "processing", LedgerChange("gate", 2000))
    paid = change(store, paid, "completed", LedgerChange("settle", 2000), external_refund_id="re_1")
    assert sums(store) == (0, 2000, 3000)

    change(store, opened(store, 2), "failed", LedgerChange("release", 2000))
    assert sums(store) == (0, 2000, 3000)

    change(store, paid, "failed", LedgerChange("unsettle", 2000), status_detail="unknown")
    assert sums(store) == (0, 0, 5000)


def test_a_failed_refund_is_nobodys_twin_but_leaves_the_others(store: RefundStore) -> None:
    first, second = opened(store, 1), opened(store, 2)

    change(store, first, "failed", LedgerChange("release", 2000))

    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    assert held.twins == {TWIN: {second.id: START}}


def test_a_change_from_an_old_version_changes_nothing(store: RefundStore) -> None:
    made = opened(store)
    change(store, made, "processing", LedgerChange("gate", 2000))

    with pytest.raises(StoreConflict):
        change(store, made, "failed", LedgerChange("release", 2000))

    assert sums(store) == (2000, 0, 3000)
    assert [event.type for event in store.timeline(TENANT, made.id)] == ["refund.initiated", "refund.processing"]


def test_the_gate_stays_shut_while_a_dispute_is_open(store: RefundStore) -> None:
    made = opened(store)
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    store.put_ledger(
        ledger(dispute="open", reserved_minor=2000, twins=held.twins, version=held.version + 1), held, None
    )

    with pytest.raises(StoreConflict):
        change(store, made, "processing", LedgerChange("gate", 2000))

    assert store.head(TENANT, made.id) == made


def test_a_ledger_is_replaced_only_at_the_version_that_was_read(store: RefundStore) -> None:
    store.put_ledger(ledger(), None, None)
    read = store.ledger(TENANT, TRANSACTION)
    opened(store)

    with pytest.raises(StoreConflict):
        store.put_ledger(ledger(captured_minor=9000, version=2), read, None)
    with pytest.raises(StoreConflict):
        store.put_ledger(ledger(), None, None)

    assert sums(store) == (2000, 0, 3000)


def test_another_name_of_a_charge_is_remembered_and_never_changes(store: RefundStore) -> None:
    store.remember_charge(TENANT, TRANSACTION, "pi_1")
    store.remember_charge(TENANT, TRANSACTION, "pi_1")

    with pytest.raises(StoreConflict):
        store.remember_charge(TENANT, TRANSACTION._replace(charge_id="ch_2"), "pi_1")

    assert store.charge_of(TENANT, "stripe", "acct_1", "pi_1") == "ch_1"
    assert store.charge_of(OTHER_TENANT, "stripe", "acct_1", "pi_1") is None


def test_another_tenant_sees_nothing(store: RefundStore) -> None:
    made = opened(store)

    assert store.find(OTHER_TENANT, made.id) is None
    assert store.head(OTHER_TENANT, made.id) is None
    assert store.timeline(OTHER_TENANT, made.id) == []
    assert store.ledger(OTHER_TENANT, TRANSACTION) is None
    assert store.page(OTHER_TENANT, RefundFilter(), Position(10, 0, None)) == ([], None)


def test_a_list_is_newest_first_and_pages_by_cursor_and_by_offset_alike(store: RefundStore) -> None:
    store.put_ledger(ledger(captured_minor=100_000), None, None)
    made = [
        opened(store, number, created_at=START + timedelta(minutes=number), updated_at=START) for number in range(1, 8)
    ]
    change(store, made[3], "failed", LedgerChange("release", 2000))
    expected = [one.id for one in reversed(made)]

    def ids(limit: int, offset: int = 0, after: str | None = None, **wanted: Any) -> tuple[list[str], str | None]:
        page = store.page(TENANT, RefundFilter(**wanted), Position(limit, offset, after))
        return [found.id for found, _ in page.found], page.next_cursor

    first, after = ids(3)
    second, further = ids(3, after=after)
    third, _ = ids(3, after=further)
    assert first + second + third == expected
    assert ids(3, offset=3)[0] == second
    assert ids(25, status="failed")[0] == [made[3].id]
    assert ids(6, status="pending")[0] == [one.id for one in reversed(made) if one is not made[3]]
    assert ids(25, processor="square") == ([], None)
    assert ids(25, initiated_by="api") == (expected, None)
    assert ids(25, initiated_by="mcp") == ([], None)
    assert ids(100) == (expected, None)
    from_second, before_sixth = START + timedelta(minutes=2), START + timedelta(minutes=6)
    assert ids(25, created_from=from_second, created_before=before_sixth) == (expected[2:6], None)
    assert ids(25, created_from=before_sixth, created_before=from_second) == ([], None)
    assert ids(25, transaction_id=TRANSACTION.charge_id) == (expected, None)
    assert ids(25, transaction_id="ch_other") == ([], None)
    narrowed, after = ids(2, transaction_id=TRANSACTION.charge_id, created_before=before_sixth)
    assert narrowed == expected[2:4]
    rest = ids(25, after=after, transaction_id=TRANSACTION.charge_id, created_before=before_sixth)
    assert rest == (expected[4:], None)


def test_the_gate_stays_shut_while_more_is_held_than_was_captured(store: RefundStore) -> None:
    made = opened(store)
    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    over = replace(held, elsewhere_minor=3001, version=held.version + 1)
    store.put_ledger(over, held, None)

    with pytest.raises(StoreConflict):
        change(store, made, "processing", LedgerChange("gate", 2000))


def adoption(store: RefundStore, number: int, kind: Any, status: Any) -> Refund:
    made = refund(number, status=status, external_refund_id="re_9", initiated_by="processor")
    store.adopt(made, request(), of_change(None, made), LedgerChange(kind, 2000))
    return made


def test_an_adopted_refunds_money_moves_from_elsewhere_once(store: RefundStore) -> None:
    store.put_ledger(ledger(elsewhere_minor=4000), None, None)

    made = adoption(store, 1, "adopt_refunded", "completed")
    for number in (1, 2):
        with pytest.raises(StoreConflict):
            adoption(store, number, "adopt_refunded", "completed")

    held = store.ledger(TENANT, TRANSACTION)
    assert held is not None
    assert (held.elsewhere_minor, held.refunded_minor, held.available_minor) == (2000, 2000, 1000)
    assert held.adopted == {"re_9"}
    assert store.find(TENANT, made.id) == (made, request())
    assert [event.type for event in store.timeline(TENANT, made.id)] == ["refund.completed"]


def test_nothing_is_adopted_that_was_not_counted_elsewhere(store: RefundStore) -> None:
    store.put_ledger(ledger(elsewhere_minor=1999), None, None)

    with pytest.raises(StoreConflict):
        adoption(store, 1, "adopt_reserved", "processing")

    assert sums(store) == (0, 0, 3001)


def test_a_ledger_change_and_its_event_are_stored_together(store: RefundStore) -> None:
    store.put_ledger(ledger(), None, None)
    before = store.ledger(TENANT, TRANSACTION)
    assert before is not None
    after = replace(before, dispute="open", version=2)
    event = of_look(before, after)
    assert event is not None

    store.put_ledger(after, before, event)
    with pytest.raises(StoreConflict):
        store.put_ledger(after, before, event)

    assert store.ledger(TENANT, TRANSACTION) == after


def test_refunds_under_way_are_due_when_their_time_has_come_longest_due_first(store: RefundStore) -> None:
    store.put_ledger(ledger(captured_minor=100_000), None, None)
    made = [opened(store, number, next_look_at=START + timedelta(minutes=5 - number)) for number in range(1, 5)]
    opened(store, 5)

    assert store.due(START, 10) == []
    assert store.due(START + timedelta(minutes=2), 10) == [(TENANT, made[3].id), (TENANT, made[2].id)]
    assert store.due(START + timedelta(minutes=9), 1) == [(TENANT, made[3].id)]
    later = replace(made[3], next_look_at=START + timedelta(hours=1), looks=1)
    store.put_off(later)
    change(store, made[2], "failed", LedgerChange("release", 2000))
    assert store.due(START + timedelta(minutes=9), 10) == [(TENANT, made[1].id), (TENANT, made[0].id)]
    assert store.head(TENANT, made[3].id) == later
    with pytest.raises(StoreConflict):
        store.put_off(replace(made[2], next_look_at=START))
