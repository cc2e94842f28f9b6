"""Opening refunds: replay before judgement, one name for one charge, twins, and the reasons of a no."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.processor import ChargeSnapshot

from tests.support.builders import OTHER_TENANT, TENANT, snapshot
from tests.support.clock import START
from tests.support.desk import Desk


def test_a_refund_reserves_its_money_and_says_why_it_may_be_paid() -> None:
    desk = Desk()

    opened = desk.ask(metadata={"orderId": "1"})

    assert is_id("ref", opened.refund.id)
    assert (opened.refund.status, opened.replayed) == ("pending", False)
    assert desk.sums == (2000, 0, 3000)
    assert [(rule.rule, rule.outcome) for rule in opened.request.decision] == [
        ("captured", "pass"),
        ("currency", "pass"),
        ("dispute", "pass"),
        ("remaining", "pass"),
        ("final_sale", "pass"),
        ("return_window", "pass"),
        ("exchange_only", "pass"),
        ("risk", "pass"),
    ]


def test_the_same_key_and_body_answer_with_the_same_refund_and_no_second_effect() -> None:
    desk = Desk()
    first = desk.ask(idempotency_key="k")

    again = desk.ask(idempotency_key="k")

    assert again == first._replace(replayed=True)
    assert desk.sums == (2000, 0, 3000)


@pytest.mark.parametrize(
    "changed", [{"amount_minor": 1999}, {"reason": "other"}, {"metadata": {"a": 1}}, {"currency": "usd"}]
)
def test_the_same_key_with_another_body_is_refused_and_names_the_first(changed: dict[str, Any]) -> None:
    desk = Desk()
    first = desk.ask(idempotency_key="k")

    with pytest.raises(errors.IdempotencyKeyReused) as refused:
        desk.ask(idempotency_key="k", **changed)

    assert refused.value.details == (errors.Detail("Idempotency-Key", first.refund.id),)


def test_a_retry_replays_after_its_own_refund_took_the_rest_and_after_the_window_closed() -> None:
    desk = Desk()
    first = desk.ask(idempotency_key="k", amount_minor=5000)
    desk.clock.advance(days=31)
    desk.processor.charges.clear()

    assert desk.ask(idempotency_key="k", amount_minor=5000) == first._replace(replayed=True)


def test_a_refusal_records_nothing_and_its_key_is_judged_anew() -> None:
    desk = Desk(dispute="open")
    with pytest.raises(errors.TransactionDisputed):
        desk.ask(idempotency_key="k")

    desk.processor.charges["ch_1"] = snapshot()
    desk.clock.advance(minutes=11)

    assert desk.ask(idempotency_key="k").replayed is False


def test_one_key_in_two_organizations_opens_two_refunds() -> None:
    desk, other = Desk(), Desk()
    other.connections.connection = replace(other.connections.connection, tenant=OTHER_TENANT)

    first = desk.ask(idempotency_key="k")
    second = other.ask(idempotency_key="k", tenant=OTHER_TENANT)

    assert first.refund.id != second.refund.id


def test_two_names_of_one_charge_share_one_ledger() -> None:
    desk = Desk()
    desk.processor.intents["pi_1"] = "ch_1"

    desk.ask(transaction_id="pi_1", amount_minor=3000)

    with pytest.raises(errors.AmountExceedsRefundable):
        desk.ask(transaction_id="ch_1", amount_minor=3000)


def test_the_processor_is_asked_once_while_the_snapshot_is_fresh_by_either_name() -> None:
    desk = Desk()
    desk.processor.intents["pi_1"] = "ch_1"

    desk.ask(transaction_id="pi_1", amount_minor=1)
    desk.ask(transaction_id="pi_1", amount_minor=2)
    desk.ask(transaction_id="ch_1", amount_minor=3)
    assert desk.processor.lookups == ["pi_1"]

    desk.clock.advance(minutes=10, seconds=1)
    desk.ask(transaction_id="ch_1", amount_minor=4)
    assert desk.processor.lookups == ["pi_1", "ch_1"]


def test_a_refresh_keeps_our_reservations_and_takes_in_refunds_made_elsewhere() -> None:
    desk = Desk()
    desk.ask(amount_minor=2000)
    desk.processor.made_elsewhere(2500)
    desk.clock.advance(minutes=11)

    with pytest.raises(errors.AmountExceedsRefundable) as refused:
        desk.ask(amount_minor=501)

    assert refused.value.details[0] == errors.Detail("remaining", "500")


@pytest.mark.parametrize("key", [{"idempotency_key": None}, {"generated_key": True}])
def test_a_twin_without_a_key_of_the_callers_own_is_refused_and_names_the_first(key: dict[str, Any]) -> None:
    desk = Desk()
    first = desk.ask(amount_minor=100)

    with pytest.raises(errors.AlreadyProcessed) as refused:
        desk.ask(amount_minor=100, **key)

    assert refused.value.details == (errors.Detail("refundId", first.refund.id),)
    assert desk.ask(amount_minor=101, **key).replayed is False
    assert desk.ask(amount_minor=100, reason="other", **key).replayed is False
    assert desk.ask(amount_minor=100).replayed is False


def test_a_twin_of_more_than_a_day_ago_or_of_a_failed_refund_is_none() -> None:
    desk = Desk()
    first = desk.ask(amount_minor=100, idempotency_key=None)
    desk.clock.advance(hours=24)
    second = desk.ask(amount_minor=100, idempotency_key=None)
    desk.connections.gone = True
    assert desk.execute(second.refund) == "settled"
    assert desk.now(second.refund).status == "failed"
    desk.connections.gone = False

    third = desk.ask(amount_minor=100, idempotency_key=None)

    assert len({first.refund.id, second.refund.id, third.refund.id}) == 3


def test_full_takes_what_remains() -> None:
    desk = Desk()
    desk.ask(amount_minor=1200)

    assert desk.ask(amount_minor=None).refund.money.amount_minor == 3800
    with pytest.raises(errors.AlreadyProcessed):
        desk.ask(amount_minor=None)


@pytest.mark.parametrize(
    ("charge", "asked", "error"),
    [
        ({"captured_minor": 0}, {}, errors.Refused),
        ({}, {"currency": "eur"}, errors.CurrencyMismatch),
        ({"dispute": "open"}, {}, errors.TransactionDisputed),
        ({"dispute": "lost", "lost_minor": 5000}, {}, errors.TransactionDisputed),
        ({"dispute": "lost", "lost_minor": 3001}, {}, errors.TransactionDisputed),
        ({}, {"amount_minor": 5001}, errors.AmountExceedsRefundable),
        ({"purchased_at": START - timedelta(days=30, seconds=1)}, {}, errors.ReturnWindowExpired),
        ({}, {"transaction_id": "ch_unknown"}, errors.NotFound),
        ({}, {"transaction_id": "txn_abc123"}, errors.NotFound),
        ({}, {"transaction_id": "txn_abc123", "processor": "stripe"}, errors.NotFound),
        ({}, {"processor": "square"}, errors.ProcessorNotConnected),
    ],
)
def test_what_may_not_be_refunded_is_refused_and_holds_nothing(
    charge: dict[str, Any], asked: dict[str, Any], error: type[errors.RefundKitError]
) -> None:
    desk = Desk(**charge)

    with pytest.raises(errors.RefundKitError) as refused:
        desk.ask(**asked)

    assert type(refused.value) is error
    if (
        "ch_1" in (held := desk.processor.charges)
        and asked.get("transaction_id") is None
        and not asked.get("processor")
    ):
        assert isinstance(held["ch_1"], ChargeSnapshot)
        assert (desk.ledger.reserved_minor, desk.ledger.refunded_minor) == (0, 0)


def test_the_window_includes_its_last_instant() -> None:
    assert Desk(purchased_at=START - timedelta(days=30)).ask().replayed is False


def test_a_partly_lost_dispute_leaves_the_rest_refundable() -> None:
    assert Desk(dispute="lost", lost_minor=3000).ask(amount_minor=2000).replayed is False


def test_a_refusal_lists_every_rule_that_failed() -> None:
    desk = Desk(purchased_at=START - timedelta(days=40))
    desk.processor.made_elsewhere(4000)

    with pytest.raises(errors.AmountExceedsRefundable) as refused:
        desk.ask(currency="usd")

    assert [detail.field for detail in refused.value.details] == [
        "remaining",
        "remaining",
        "return_window",
        "decisionId",
    ]


@pytest.mark.parametrize("held", [5000, 6000])
def test_a_charge_that_others_refunded_whole_has_nothing_left(held: int) -> None:
    desk = Desk()
    desk.processor.made_elsewhere(held)

    with pytest.raises(errors.AlreadyProcessed):
        desk.ask()


def test_a_copied_metadata_id_hides_no_money() -> None:
    desk = Desk()
    first = desk.ask(amount_minor=2000).refund
    desk.execute(first)
    desk.processor.made_elsewhere(2000, refund_id=first.id)
    desk.clock.advance(minutes=11)

    with pytest.raises(errors.AmountExceedsRefundable) as refused:
        desk.ask(amount_minor=1001)

    assert refused.value.details[0] == errors.Detail("remaining", "1000")


@pytest.mark.parametrize("key_id", [None, "key_1"])
def test_a_switch_stops_new_refunds_and_replays_go_on(key_id: str | None) -> None:
    desk = Desk()
    first = desk.ask(idempotency_key="k", key_id="key_1")
    desk.switches.set(TENANT, key_id, paused=True)

    with pytest.raises(errors.Paused):
        desk.ask(key_id="key_1")

    assert desk.ask(idempotency_key="k", key_id="key_1") == first._replace(replayed=True)
    if key_id is not None:
        assert desk.ask(key_id="key_2", amount_minor=1).replayed is False


def test_a_refund_whose_write_was_not_answered_is_found_again_and_without_a_key_is_no_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    write = desk.store.open

    def answer_lost(*args: Any, **options: Any) -> None:
        write(*args, **options)
        monkeypatch.setattr(desk.store, "open", write)
        raise errors.StoreConflict("The store did not answer")

    monkeypatch.setattr(desk.store, "open", answer_lost)
    opened = desk.ask(idempotency_key=None)

    assert opened.replayed is False
    assert desk.sums == (2000, 0, 3000)


def test_a_charge_seen_for_the_first_time_is_stored_with_its_refund_or_with_its_refusal() -> None:
    opening, refusing = Desk(), Desk()

    opening.ask()
    with pytest.raises(errors.AmountExceedsRefundable):
        refusing.ask(amount_minor=5001)

    assert (opening.ledger.version, opening.sums) == (1, (2000, 0, 3000))
    assert (refusing.ledger.version, refusing.sums) == (1, (0, 0, 5000))
    looks = refusing.processor.lookups[:]
    refusing.ask()
    assert refusing.processor.lookups == looks
