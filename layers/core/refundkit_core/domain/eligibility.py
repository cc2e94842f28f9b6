"""A decision as an answer to "may this be refunded?": the four answers of document 003 (decision 13)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from refundkit_core.domain.errors import AlreadyProcessed, RefundKitError, ReturnWindowExpired
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.policy import Policy, judge
from refundkit_core.domain.times import iso


class Eligibility(NamedTuple):
    """The answer. ``max_amount_minor`` and ``deadline`` are None where nothing can be refunded."""

    eligible: bool
    reason: str
    max_amount_minor: int | None
    deadline: datetime | None
    conditions: tuple[str, ...]


def eligibility(policy: Policy, ledger: Ledger, amount_minor: int | None, now: datetime) -> Eligibility:
    """Whether ``amount_minor`` (None: anything) of the ledger's charge may be refunded at ``now``.

    A charge that may be refunded, only not so much of it, still says how much and until when.
    """
    anything = judge(policy, ledger, None, None, now)
    if anything.refusal is not None:
        return _refused(policy, ledger, anything.refusal)
    remaining, deadline = ledger.remaining().amount_minor, policy.deadline(ledger.purchased_at)
    if amount_minor is not None and judge(policy, ledger, amount_minor, None, now).refusal is not None:
        reason = f"Requested amount of {amount_minor} exceeds the maximum refundable amount of {remaining}"
        return Eligibility(False, reason, remaining, deadline, _account(ledger))
    within = f"Refund must be requested within {policy.window_days} days of purchase"
    whole = remaining == ledger.captured_minor
    most = "Maximum refund amount is the original transaction amount"
    conditions = (within, most) if whole else (within, *_account(ledger))
    reason = f"Transaction is within the {policy.window_days}-day refund window"
    return Eligibility(True, reason, remaining, deadline, conditions)


def _refused(policy: Policy, ledger: Ledger, refusal: RefundKitError) -> Eligibility:
    if isinstance(refusal, ReturnWindowExpired):
        closed = f"Refund window closed on {iso(policy.deadline(ledger.purchased_at))}"
        reason = f"Transaction exceeds the {policy.window_days}-day refund window"
        return Eligibility(False, reason, None, None, (closed,))
    conditions = _account(ledger) if isinstance(refusal, AlreadyProcessed) else ()
    return Eligibility(False, refusal.message, None, None, conditions)


def _account(ledger: Ledger) -> tuple[str, ...]:
    """Where the money went, in minor units."""
    refunded = ledger.elsewhere_minor + ledger.reserved_minor + ledger.refunded_minor
    lines = [f"Original transaction amount: {ledger.captured_minor}"]
    if refunded:
        lines.append(f"Previous partial refund: {refunded}")
    if ledger.lost_minor:
        lines.append(f"Lost to a chargeback: {ledger.lost_minor}")
    return (*lines, f"Remaining refundable amount: {ledger.remaining().amount_minor}")
