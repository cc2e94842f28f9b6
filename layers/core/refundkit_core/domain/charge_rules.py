"""Rules of the money itself: they hold under every policy, and no policy can soften them (decisions 7 and 10)."""

from __future__ import annotations

from refundkit_core.domain import errors
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.facts import ChargeFacts, Facts
from refundkit_core.domain.money import Money

Spoken = tuple[RuleResult, errors.RefundKitError | None]


def on_the_charge(facts: Facts, amount: Money) -> list[Spoken]:
    """What the charge allows: captured, in the stated currency, not charged back, and enough of it left."""
    charge = facts.charge
    return [
        _captured(charge),
        _currency(charge, facts.stated_currency),
        _dispute(charge, amount),
        _left(charge, amount),
    ]


def _captured(charge: ChargeFacts) -> Spoken:
    if charge.captured_minor > 0:
        captured = Money(charge.captured_minor, charge.currency)
        return RuleResult("captured", "pass", f"{captured} was captured", fact=charge.captured_minor), None
    said = "The charge is not captured: release the authorization instead of refunding it"
    told = "Your payment was not taken yet, so there is nothing to give back"
    return RuleResult("captured", "fail", said, told, 0), errors.Refused(said)


def _currency(charge: ChargeFacts, stated: str | None) -> Spoken:
    if stated in (None, charge.currency):
        said = f"The transaction is in {charge.currency}"
        return RuleResult("currency", "pass", said, fact=charge.currency, limit=stated), None
    said = f"The transaction is in {charge.currency}, not in {stated}"
    told = f"Your payment was made in {charge.currency.upper()}"
    return RuleResult("currency", "fail", said, told, charge.currency, stated), errors.CurrencyMismatch(said)


def _dispute(charge: ChargeFacts, amount: Money) -> Spoken:
    remaining = Money(charge.remaining_minor, charge.currency)
    told = "Your bank is dealing with this payment already"
    if charge.dispute == "inquiry":
        said = "The card issuer asks about this charge: a person must look before it is refunded"
        return RuleResult("dispute", "review", said, fact=charge.dispute), None
    if charge.dispute == "open":
        said = "A chargeback is open: refunding as well would pay twice"
        return RuleResult("dispute", "fail", said, told, charge.dispute), errors.TransactionDisputed(said)
    if charge.lost_minor > 0 and (remaining.amount_minor == 0 or remaining < amount):
        said = f"A lost chargeback took {Money(charge.lost_minor, charge.currency)}; {remaining} is left to refund"
        return RuleResult("dispute", "fail", said, told, charge.dispute), errors.TransactionDisputed(said)
    return RuleResult("dispute", "pass", "No chargeback covers this money", fact=charge.dispute), None


def _left(charge: ChargeFacts, amount: Money) -> Spoken:
    if charge.captured_minor == 0:
        return RuleResult("remaining", "skipped", "Nothing was captured"), None
    remaining = Money(charge.remaining_minor, charge.currency)
    if remaining.amount_minor == 0:
        said, told = "Nothing is left to refund", "This payment has been refunded already"
        return RuleResult("remaining", "fail", said, told, amount.amount_minor, 0), errors.AlreadyProcessed(said)
    if amount <= remaining:
        said = f"{amount} of the remaining {remaining}"
        return RuleResult("remaining", "pass", said, fact=amount.amount_minor, limit=remaining.amount_minor), None
    said, told = f"{amount} is more than the remaining {remaining}", f"{remaining} of this payment can be refunded"
    details = (errors.Detail("remaining", str(remaining.amount_minor)),)
    result = RuleResult("remaining", "fail", said, told, amount.amount_minor, remaining.amount_minor)
    return result, errors.AmountExceedsRefundable(said, details)
