"""A payment processor that keeps Stripe's rules: one effect a key for 24 hours, no over-refunds, news at least once.

Source: Stripe's API reference, Idempotent requests and Refunds: the first answer that a key got is kept, as it was
then, a refusal from execution too; a failed or cancelled refund gives its money back to the charge.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from refundkit_core.domain.errors import NotFound, ProcessorDeclined, ProcessorDenied, ProcessorUnknown
from refundkit_core.domain.processor import ChargeSnapshot, ProcessorRefund, ProcessorStatus, RefundOrder

from tests.support.clock import FixedClock

KEYS_KEPT: Final = timedelta(hours=24)

Fate = Literal["answered", "lost", "late", "never_arrived", "denied", "declined"]
"""What becomes of one refund call: its answer is lost, it is executed after we gave up, it never arrives,
the credentials are refused, or the processor declines."""

Life = tuple[ProcessorStatus, ...]
"""The statuses that one refund goes through, its first included."""


@dataclass(frozen=True)
class Kept:
    """What a key answered with, and will for 24 hours."""

    at: datetime
    order: RefundOrder
    answer: ProcessorRefund | ProcessorDeclined


@dataclass(frozen=True)
class Sent:
    """A refund call as it arrived here, or would have."""

    at: datetime
    order: RefundOrder


class StripeLike:
    """``PaymentProcessor`` and the world behind it.

    ``later(what, do)`` has the world do something at some time, ``tell(type)`` posts news of the charge.
    ``falls_silent_for`` is for how long nothing is answered after the next refund call.
    """

    name = "stripe"

    def __init__(
        self,
        clock: FixedClock,
        charge: ChargeSnapshot,
        later: Callable[[str, Callable[[], None]], None],
        tell: Callable[[str], None],
    ) -> None:
        self._clock = clock
        self._later = later
        self._tell = tell
        self.charge = charge
        self.intents = {"pi_1": charge.charge_id}
        self.refunds: dict[str, ProcessorRefund] = {}
        self.sent: list[Sent] = []
        self.suspicions: set[str] = set()
        self.fates: deque[Fate] = deque()
        self.lives: deque[Life] = deque()
        self.falls_silent_for: timedelta | None = None
        self._silent_until = clock.now()
        self._kept: dict[str, Kept] = {}

    def owns(self, transaction_id: str) -> bool:
        return transaction_id.startswith(("ch_", "pi_"))

    def is_charge(self, transaction_id: str) -> bool:
        return transaction_id.startswith("ch_")

    def customer_email(self, charge_id: str) -> str | None:
        return None

    def look_up(self, transaction_id: str) -> ChargeSnapshot:
        self._answers()
        if self.intents.get(transaction_id, transaction_id) != self.charge.charge_id:
            raise NotFound("No such transaction")
        return replace(self.charge, refunded_minor=self.held_minor)

    def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
        self._answers()
        return [refund for refund in self.refunds.values() if refund.charge_id == charge_id]

    def find_refund(self, external_id: str) -> ProcessorRefund:
        self._answers()
        if external_id not in self.refunds:
            raise NotFound("No such refund")
        return self.refunds[external_id]

    def refund(self, order: RefundOrder) -> ProcessorRefund:
        self.sent.append(Sent(self._clock.now(), order))
        self._answers()
        fate = self.fates.popleft() if self.fates else "answered"
        if self.falls_silent_for is not None:
            self._silent_until = self._clock.now() + self.falls_silent_for
            self.falls_silent_for = None
        if fate == "denied":
            raise ProcessorDenied("401")
        if fate == "late":
            self._later("executes a late request", lambda: self._late(order))
        if fate in ("late", "never_arrived"):
            raise ProcessorUnknown("timeout")
        answer = self._executed(order, declines=fate == "declined")
        if fate == "lost":
            raise ProcessorUnknown("timeout")
        if isinstance(answer, ProcessorDeclined):
            raise answer
        return answer

    def cancel_refund(self, external_id: str) -> ProcessorRefund:
        seen = self.find_refund(external_id)
        if seen.status != "requires_action":
            raise ProcessorDeclined("too_late", "only what requires action can be cancelled")
        self.become(external_id, "cancelled")
        return self.refunds[external_id]

    @property
    def held_minor(self) -> int:
        """What all refunds hold of the charge."""
        return sum(refund.amount_minor for refund in self.refunds.values() if refund.holds_money)

    def made_outside(self, amount_minor: int, life: Life) -> None:
        """Somebody refunds in the processor's dashboard, as far as the charge's money goes."""
        if self.held_minor + amount_minor <= self.charge.captured_minor - self.charge.lost_minor:
            self._create(self.charge.charge_id, amount_minor, self.charge.currency, None, life)

    def becomes_disputed(self, **changes: object) -> None:
        """The charge's facts change, and the processor says so."""
        self.charge = replace(self.charge, **changes)  # type: ignore[arg-type]
        if self.charge.dispute in ("inquiry", "open"):
            self.suspicions.add(self.charge.dispute)
        self._tell("charge.dispute.updated")

    def warns(self) -> None:
        """The card's bank warns early of fraud."""
        self.suspicions.add("warning")
        self._tell("early_fraud_warning.misc")

    def become(self, external_id: str, status: ProcessorStatus) -> None:
        """A refund moves on, and the processor says so."""
        reason = "expired_or_canceled_card" if status == "failed" else None
        self.refunds[external_id] = replace(self.refunds[external_id], status=status, failure_reason=reason)
        self._tell("refund.failed" if status == "failed" else "refund.updated")

    def all_become(self, status: ProcessorStatus) -> None:
        """Every refund that holds money moves on."""
        for external_id in [made.external_id for made in self.refunds.values() if made.holds_money]:
            self.become(external_id, status)

    def _answers(self) -> None:
        if self._clock.now() < self._silent_until:
            raise ProcessorUnknown("503")

    def _late(self, order: RefundOrder) -> None:
        self._executed(order, declines=False)

    def _executed(self, order: RefundOrder, *, declines: bool) -> ProcessorRefund | ProcessorDeclined:
        now = self._clock.now()
        kept = self._kept.get(order.processor_key)
        if kept is not None and now - kept.at < KEYS_KEPT:
            if kept.order != order:
                raise ProcessorUnknown("400 idempotency_error: keys can only be used with the same parameters")
            return kept.answer
        answer = self._judged(order, declines=declines)
        self._kept[order.processor_key] = Kept(now, order, answer)
        return answer

    def _judged(self, order: RefundOrder, *, declines: bool) -> ProcessorRefund | ProcessorDeclined:
        if declines:
            return ProcessorDeclined("insufficient_funds", "balance")
        if self.charge.dispute == "open":
            return ProcessorDeclined("transaction_disputed", "charge_disputed")
        if self.held_minor + order.amount_minor > self.charge.captured_minor - self.charge.lost_minor:
            return ProcessorDeclined("amount_exceeds_refundable", "over-refund")
        life = self.lives.popleft() if self.lives else ("succeeded",)
        return self._create(order.charge_id, order.amount_minor, order.currency, order.refund_id, life)

    def _create(
        self, charge_id: str, amount_minor: int, currency: str, refund_id: str | None, life: Life
    ) -> ProcessorRefund:
        external_id = f"re_{len(self.refunds) + 1}"
        made = ProcessorRefund(external_id, charge_id, amount_minor, currency, life[0], None, refund_id)
        self.refunds[external_id] = made
        self._tell("refund.created")
        self._live(external_id, life[1:])
        return made

    def _live(self, external_id: str, life: Life) -> None:
        if not life:
            return

        def move() -> None:
            if self.refunds[external_id].holds_money:
                self.become(external_id, life[0])
                self._live(external_id, life[1:])

        self._later(f"moves {external_id} to {life[0]}", move)
