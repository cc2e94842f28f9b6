"""Paying refunds: the gate, one key for ever, definite and unknown answers, and what webhooks add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from refundkit_core.application.settle_refund import Mismatch
from refundkit_core.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    ProcessorDeclined,
    ProcessorDenied,
    ProcessorUnknown,
)
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import Refund

from tests.support.builders import TENANT, processor_refund
from tests.support.desk import Desk

Effect = Callable[[], ProcessorRefund]
Fate = Callable[[Effect], ProcessorRefund]


def lost_answer(effect: Effect) -> ProcessorRefund:
    effect()
    raise ProcessorUnknown("timeout")


def nothing_happened(_: Effect) -> ProcessorRefund:
    raise ProcessorUnknown("timeout")


def declined(_: Effect) -> ProcessorRefund:
    raise ProcessorDeclined("insufficient_funds", "no")


def denied(_: Effect) -> ProcessorRefund:
    raise ProcessorDenied("expired key")


def test_a_refund_is_sent_once_and_completes() -> None:
    desk = Desk()
    refund = desk.ask().refund

    assert [desk.execute(refund) for _ in range(3)] == ["settled", "nothing_to_do", "nothing_to_do"]

    (order,) = desk.processor.orders
    paid = desk.now(refund)
    assert (paid.status, paid.external_refund_id, paid.processor_key) == ("completed", "re_1", order.processor_key)
    assert desk.sums == (0, 2000, 3000)
    assert desk.timeline(refund) == ["refund.initiated", "refund.processing", "refund.completed"]


@pytest.mark.parametrize("fate", [lost_answer, nothing_happened])
def test_an_unknown_outcome_keeps_its_money_and_the_sweep_finds_it_out(fate: Fate) -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [fate]

    assert desk.execute(refund) == "try_later"
    unknown = desk.now(refund)
    assert (unknown.status, unknown.status_detail) == ("processing", "outcome_unknown")
    assert desk.sums == (2000, 0, 3000)
    assert desk.sweep_and_work() == []

    desk.clock.advance(minutes=2)
    assert desk.sweep_and_work() == ["settled"]
    assert len(desk.processor.refunds) == 1
    assert len(desk.processor.orders) == (1 if fate is lost_answer else 2)
    assert len({order.processor_key for order in desk.processor.orders}) == 1
    assert desk.now(refund).status == "completed"
    assert desk.sweep_and_work() == []


def test_looks_at_an_unknown_outcome_become_rarer_up_to_an_hour() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [nothing_happened] * 20
    waits = []

    for _ in range(8):
        desk.clock.advance(hours=1)
        desk.execute(refund)
        look = desk.now(refund).next_look_at
        assert look is not None
        waits.append((look - desk.clock.now()) // timedelta(minutes=1))

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert desk.timeline(refund).count("refund.outcome_unknown") == 1


def test_a_processor_that_answers_500_for_ever_for_a_key_whose_refund_exists_is_found_out_by_listing() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [lost_answer] * 20

    desk.execute(refund)
    desk.clock.advance(minutes=2)

    assert desk.sweep_and_work() == ["settled"]
    assert desk.now(refund).status == "completed"
    assert len(desk.processor.orders) == 1


def test_expired_credentials_fail_nothing_and_everything_is_paid_after_reconnecting() -> None:
    desk = Desk()
    first, second = desk.ask(amount_minor=1000).refund, desk.ask(amount_minor=1500).refund
    desk.processor.scripts = [denied]

    assert [desk.execute(first), desk.execute(second)] == ["try_later", "try_later"]
    assert desk.connections.connection.status == "error"
    assert (desk.now(first).status, desk.now(second).status) == ("processing", "pending")
    desk.clock.advance(hours=3)
    assert desk.sweep_and_work() == ["try_later", "try_later"]
    assert len(desk.processor.orders) == 1

    desk.connections.connection = replace(desk.connections.connection, status="active", version=2)
    desk.clock.advance(minutes=2)
    assert sorted(desk.sweep_and_work()) == ["settled", "settled"]
    assert desk.sums == (0, 2500, 2500)


def test_stale_credentials_do_not_mark_the_new_ones() -> None:
    desk = Desk()
    refund = desk.ask().refund
    old = desk.connections.connection

    def denied_while_reconnecting(_: Effect) -> ProcessorRefund:
        desk.connections.connection = replace(old, version=2)
        raise ProcessorDenied("expired key")

    desk.processor.scripts = [denied_while_reconnecting]
    desk.execute(refund)

    assert desk.connections.connection.status == "active"


def test_after_23_hours_a_refund_that_is_nowhere_to_be_found_waits_for_a_person() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [nothing_happened]
    desk.execute(refund)

    desk.clock.advance(hours=22, minutes=59, seconds=59)
    desk.processor.scripts = [nothing_happened]
    assert desk.execute(refund) == "try_later"
    desk.clock.advance(seconds=1)
    desk.throttle.resting.clear()
    assert [desk.execute(refund), desk.execute(refund)] == ["needs_a_person", "needs_a_person"]

    assert len(desk.processor.orders) == 2
    assert desk.sums == (2000, 0, 3000)
    assert desk.now(refund).status_detail == "needs_review"
    assert desk.timeline(refund).count("refund.needs_review") == 1
    desk.clock.advance(days=2)
    assert desk.sweep_and_work() == []


def test_after_25_hours_a_lost_answer_is_adopted_by_listing_without_a_second_call() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [lost_answer]
    desk.execute(refund)
    desk.clock.advance(hours=25)

    assert desk.execute(refund) == "settled"

    assert desk.now(refund).status == "completed"
    assert len(desk.processor.orders) == 1


def flagged() -> tuple[Desk, Refund]:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [nothing_happened]
    desk.execute(refund)
    desk.clock.advance(hours=23)
    desk.execute(refund)
    return desk, refund


def test_a_person_settles_what_was_not_paid() -> None:
    desk, refund = flagged()

    settled = desk.resolve_refund(TENANT, refund.id, "not_paid", None)

    assert (settled.status, settled.status_detail) == ("failed", "resolved_as_not_paid")
    assert desk.sums == (0, 0, 5000)


def test_a_person_settles_what_was_paid_with_a_refund_that_the_processor_knows() -> None:
    desk, refund = flagged()
    paid = desk.processor.made_elsewhere(2000, refund_id=refund.id)
    other = desk.processor.made_elsewhere(1999)

    with pytest.raises(Invalid):
        desk.resolve_refund(TENANT, refund.id, "paid", None)
    with pytest.raises(Invalid):
        desk.resolve_refund(TENANT, refund.id, "paid", other.external_id)
    with pytest.raises(NotFound):
        desk.resolve_refund(TENANT, refund.id, "paid", "re_unknown")
    settled = desk.resolve_refund(TENANT, refund.id, "paid", paid.external_id)

    assert (settled.status, settled.external_refund_id) == ("completed", paid.external_id)
    assert desk.sums == (0, 2000, 3000)
    with pytest.raises(Conflict):
        desk.resolve_refund(TENANT, refund.id, "not_paid", None)


def test_what_somebody_paid_by_hand_counts_by_itself_and_not_for_the_flagged_refund_as_well() -> None:
    desk, refund = flagged()
    by_hand = desk.processor.made_elsewhere(2000)

    with pytest.raises(Invalid):
        desk.resolve_refund(TENANT, refund.id, "paid", by_hand.external_id)
    desk.resolve_refund(TENANT, refund.id, "not_paid", None)
    desk.look()

    assert desk.sums == (0, 2000, 3000)


def test_a_refund_that_the_processor_shows_as_paid_is_not_resolved_as_not_paid() -> None:
    desk, refund = flagged()
    desk.processor.made_elsewhere(2000, refund_id=refund.id)

    with pytest.raises(Conflict):
        desk.resolve_refund(TENANT, refund.id, "not_paid", None)

    assert desk.sums == (2000, 0, 3000)
    desk.connections.gone = True
    assert desk.resolve_refund(TENANT, refund.id, "not_paid", None).status == "failed"


def test_a_definite_no_fails_the_refund_and_frees_its_money() -> None:
    desk = Desk()
    refund = desk.ask(idempotency_key=None).refund
    desk.processor.scripts = [declined]

    assert desk.execute(refund) == "settled"

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "insufficient_funds")
    assert desk.sums == (0, 0, 5000)
    assert desk.ask(idempotency_key=None).replayed is False


def test_a_dispute_that_opens_before_the_gate_stops_the_refund() -> None:
    desk = Desk()
    refund = desk.ask().refund
    held = desk.ledger
    desk.store.put_ledger(replace(held, dispute="open", version=held.version + 1), held, None)

    desk.execute(refund)

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "transaction_disputed")
    assert desk.processor.orders == []
    assert desk.sums == (0, 0, 5000)


@pytest.mark.parametrize("account", [None, "acct_2"])
def test_a_connection_that_is_gone_or_changed_account_fails_the_refund_before_any_call(account: str | None) -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.connections.gone = account is None
    desk.connections.connection = replace(desk.connections.connection, account_id=account or "acct_1")

    desk.execute(refund)

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "processor_not_connected")
    assert desk.processor.orders == []
    assert desk.sums == (0, 0, 5000)


def test_a_pending_refund_finishes_by_news_and_news_twice_changes_nothing() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "pending"
    desk.execute(refund)
    submitted = desk.now(refund)
    assert (submitted.status, submitted.status_detail, submitted.external_refund_id) == (
        "processing",
        "submitted",
        "re_1",
    )

    news = desk.processor.becomes("succeeded")
    assert desk.settle(TENANT, refund.id, news) == desk.settle(TENANT, refund.id, news)

    assert desk.now(refund).status == "completed"
    assert desk.sums == (0, 2000, 3000)
    assert desk.timeline(refund)[-2:] == ["refund.submitted", "refund.completed"]


def test_news_that_arrives_before_our_own_answer_is_not_overwritten() -> None:
    desk = Desk()
    refund = desk.ask().refund

    def news_first(effect: Effect) -> ProcessorRefund:
        answer = effect()
        desk.settle(TENANT, refund.id, replace(answer, status="failed", failure_reason="declined"))
        raise ProcessorUnknown("timeout")

    desk.processor.scripts = [news_first]
    desk.execute(refund)

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "declined")
    assert desk.sums == (0, 0, 5000)


def test_a_late_failure_takes_back_what_was_counted_as_refunded() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.execute(refund)

    desk.settle(TENANT, refund.id, desk.processor.becomes("failed", "expired_or_canceled_card"))
    desk.settle(TENANT, refund.id, desk.processor.becomes("succeeded"))

    failed = desk.now(refund)
    assert (failed.status, failed.status_detail) == ("failed", "expired_or_canceled_card")
    assert desk.sums == (0, 0, 5000)


def test_an_unknown_processor_status_advances_nothing() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "unknown"

    assert desk.execute(refund) == "needs_a_person"

    assert desk.now(refund).status == "processing"
    assert desk.sums == (2000, 0, 3000)


@pytest.mark.parametrize("wrong", [{"amount_minor": 1}, {"currency": "eur"}, {"charge_id": "ch_2"}])
def test_news_that_does_not_match_what_was_ordered_is_refused(wrong: dict[str, object]) -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.execute(refund)

    with pytest.raises(Mismatch):
        desk.settle(TENANT, refund.id, processor_refund(refund, status="failed", **wrong))

    assert desk.now(refund).status == "completed"


def test_a_refund_that_nobody_knows_is_nothing_to_do() -> None:
    desk = Desk()

    assert desk.execute_refund(TENANT, "ref_00000000000000000000000009") == "nothing_to_do"


def test_a_pause_keeps_refunds_pending_and_they_go_on_after_it() -> None:
    desk = Desk()
    refund = desk.ask(key_id="key_1").refund
    desk.switches.set(TENANT, "key_1", paused=True)

    assert desk.execute(refund) == "paused"
    desk.clock.advance(minutes=5)
    assert desk.sweep_and_work() == ["paused"]
    assert desk.now(refund).status == "pending"
    desk.switches.set(TENANT, "key_1", paused=False)
    desk.clock.advance(minutes=5)
    assert desk.sweep_and_work() == ["settled"]
    assert desk.now(refund).status == "completed"


def test_a_connection_over_its_pace_has_its_refund_come_back_a_moment_later() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.throttle.waits = [2]

    assert desk.execute(refund) == "delayed"
    assert desk.queue.messages == [(TENANT, refund.id, 2)]
    assert desk.now(refund).status == "pending"
    assert desk.execute(refund) == "settled"


def test_a_long_outage_multiplies_no_messages() -> None:
    desk = Desk()
    refunds = [desk.ask(amount_minor=amount).refund for amount in range(1, 6)]
    desk.processor.scripts = [nothing_happened] * 10_000
    queued = []

    for _ in range(120):
        desk.clock.advance(minutes=1)
        desk.sweep()
        work, desk.queue.messages = desk.queue.messages, []
        for tenant, refund_id, _ in work:
            desk.execute_refund(tenant, refund_id)
        queued.append(len(work) + len(desk.queue.messages))

    assert max(queued) <= len(refunds)
    assert {desk.now(refund).status for refund in refunds} <= {"pending", "processing"}


def test_a_busy_connection_keeps_one_message_a_refund() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.throttle.waits = [1] * 300
    desk.queue.put(TENANT, refund.id, 0)

    for _ in range(200):
        desk.clock.advance(seconds=2)
        desk.sweep()
        work, desk.queue.messages = desk.queue.messages, []
        for tenant, refund_id, _ in work:
            desk.execute_refund(tenant, refund_id)

    assert len(desk.queue.messages) == 1


def test_a_submitted_refund_whose_account_was_disconnected_is_asked_about_ever_more_rarely() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "pending"
    desk.execute(refund)
    desk.connections.gone = True
    desk.clock.advance(minutes=5)

    assert desk.sweep_and_work() == ["needs_a_person"]
    assert desk.sweep_and_work() == []
    assert desk.now(refund).status_detail == "submitted"


def test_a_processor_that_does_not_answer_is_left_alone_for_a_moment() -> None:
    desk = Desk()
    first, second = desk.ask(amount_minor=1).refund, desk.ask(amount_minor=2).refund
    desk.processor.scripts = [nothing_happened]

    assert [desk.execute(first), desk.execute(second)] == ["try_later", "try_later"]
    assert len(desk.processor.orders) == 1
    assert desk.queue.messages == []
    desk.clock.advance(seconds=10)
    assert desk.execute(second) == "settled"


def test_a_processor_that_is_down_for_an_hour_loses_nothing() -> None:
    desk = Desk()
    refunds = [desk.ask(amount_minor=amount).refund for amount in range(1, 21)]
    desk.processor.scripts = [nothing_happened] * 1000

    for minute in range(60):
        work, desk.queue.messages = desk.queue.messages, []
        for tenant, refund_id, _ in [*work, *((TENANT, refund.id, 0) for refund in refunds if minute == 0)]:
            desk.execute_refund(tenant, refund_id)
        desk.clock.advance(minutes=1)
        desk.sweep()
    desk.processor.scripts = []
    for _ in range(120):
        desk.sweep_and_work()
        desk.clock.advance(minutes=1)

    assert {desk.now(refund).status for refund in refunds} == {"completed"}
    assert len(desk.processor.refunds) == 20
    assert desk.sums == (0, 210, 4790)


def test_a_submitted_refund_whose_webhook_was_lost_is_asked_about() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.status = "pending"
    desk.execute(refund)
    desk.processor.becomes("succeeded")

    desk.clock.advance(minutes=2)

    assert desk.sweep_and_work() == ["settled"]
    assert desk.now(refund).status == "completed"
