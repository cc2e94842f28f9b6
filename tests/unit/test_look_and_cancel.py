"""Fresh looks at a charge (disputes, refunds made without us, warnings), and cancelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from refundkit_core.application.records import ProcessorNews
from refundkit_core.domain import errors
from refundkit_core.domain.processor import ProcessorRefund

from tests.support.builders import TENANT, snapshot
from tests.support.desk import Desk


def adopted(desk: Desk) -> list[Any]:
    return [
        refund
        for (_, refund_id), (refund, _) in desk.store._refunds.items()
        if refund.initiated_by == "processor" and refund_id
    ]


def test_a_refund_made_without_us_is_adopted_once_and_counts_once() -> None:
    desk = Desk()
    desk.processor.made_elsewhere(1500)

    for _ in range(3):
        desk.look()

    (found,) = adopted(desk)
    assert (found.status, found.money.amount_minor, found.external_refund_id) == ("completed", 1500, "re_1")
    assert desk.sums == (0, 1500, 3500)
    assert desk.ledger.elsewhere_minor == 0
    assert desk.timeline(found) == ["refund.completed"]


def test_an_adopted_refund_that_fails_later_gives_its_money_back_and_never_comes_again() -> None:
    desk = Desk()
    desk.processor.made_elsewhere(1500)
    desk.look()
    desk.processor.becomes("failed", "declined")

    desk.look()
    desk.look()

    (found,) = adopted(desk)
    assert (found.status, found.status_detail) == ("failed", "declined")
    assert desk.sums == (0, 0, 5000)


def test_a_pending_refund_made_without_us_is_reserved_until_it_is_paid() -> None:
    desk = Desk()
    desk.processor.made_elsewhere(1500, status="pending")
    desk.look()
    assert desk.sums == (1500, 0, 3500)

    desk.processor.becomes("succeeded")
    desk.look()

    assert desk.sums == (0, 1500, 3500)


def test_a_refund_made_without_us_that_failed_before_we_looked_is_left_alone() -> None:
    desk = Desk()
    desk.processor.made_elsewhere(1500, status="failed")

    desk.look()

    assert adopted(desk) == []
    assert desk.sums == (0, 0, 5000)


def test_our_own_refund_is_settled_by_a_look_and_not_adopted() -> None:
    desk = Desk()
    refund = desk.ask().refund

    def lost(effect: Callable[[], ProcessorRefund]) -> ProcessorRefund:
        effect()
        raise errors.ProcessorUnknown("timeout")

    desk.processor.scripts = [lost]
    desk.execute(refund)
    desk.look()

    assert desk.now(refund).status == "completed"
    assert adopted(desk) == []
    assert desk.sums == (0, 2000, 3000)


def test_a_refund_with_our_metadata_that_we_had_given_up_is_adopted_so_that_its_money_counts() -> None:
    desk = Desk()
    refund = desk.ask().refund

    def declined(_: object) -> ProcessorRefund:
        raise errors.ProcessorDeclined("declined", "no")

    desk.processor.scripts = [declined]
    desk.execute(refund)
    desk.processor.made_elsewhere(2000, refund_id=refund.id)
    desk.look()

    assert desk.now(refund).status == "failed"
    assert len(adopted(desk)) == 1
    assert desk.sums == (0, 2000, 3000)


def test_a_dispute_opens_and_closes_each_told_once() -> None:
    desk = Desk()
    desk.look()
    for dispute in ("open", "open", "won", "won"):
        desk.processor.charges["ch_1"] = snapshot(dispute=dispute)
        desk.look()

    assert [(event.type, event.payload["dispute"]) for event in desk.store.looks] == [
        ("dispute.opened", "open"),
        ("dispute.closed", "won"),
    ]
    assert desk.ask().replayed is False


def test_a_lost_dispute_takes_its_amount_for_good() -> None:
    desk = Desk()
    desk.processor.charges["ch_1"] = snapshot(dispute="lost", lost_minor=4000)
    desk.look()

    assert desk.sums == (0, 0, 1000)
    with pytest.raises(errors.TransactionDisputed):
        desk.ask(amount_minor=1001)


def test_a_dispute_after_approval_stops_what_was_not_handed_over() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.clock.advance(days=1)
    desk.processor.charges["ch_1"] = snapshot(dispute="open")
    desk.look()

    desk.execute(refund)

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "transaction_disputed")
    assert desk.processor.orders == []
    assert desk.sums == (0, 0, 5000)


def test_an_early_fraud_warning_is_kept_through_later_looks() -> None:
    desk = Desk()
    news = ProcessorNews(
        desk.connections.connection.id, TENANT, "stripe", "evt_1", "radar", "ch_1", "made_with_lost_card"
    )

    assert desk.apply_news(news) == "applied"
    desk.clock.advance(hours=1)
    desk.look()

    assert desk.ledger.fraud_warning == "made_with_lost_card"


def test_news_of_a_status_that_nobody_knows_asks_for_a_person_and_changes_nothing() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "pending"
    desk.execute(refund)
    desk.processor.becomes("unknown")
    news = ProcessorNews(desk.connections.connection.id, TENANT, "stripe", "evt_1", "refund.updated", "ch_1")

    assert desk.apply_news(news) == "needs_a_person"
    assert desk.now(refund).status == "processing"


def test_a_look_that_finds_nothing_new_writes_nothing() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.execute(refund)
    desk.look()
    before = desk.ledger

    desk.look()

    assert desk.ledger is before


def test_a_refund_is_cancelled_before_it_is_handed_over_and_its_money_is_free() -> None:
    desk = Desk()
    refund = desk.ask(idempotency_key=None).refund

    cancelled, _ = desk.cancel(TENANT, refund.id)

    assert cancelled.status == "cancelled"
    assert desk.cancel(TENANT, refund.id)[0] == cancelled
    assert desk.sums == (0, 0, 5000)
    assert desk.timeline(refund) == ["refund.initiated", "refund.cancelled"]
    assert desk.execute(refund) == "nothing_to_do"
    assert desk.ask(idempotency_key=None).replayed is False


def test_a_refund_that_requires_action_is_taken_back_at_the_processor() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "requires_action"
    desk.execute(refund)
    assert desk.now(refund).status_detail == "requires_action"

    cancelled, _ = desk.cancel(TENANT, refund.id)

    assert (cancelled.status, desk.sums) == ("cancelled", (0, 0, 5000))


def test_a_refund_that_is_paid_submitted_or_on_its_way_is_not_cancellable() -> None:
    desk = Desk()
    paid, submitted, unknown = (desk.ask(amount_minor=amount).refund for amount in (1, 2, 3))
    desk.execute(paid)
    desk.processor.status = "pending"
    desk.execute(submitted)

    def nothing_happened(_: object) -> ProcessorRefund:
        raise errors.ProcessorUnknown("timeout")

    desk.processor.scripts = [nothing_happened]
    desk.execute(unknown)

    for refund in (paid, submitted, unknown):
        with pytest.raises(errors.NotCancellable):
            desk.cancel(TENANT, refund.id)
    with pytest.raises(errors.NotFound):
        desk.cancel(TENANT, "ref_00000000000000000000000009")
    with pytest.raises(errors.NotFound):
        desk.cancel(TENANT, "x")


def test_cancelling_an_adopted_refund_that_is_paid_is_refused() -> None:
    desk = Desk()
    desk.processor.made_elsewhere(100)
    desk.look()
    (found,) = adopted(desk)

    with pytest.raises(errors.NotCancellable):
        desk.cancel(TENANT, found.id)


def test_a_refund_made_elsewhere_after_our_approval_stops_ours_at_the_gate_and_not_what_still_fits() -> None:
    desk = Desk()
    first, second = desk.ask(amount_minor=3000).refund, desk.ask(amount_minor=2000).refund
    desk.processor.made_elsewhere(1)
    desk.look()

    desk.execute(first)
    desk.execute(second)

    failed = desk.now(first)
    assert (failed.status, failed.status_detail) == ("failed", "amount_no_longer_free")
    assert desk.now(second).status == "completed"
    assert desk.sums == (0, 2001, 2999)


def test_credentials_that_are_refused_while_looking_mark_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()

    def denied(_: str) -> NoReturn:
        raise errors.ProcessorDenied("expired key")

    monkeypatch.setattr(desk.processor, "look_up", denied)
    news = ProcessorNews(desk.connections.connection.id, TENANT, "stripe", "evt_1", "refund.updated", "ch_1")

    with pytest.raises(errors.ProcessorDenied):
        desk.ask()
    assert desk.connections.connection.status == "error"
    desk.connections.mark(desk.connections.connection, "active", desk.clock.now())
    with pytest.raises(errors.ProcessorDenied):
        desk.apply_news(news)
    assert desk.connections.connection.status == "error"


def test_a_payment_intent_whose_first_charge_failed_is_refunded_by_its_second() -> None:
    desk = Desk(captured_minor=0)
    desk.processor.intents["pi_1"] = "ch_1"
    with pytest.raises(errors.Refused):
        desk.ask(transaction_id="pi_1")

    desk.processor.charges["ch_2"] = snapshot(charge_id="ch_2")
    desk.processor.intents["pi_1"] = "ch_2"
    opened = desk.ask(transaction_id="pi_1").refund

    assert opened.transaction.charge_id == "ch_2"
    assert desk.execute(opened) == "settled"
