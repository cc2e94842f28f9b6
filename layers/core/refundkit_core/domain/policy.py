"""May this be refunded? Facts and a policy in, a decision with its whole trace out; nothing else is looked at.

The order is that of document 002 "Evaluation Flow": the charge (1), the policy in force (2, found by the caller), each
line's rule (3), final sale (4), the window (5), exchange only (6), the customer's history (7), the fee (8), automatic
approval (9), the verdict (10). Whatever refuses outranks whatever asks a person.
"""

from __future__ import annotations

from refundkit_core.domain import errors
from refundkit_core.domain.approval_rules import on_approval
from refundkit_core.domain.charge_rules import on_the_charge
from refundkit_core.domain.decisions import ASKS_A_PERSON, Decision, RuleResult, Verdict
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.fees import Fee, fee_on
from refundkit_core.domain.item_rules import lines_of, passed, refusal_of, terms_of, verdict_on
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Policy
from refundkit_core.domain.risk import assess

_NOT_ASKED = RuleResult("approval", "skipped", "Refused before anybody had to be asked")


def judge(policy: Policy, facts: Facts) -> Decision:
    """Judge one request by ``policy``: the same facts give the same decision, in whichever order items are listed."""
    charge = facts.charge
    asked_minor = charge.remaining_minor if facts.amount_minor is None else facts.amount_minor
    amount = Money(asked_minor, charge.currency)
    spoken = on_the_charge(facts, amount)
    lines = lines_of(policy, facts)
    terms = terms_of(lines)
    refusals = [refusal_of(line, policy, facts, amount) for line in lines]
    refused = [refusal for refusal in refusals if refusal is not None]
    spoken += [(refusal.result, refusal.error) for refusal in refused]
    risk = assess(facts, amount.amount_minor, policy.risk)
    fee = fee_on(lines, amount.amount_minor)
    if facts.quoted_fee_minor is not None:
        fee = Fee(facts.quoted_fee_minor, certain=True)
    if not refused:
        spoken += [(result, None) for result in passed(terms, facts)]
    if any(error is not None for _, error in spoken):
        spoken.append((_NOT_ASKED, None))
    else:
        spoken += on_approval(policy, facts, lines, amount, fee, risk)
    rules = tuple([result for result, _ in spoken])
    refusal = _refusal(rules, [error for _, error in spoken if error is not None])
    return Decision(
        verdict=_verdict(rules, refusal),
        amount=amount,
        fee_minor=_withheld(fee, amount),
        rules=rules,
        items=tuple(map(verdict_on, lines, refusals)) if facts.items else (),
        terms=terms,
        risk=risk,
        refusal=refusal,
    )


def _verdict(rules: tuple[RuleResult, ...], refusal: errors.RefundKitError | None) -> Verdict:
    if refusal is not None:
        return "refuse"
    return "allow" if ASKS_A_PERSON.isdisjoint([rule.outcome for rule in rules]) else "review"


def _withheld(fee: Fee, amount: Money) -> int:
    return min(fee.amount_minor, amount.amount_minor)


def _refusal(rules: tuple[RuleResult, ...], refusals: list[errors.RefundKitError]) -> errors.RefundKitError | None:
    """The first refusal, with every rule that failed in its details."""
    if not refusals:
        return None
    failed = tuple(errors.Detail(rule.rule, rule.message) for rule in rules if rule.outcome == "fail")
    first = refusals[0]
    return type(first)(first.message, (*first.details, *failed))
