"""May this be refunded? The built-in default policy: every rule speaks, in a fixed order, and the first no decides.

Merchants' own policies are judged behind the same function: facts in, a decision with its whole trace out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from refundkit_core.domain import errors
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.money import Money
from refundkit_core.domain.times import iso

Outcome = Literal["pass", "fail", "review", "skipped"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a merchant allows. ``window_days`` is how long after the purchase a refund may be asked for."""

    window_days: int

    def deadline(self, purchased_at: datetime) -> datetime:
        """The last instant of the window, which is inside it (decision 2)."""
        return purchased_at + timedelta(days=self.window_days)


DEFAULT_POLICY: Final = Policy(window_days=30)
"""For merchants who have published none."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What one rule said, in words that a person can read."""

    rule: str
    outcome: Outcome
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one request. ``refusal`` is None where it may be refunded; ``amount`` is what would be."""

    amount: Money
    rules: tuple[RuleResult, ...]
    refusal: errors.RefundKitError | None


def judge(policy: Policy, ledger: Ledger, amount_minor: int | None, currency: str | None, now: datetime) -> Decision:
    """Judge a refund of ``amount_minor`` (None: all that remains) of the ledger's charge at ``now`` by ``policy``."""
    remaining = ledger.remaining()
    amount = remaining if amount_minor is None else Money(amount_minor, ledger.currency)
    spoken = [
        _captured(ledger),
        _currency(ledger, currency),
        _dispute(ledger, amount, remaining),
        _remaining(ledger, amount, remaining),
        _window(policy, ledger, now),
    ]
    rules = tuple(rule for rule, _ in spoken)
    refusals = [refusal for _, refusal in spoken if refusal is not None]
    if not refusals:
        return Decision(amount, rules, None)
    failed = tuple(errors.Detail(rule.rule, rule.message) for rule in rules if rule.outcome == "fail")
    first = refusals[0]
    return Decision(amount, rules, type(first)(first.message, (*first.details, *failed)))


_Spoken = tuple[RuleResult, errors.RefundKitError | None]


def _captured(ledger: Ledger) -> _Spoken:
    if ledger.captured_minor > 0:
        captured = Money(ledger.captured_minor, ledger.currency)
        return RuleResult("captured", "pass", f"{captured} was captured"), None
    said = "The charge is not captured: release the authorization instead of refunding it"
    return RuleResult("captured", "fail", said), errors.Refused(said)


def _currency(ledger: Ledger, currency: str | None) -> _Spoken:
    if currency in (None, ledger.currency):
        return RuleResult("currency", "pass", f"The transaction is in {ledger.currency}"), None
    said = f"The transaction is in {ledger.currency}, not in {currency}"
    return RuleResult("currency", "fail", said), errors.CurrencyMismatch(said)


def _dispute(ledger: Ledger, amount: Money, remaining: Money) -> _Spoken:
    if ledger.dispute == "inquiry":
        said = "The card issuer asks about this charge: a person must look before it is refunded"
        return RuleResult("dispute", "fail", said), errors.Refused(said)
    if ledger.blocked:
        said = "A chargeback is open: refunding as well would pay twice"
        return RuleResult("dispute", "fail", said), errors.TransactionDisputed(said)
    if ledger.lost_minor > 0 and (remaining.amount_minor == 0 or remaining < amount):
        said = f"A lost chargeback took {Money(ledger.lost_minor, ledger.currency)}; {remaining} is left to refund"
        return RuleResult("dispute", "fail", said), errors.TransactionDisputed(said)
    return RuleResult("dispute", "pass", "No chargeback covers this money"), None


def _remaining(ledger: Ledger, amount: Money, remaining: Money) -> _Spoken:
    if ledger.captured_minor == 0:
        return RuleResult("remaining", "skipped", "Nothing was captured"), None
    if remaining.amount_minor == 0:
        said = "Nothing is left to refund"
        return RuleResult("remaining", "fail", said), errors.AlreadyProcessed(said)
    if amount <= remaining:
        return RuleResult("remaining", "pass", f"{amount} of the remaining {remaining}"), None
    said = f"{amount} is more than the remaining {remaining}"
    details = (errors.Detail("remaining", str(remaining.amount_minor)),)
    return RuleResult("remaining", "fail", said), errors.AmountExceedsRefundable(said, details)


def _window(policy: Policy, ledger: Ledger, now: datetime) -> _Spoken:
    deadline = policy.deadline(ledger.purchased_at)
    if now <= deadline:
        return RuleResult("return_window", "pass", f"Within {policy.window_days} days, until {iso(deadline)}"), None
    said = f"The {policy.window_days}-day refund window closed on {iso(deadline)}"
    return RuleResult("return_window", "fail", said), errors.ReturnWindowExpired(said)
