"""Steps 3 to 6: each line of a request by the most specific rule for it (document 002, decision 15)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from refundkit_core.domain import errors
from refundkit_core.domain.decisions import ItemVerdict, RuleResult, Terms
from refundkit_core.domain.facts import Facts, Item
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Policy, Rule
from refundkit_core.domain.times import iso

DAY: Final = timedelta(days=1)
MISSING_DELIVERY: Final = "product_not_received"
PROOF_OF_LOSS: Final = frozenset({"carrier_scan", "photo"})
"""Either of these supports the claim that goods never came (document 001)."""

_ALL_OF_IT: Final = Item()


class Line(NamedTuple):
    """One line under its rule. ``name`` is how people and traces call it; ``rule`` None: nothing covers it.

    ``deadline`` is the last instant of its rule's window, None where there is none.
    """

    name: str
    item: Item
    rule: Rule | None
    deadline: datetime | None


class Refusal(NamedTuple):
    """Why a line cannot be refunded."""

    result: RuleResult
    error: errors.RefundKitError


def lines_of(policy: Policy, facts: Facts) -> list[Line]:
    """The request's lines in an order of their own, so that a request means the same however it lists them.

    Without items it is one line, under the default rule.
    """
    if not facts.items:
        return [_line("the purchase", _ALL_OF_IT, policy, facts)]
    return [_line(_name(item), item, policy, facts) for item in sorted(facts.items, key=_order)]


def _line(name: str, item: Item, policy: Policy, facts: Facts) -> Line:
    rule = policy.rule_for(item.sku, item.category, facts.charge.purchased_at)
    return Line(name, item, rule, None if rule is None else deadline_of(rule, facts))


def _order(item: Item) -> tuple[str, str, int, int, tuple[str, ...]]:
    return item.sku or "", item.category or "", item.amount_minor or 0, item.quantity, item.flags


def _name(item: Item) -> str:
    return item.sku or item.category or "an item"


def refusal_of(line: Line, policy: Policy, facts: Facts, amount: Money) -> Refusal | None:
    """The first step that refuses a line, in the order of document 002; None where none does."""
    rule = line.rule
    if rule is None:
        return _no("no_rule", line, "No rule of the policy covers it", "This item cannot be refunded")
    flagged = sorted(policy.non_refundable_flags.intersection(line.item.flags)) if line.item.flags else ()
    if flagged:
        code = "final_sale" if "final_sale" in flagged else "non_refundable"
        return _no(code, line, f"It is {_words(flagged)}, which is never refunded", "This item was sold as final")
    if rule.final_sale:
        return _no("final_sale", line, "Its rule says final sale", "This item was a final sale")
    if rule.non_refundable:
        return _no("non_refundable", line, "Its rule says non-refundable", "This item cannot be refunded")
    return _too_late(line, rule, facts) or _otherwise_settled(line, rule) or _amount_limit(line, rule, policy, amount)


def _too_late(line: Line, rule: Rule, facts: Facts) -> Refusal | None:
    deadline = line.deadline
    if deadline is None or facts.now <= deadline:
        return None
    past = Terms(deadline=deadline).days_past(facts.now)
    said = f"The {rule.return_window_days}-day refund window closed on {iso(deadline)}, {_days(past)} ago"
    said = f"{line.name}: {said}" if line.item is not _ALL_OF_IT else said
    told = f"The time to return this item ended on {deadline:%Y-%m-%d}"
    result = RuleResult("return_window", "fail", said, told, iso(facts.now), iso(deadline), line.item.sku)
    return Refusal(result, errors.ReturnWindowExpired(said, (errors.Detail("daysPastDeadline", str(past)),)))


def _otherwise_settled(line: Line, rule: Rule) -> Refusal | None:
    if rule.exchange_only:
        return _no(
            "exchange_only", line, "Its rule allows an exchange only", "This item can be exchanged, not refunded"
        )
    if rule.store_credit_only:
        said = "Its rule allows store credit only, which cannot be issued yet"
        return _no("store_credit_only", line, said, "This item is refunded as store credit only")
    if rule.requires_return:
        said = "Its rule wants the goods back first, and returns cannot be taken yet"
        return _no("requires_return", line, said, "This item must be sent back first")
    return None


def _amount_limit(line: Line, rule: Rule, policy: Policy, amount: Money) -> Refusal | None:
    """The rule's own bounds of what one refund may be, where both are in one currency."""
    if amount.currency != policy.currency:
        return None
    least, most = rule.min_amount_minor, rule.max_amount_minor
    if least is not None and amount.amount_minor < least:
        said = f"{amount} is less than the {Money(least, policy.currency)} from which its rule refunds"
        return _bound(line, said, amount, least)
    if most is not None and amount.amount_minor > most:
        said = f"{amount} is more than the {Money(most, policy.currency)} up to which its rule refunds"
        return _bound(line, said, amount, most)
    return None


def _bound(line: Line, said: str, amount: Money, limit: int) -> Refusal:
    told = "This amount cannot be refunded for this item"
    result = RuleResult("amount_limits", "fail", said, told, amount.amount_minor, limit, line.item.sku)
    return Refusal(result, errors.Refused(f"{line.name}: {said}"))


def _no(code: str, line: Line, said: str, told: str) -> Refusal:
    result = RuleResult(code, "fail", f"{line.name}: {said}", told, item=line.item.sku)
    return Refusal(result, errors.Refused(result.message))


def deadline_of(rule: Rule, facts: Facts) -> datetime | None:
    """The last instant of a rule's window, which is inside it; None where it sets no window (decisions 2 and 14)."""
    if rule.return_window_days is None:
        return None
    return window_start(rule, facts) + rule.return_window_days * DAY


def window_start(rule: Rule, facts: Facts) -> datetime:
    """Delivery, else fulfilment and its buffer, else the purchase, as far as the rule goes along."""
    delivery = facts.delivery
    if rule.window_starts_at == "delivery" and delivery.delivered_at is not None:
        return delivery.delivered_at
    if rule.window_starts_at != "purchase" and delivery.fulfilled_at is not None:
        return delivery.fulfilled_at + rule.fulfilment_buffer_days * DAY
    return facts.charge.purchased_at


def passed(terms: Terms, facts: Facts) -> list[RuleResult]:
    """What the steps say of lines that none of them refused."""
    window = "No rule sets a deadline" if terms.deadline is None else (
        f"Within {terms.window_days} days, until {iso(terms.deadline)}"
    )  # fmt: skip
    told = "" if terms.deadline is None else f"You are in time: this can be returned until {terms.deadline:%Y-%m-%d}"
    limit = None if terms.deadline is None else iso(terms.deadline)
    return [
        RuleResult("final_sale", "pass", "Nothing of it was a final sale or is non-refundable"),
        RuleResult("return_window", "pass", window, told, iso(facts.now), limit),
        RuleResult("exchange_only", "pass", "It may be refunded, not only exchanged"),
    ]


def terms_of(lines: list[Line]) -> Terms:
    """The strictest of what the lines' rules allow."""
    rules = [line.rule for line in lines if line.rule is not None]
    deadlines = [(line.deadline, line.rule) for line in lines if line.deadline is not None and line.rule is not None]
    first = min(deadlines, key=lambda each: each[0], default=None)
    return Terms(
        window_days=None if first is None else first[1].return_window_days,
        deadline=None if first is None else first[0],
        fee_bp=max([rule.restocking_fee_bp for rule in rules], default=0),
        exchange_only=any(rule.exchange_only for rule in rules),
        final_sale=any(rule.final_sale for rule in rules) or any("final_sale" in line.item.flags for line in lines),
        conditions=tuple(dict.fromkeys([condition for rule in rules for condition in rule.conditions])),
    )


def verdict_on(line: Line, refusal: Refusal | None) -> ItemVerdict:
    """One line's verdict."""
    fee_bp = 0 if line.rule is None else line.rule.restocking_fee_bp
    if refusal is not None:
        return ItemVerdict(line.name, line.item.sku, False, refusal.result.message, None, fee_bp)
    reason = "No deadline applies" if line.deadline is None else "Within the return window"
    return ItemVerdict(line.name, line.item.sku, True, reason, line.deadline, fee_bp)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _words(flags: Sequence[str]) -> str:
    return " and ".join(flag.replace("_", " ") for flag in flags)
