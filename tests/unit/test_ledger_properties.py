"""Whatever is asked, paid, lost, refused and refreshed, in any order: no more is held than was captured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from refundkit_core.application.records import Position, RefundFilter
from refundkit_core.domain.errors import ProcessorDeclined, ProcessorUnknown, RefundKitError
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import Refund

from tests.support.builders import TENANT, TRANSACTION
from tests.support.desk import Desk

Effect = Callable[[], ProcessorRefund]


def _answer_lost(effect: Effect) -> ProcessorRefund:
    effect()
    raise ProcessorUnknown("timeout")


def _nothing_happened(_: Effect) -> ProcessorRefund:
    raise ProcessorUnknown("timeout")


def _declined(_: Effect) -> ProcessorRefund:
    raise ProcessorDeclined("declined", "no")


FATES: list[Callable[[Effect], ProcessorRefund]] = [_answer_lost, _nothing_happened, _declined, lambda effect: effect()]

STATUSES = ["pending", "succeeded", "failed", "cancelled"]


class LedgerMachine(RuleBasedStateMachine):
    """One charge of 1,000; refunds of all sizes, keys used again, every fate at the processor, late failures."""

    @initialize()
    def start(self) -> None:
        self.desk = Desk(captured_minor=1000)
        self.refunds: dict[str, Refund] = {}

    @rule(
        amount=st.integers(1, 1200),
        key=st.sampled_from(["a", "b", "c", None]),
        reason=st.sampled_from(["other", "agent_error"]),
    )
    def ask(self, amount: int, key: str | None, reason: str) -> None:
        self._ask(amount_minor=amount, idempotency_key=key, reason=reason)

    @rule()
    def ask_for_the_rest(self) -> None:
        self._ask(amount_minor=None)

    def _ask(self, **asked: Any) -> None:
        try:
            opened = self.desk.ask(**asked)
        except RefundKitError:
            return
        self.refunds[opened.refund.id] = opened.refund

    @precondition(lambda self: self.refunds)
    @rule(choice=st.randoms(use_true_random=False), fate=st.sampled_from(FATES))
    def execute(self, choice: Any, fate: Any) -> None:
        refund = self.refunds[choice.choice(sorted(self.refunds))]
        self.desk.processor.scripts = [fate]
        self.desk.execute(refund)

    @precondition(lambda self: self.desk.processor.refunds)
    @rule(
        choice=st.randoms(use_true_random=False),
        status=st.sampled_from(["pending", "succeeded", "failed", "cancelled"]),
    )
    def news(self, choice: Any, status: Any) -> None:
        key = choice.choice(sorted(self.desk.processor.refunds))
        shown = self.desk.processor.refunds[key]
        if shown.holds_money:
            self.desk.processor.refunds[key] = replace(shown, status=status)
        self.look()

    @rule(amount=st.integers(1, 300), status=st.sampled_from(["succeeded", "pending"]))
    def refund_elsewhere(self, amount: int, status: Any) -> None:
        held = sum(made.amount_minor for made in self.desk.processor.refunds.values() if made.holds_money)
        reserved = self.desk.ledger.reserved_minor if self._seen() else 0
        if held + reserved + amount <= 1000:
            self.desk.processor.made_elsewhere(amount, status=status)
            self.look()

    @rule()
    def look(self) -> None:
        self.desk.look()
        for refund in self.desk.store.page(TENANT, RefundFilter(), Position(100, 0, None)).found:
            self.refunds[refund[0].id] = refund[0]

    @rule(minutes=st.sampled_from([1, 11]))
    def time_passes(self, minutes: int) -> None:
        self.desk.clock.advance(minutes=minutes)
        self.desk.sweep_and_work()

    @precondition(lambda self: self.refunds)
    @rule(choice=st.randoms(use_true_random=False))
    def cancel(self, choice: Any) -> None:
        with suppress(RefundKitError):
            self.desk.cancel(TENANT, choice.choice(sorted(self.refunds)))

    def _seen(self) -> bool:
        return self.desk.store.ledger(TENANT, TRANSACTION) is not None

    @invariant()
    def the_ledger_holds_what_its_refunds_hold(self) -> None:
        held = self.desk.store.ledger(TENANT, TRANSACTION)
        if held is None:
            return
        heads = [self.desk.now(refund) for refund in self.refunds.values()]
        assert held.reserved_minor == sum(each.money.amount_minor for each in heads if each.holds_reservation)
        assert held.refunded_minor == sum(each.money.amount_minor for each in heads if each.status == "completed")
        assert held.reserved_minor + held.refunded_minor + held.lost_minor <= held.captured_minor

    @invariant()
    def each_refund_is_sent_under_one_key_and_every_change_has_its_event(self) -> None:
        for refund in self.refunds.values():
            keys = {order.processor_key for order in self.desk.processor.orders if order.refund_id == refund.id}
            events = self.desk.store.timeline(TENANT, refund.id)
            assert len(keys) <= 1
            assert [event.version for event in events] == list(range(1, self.desk.now(refund).version + 1))


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=2_000, stateful_step_count=20, deadline=None)
