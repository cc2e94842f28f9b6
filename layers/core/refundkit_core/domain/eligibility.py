"""A decision as an answer to "may this be refunded?": the four answers of document 003 (decision 13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from refundkit_core.domain.decisions import Decision
from refundkit_core.domain.errors import AlreadyProcessed, RefundKitError, ReturnWindowExpired
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.fees import percent
from refundkit_core.domain.item_rules import lines_of
from refundkit_core.domain.policies import Policy, Rule
from refundkit_core.domain.policy import judge
from refundkit_core.domain.times import iso

A_PERSON_DECIDES = "A person has to approve this refund"


class Eligibility(NamedTuple):
    """The answer, and the decision behind it. ``max_amount_minor`` and ``deadline`` are None where nothing can be
    refunded."""

    eligible: bool
    reason: str
    max_amount_minor: int | None
    deadline: datetime | None
    conditions: tuple[str, ...]
    decision: Decision


def eligibility(policy: Policy, facts: Facts) -> Eligibility:
    """Whether what ``facts`` ask for (no amount: anything) may be refunded.

    A charge that may be refunded, only not so much of it, still says how much and until when.
    """
    most = most_refundable(policy, facts)
    anything = judge(policy, replace(facts, amount_minor=most))
    if anything.refusal is not None:
        return _refused(policy, facts, anything, anything.refusal)
    if facts.amount_minor is not None and facts.amount_minor > most:
        reason = f"Requested amount of {facts.amount_minor} exceeds the maximum refundable amount of {most}"
        decision = judge(policy, facts)
        return Eligibility(False, reason, most, anything.terms.deadline, _account(facts), decision)
    decision = anything if facts.amount_minor is None else judge(policy, facts)
    if decision.refusal is not None:
        return _refused(policy, facts, decision, decision.refusal)
    return Eligibility(
        True, _reason(decision), most, decision.terms.deadline, _conditions(policy, facts, decision, most), decision
    )


def most_refundable(policy: Policy, facts: Facts) -> int:
    """The most that one refund may be: what remains, or less where a rule in force says so, in minor units."""
    bounds = [facts.charge.remaining_minor]
    if facts.charge.currency == policy.currency:
        rules = [line.rule for line in lines_of(policy, facts) if line.rule is not None]
        bounds += [rule.max_amount_minor for rule in rules if rule.max_amount_minor is not None]
    return min(bounds)


def _reason(decision: Decision) -> str:
    if decision.terms.window_days is None:
        return "Transaction may be refunded at any time"
    return f"Transaction is within the {decision.terms.window_days}-day refund window"


def _conditions(policy: Policy, facts: Facts, decision: Decision, most: int) -> tuple[str, ...]:
    terms, charge = decision.terms, facts.charge
    said: list[str] = []
    if terms.window_days is not None:
        said.append(f"Refund must be requested within {terms.window_days} days of {_start_of(policy, facts)}")
    if most < charge.remaining_minor:
        said.append(f"Maximum refund amount is {most}")
    elif charge.remaining_minor == charge.captured_minor:
        said.append("Maximum refund amount is the original transaction amount")
    else:
        said += _account(facts)
    if terms.fee_bp:
        said.append(f"A restocking fee of {percent(terms.fee_bp)} % is withheld")
    said += [f"{condition.replace('_', ' ').capitalize()} required" for condition in terms.conditions]
    if decision.verdict == "review":
        said.append(A_PERSON_DECIDES)
    return tuple(said)


def _start_of(policy: Policy, facts: Facts) -> str:
    """What the earliest deadline counts from, in a word."""
    dated = [(line.deadline, line.rule) for line in lines_of(policy, facts)]
    ends = [(deadline, rule) for deadline, rule in dated if deadline is not None and rule is not None]
    return _link(min(ends, key=lambda each: each[0])[1], facts)


def _link(rule: Rule, facts: Facts) -> str:
    if rule.window_starts_at == "delivery" and facts.delivery.delivered_at is not None:
        return "delivery"
    return "fulfilment" if rule.window_starts_at != "purchase" and facts.delivery.fulfilled_at else "purchase"


def _refused(policy: Policy, facts: Facts, decision: Decision, refusal: RefundKitError) -> Eligibility:
    if isinstance(refusal, ReturnWindowExpired):
        late = [
            (line.deadline, line.rule.return_window_days)
            for line in lines_of(policy, facts)
            if line.rule is not None and line.deadline is not None
        ]
        deadline, days = min(late)
        reason = f"Transaction exceeds the {days}-day refund window"
        return Eligibility(False, reason, None, None, (f"Refund window closed on {iso(deadline)}",), decision)
    conditions = _account(facts) if isinstance(refusal, AlreadyProcessed) else ()
    return Eligibility(False, refusal.message, None, None, conditions, decision)


def _account(facts: Facts) -> tuple[str, ...]:
    """Where the money went, in minor units."""
    charge = facts.charge
    lines = [f"Original transaction amount: {charge.captured_minor}"]
    if charge.held_minor:
        lines.append(f"Previous partial refund: {charge.held_minor}")
    if charge.lost_minor:
        lines.append(f"Lost to a chargeback: {charge.lost_minor}")
    return (*lines, f"Remaining refundable amount: {charge.remaining_minor}")
