"""Paying refunds: the gate, one key for ever, definite and unknown answers, and what webhooks add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from refundkit_core.application.settle_refund import Mismatch
from refundkit_core.domain.errors import ProcessorDeclined, ProcessorDenied, ProcessorUnknown
from refundkit_core.domain.processor import ProcessorRefund

from tests.support.builders import TENANT, processor_refund
from tests.support.desk import Desk


def lost_answer(effect: Callable[[], ProcessorRefund]) -> ProcessorRefund:
    effect()
    raise ProcessorUnknown("timeout")


def nothing_happened(_: Callable[[], ProcessorRefund]) -> ProcessorRefund:
    raise ProcessorUnknown("timeout")


def declined(_: Callable[[], ProcessorRefund]) -> ProcessorRefund:
    raise ProcessorDeclined("insufficient_funds", "no")


def denied(_: Callable[[], ProcessorRefund]) -> ProcessorRefund:
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


@pytest.mark.parametrize("fate", [lost_answer, nothing_happened, denied])
def test_an_unknown_outcome_keeps_its_money_and_is_found_out_under_the_same_key(
    fate: Callable[[Callable[[], ProcessorRefund]], ProcessorRefund],
) -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [fate, fate]

    assert [desk.execute(refund), desk.execute(refund)] == ["try_again", "try_again"]
    unknown = desk.now(refund)
    assert (unknown.status, unknown.status_detail) == ("processing", "outcome_unknown")
    assert desk.sums == (2000, 0, 3000)

    assert desk.execute(refund) == "settled"
    assert len(desk.processor.refunds) == 1
    assert len({order.processor_key for order in desk.processor.orders}) == 1
    assert desk.now(refund).status == "completed"
    assert desk.timeline(refund).count("refund.outcome_unknown") == 1


def test_after_23_hours_an_unknown_outcome_is_never_sent_again() -> None:
    desk = Desk()
    refund = desk.ask().refund
    desk.processor.scripts = [nothing_happened]
    desk.execute(refund)

    desk.clock.advance(hours=22, minutes=59, seconds=59)
    desk.processor.scripts = [nothing_happened]
    assert desk.execute(refund) == "try_again"
    desk.clock.advance(seconds=1)
    assert desk.execute(refund) == "needs_a_person"

    assert len(desk.processor.orders) == 2
    assert desk.sums == (2000, 0, 3000)


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
    desk.store.put_ledger(replace(held, dispute="open", version=held.version + 1), held)

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

    def news_first(effect: Callable[[], ProcessorRefund]) -> ProcessorRefund:
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
