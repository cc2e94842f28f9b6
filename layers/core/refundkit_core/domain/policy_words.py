"""A rule in plain words for a customer: what they may expect, and nothing of what guards the merchant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Limits, Rule, WindowStart
from refundkit_core.domain.times import iso

_BEGINS: Final[dict[WindowStart, str]] = {
    "delivery": "after delivery",
    "fulfilment": "after the goods were sent",
    "purchase": "after the purchase",
}
_BP_PER_PERCENT: Final = 100


def sentences_of(rule: Rule, currency: str) -> list[str]:
    """What the rule means for a customer, one sentence each."""
    if rule.final_sale:
        return ["This is a final sale: it cannot be returned or refunded."]
    if rule.non_refundable:
        return ["This cannot be refunded."]
    return [*_window(rule), *_way(rule), *_amounts(rule, currency), *_conditions(rule), *_period(rule)]


def limit_sentences(limits: Limits, currency: str) -> list[str]:
    """The limits that a customer may know of; what is approved without a person is nobody's business."""
    said = []
    if limits.max_returns_per_customer_30d is not None:
        said.append(f"More than {limits.max_returns_per_customer_30d} refunds in 30 days are looked at by a person.")
    if limits.max_return_value_per_customer_90d_minor is not None:
        most = Money(limits.max_return_value_per_customer_90d_minor, currency)
        said.append(f"More than {most} refunded in 90 days is looked at by a person.")
    return said


def _window(rule: Rule) -> Iterator[str]:
    days = rule.return_window_days
    if days is None:
        yield "There is no deadline for refunds."
    else:
        yield f"Refunds are possible within {days} {'day' if days == 1 else 'days'} {_BEGINS[rule.window_starts_at]}."


def _way(rule: Rule) -> Iterator[str]:
    if rule.exchange_only:
        yield "It can be exchanged, not refunded."
    if rule.store_credit_only:
        yield "Refunds are paid as store credit."
    if rule.requires_return:
        yield "The goods must be sent back first."
    if rule.restocking_fee_bp:
        whole, rest = divmod(rule.restocking_fee_bp, _BP_PER_PERCENT)
        share = f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)
        yield f"A restocking fee of {share} % is kept."


def _amounts(rule: Rule, currency: str) -> Iterator[str]:
    if rule.min_amount_minor is not None:
        yield f"The least that is refunded is {Money(rule.min_amount_minor, currency)}."
    if rule.max_amount_minor is not None:
        yield f"The most that is refunded is {Money(rule.max_amount_minor, currency)}."


def _conditions(rule: Rule) -> Iterator[str]:
    if rule.conditions:
        yield f"Conditions: {', '.join(each.replace('_', ' ') for each in rule.conditions)}."


def _period(rule: Rule) -> Iterator[str]:
    if rule.effective_until is not None:
        yield f"This is for purchases before {iso(rule.effective_until)}."
