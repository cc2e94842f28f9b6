"""Steps 7 to 9: does a person have to look? Customer limits, risk and thresholds (document 002, decision 16).

A rule that is in force and misses its fact says ``unknown``, and a person looks.
"""

from __future__ import annotations

from collections.abc import Iterator

from refundkit_core.domain import errors
from refundkit_core.domain.charge_rules import Spoken
from refundkit_core.domain.decisions import Outcome, RuleResult
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.fees import Fee
from refundkit_core.domain.house_rules import spoken_by
from refundkit_core.domain.item_rules import MISSING_DELIVERY, PROOF_OF_LOSS, Line
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import REVIEW_FROM_RISK, Limits, Policy, lineage
from refundkit_core.domain.risk import Assessment


def on_approval(
    policy: Policy, facts: Facts, lines: list[Line], amount: Money, fee: Fee, risk: Assessment
) -> list[Spoken]:
    """Everything that may ask for a person, in the order of document 002; of two bounds only the risk one refuses."""
    return [
        *_claims(policy, facts, lines, amount),
        *_customer(policy, facts, amount),
        *_fee(lines, amount, fee),
        _risk(policy.limits, risk),
        *_thresholds(policy, facts, amount),
        *_house(policy, facts, amount, risk),
    ]


def _claims(policy: Policy, facts: Facts, lines: list[Line], amount: Money) -> Iterator[Spoken]:
    """What the request itself says: proof of a lost parcel, categories that a person sees, lines' worth."""
    bounds = [
        line.rule.evidence_required_over_minor
        for line in lines
        if line.rule is not None and line.rule.evidence_required_over_minor is not None
    ]
    if bounds and facts.reason == MISSING_DELIVERY and amount.currency == policy.currency:
        yield _evidence(facts, amount, min(bounds))
    looked_at = [line.name for line in lines if line.rule is not None and line.rule.requires_review]
    if looked_at:
        said = f"Its rule has a person look at every refund: {', '.join(looked_at)}"
        yield RuleResult("category_review", "review", said), None
    worths = [item.amount_minor for item in facts.items]
    if worths and None not in worths:
        worth = sum(each or 0 for each in worths)
        if amount.amount_minor > worth:
            said = f"{amount} is more than the {Money(worth, amount.currency)} that the items named were paid with"
            yield RuleResult("items_amount", "review", said, fact=amount.amount_minor, limit=worth), None


def _evidence(facts: Facts, amount: Money, bound: int) -> Spoken:
    limit = Money(bound, amount.currency)
    if amount <= limit:
        said = f"No proof of the missing delivery is needed up to {limit}"
        return RuleResult("evidence", "pass", said, fact=amount.amount_minor, limit=bound), None
    given = sorted(PROOF_OF_LOSS & set(facts.evidence))
    if given:
        return RuleResult(
            "evidence", "pass", f"Evidence was given: {', '.join(given)}", fact=given[0], limit=bound
        ), None
    said = f"A missing delivery over {limit} needs a carrier scan or a photo"
    told = "Please send a photo, or the carrier's scan, of the delivery"
    return RuleResult("evidence", "unknown", said, told, amount.amount_minor, bound), None


def _customer(policy: Policy, facts: Facts, amount: Money) -> Iterator[Spoken]:
    limits, customer = policy.limits, facts.customer
    if limits.max_returns_per_customer_30d is not None:
        count = None if customer.refunds_30d is None else customer.refunds_30d + 1
        yield _held("customer_count", "Refunds in 30 days", count, limits.max_returns_per_customer_30d), None
    most = limits.max_return_value_per_customer_90d_minor
    if most is not None:
        value = customer.value_90d_minor
        if amount.currency != policy.currency:
            value = None
        total = None if value is None else value + amount.amount_minor
        yield _held("customer_value", "Refunded in 90 days, in minor units", total, most), None
    if limits.review_at_chargebacks is not None:
        seen, at = customer.chargebacks_365d, limits.review_at_chargebacks
        yield _held("chargebacks", "Chargebacks in 365 days", seen, at - 1), None


def _held(code: str, what: str, fact: int | None, most: int) -> RuleResult:
    """A count of the customer's, this request included, held against the most that goes without a person."""
    if fact is None:
        return RuleResult(code, "unknown", f"{what}: not known, because nobody knows the customer", limit=most)
    outcome: Outcome = "pass" if fact <= most else "review"
    said = f"{what}: {fact}, and {most} go without a person"
    return RuleResult(code, outcome, said, fact=fact, limit=most)


def _fee(lines: list[Line], amount: Money, fee: Fee) -> Iterator[Spoken]:
    if fee.amount_minor == 0 and fee.certain:
        return
    withheld = Money(fee.amount_minor, amount.currency)
    if fee.amount_minor >= amount.amount_minor:
        said = f"The restocking fee takes all of {amount}"
        refusal = errors.Refused(said)
        yield RuleResult("restocking_fee", "fail", said, said, fee.amount_minor, amount.amount_minor), refusal
        return
    rates = sorted({line.rule.restocking_fee_bp for line in lines if line.rule is not None})
    if not fee.certain:
        said = f"The items have several restocking fees and no amounts: {withheld} is withheld at the highest rate"
        yield RuleResult("restocking_fee", "unknown", said, fact=fee.amount_minor, limit=rates[-1]), None
        return
    said = f"{withheld} of {amount} is withheld for restocking"
    yield RuleResult("restocking_fee", "pass", said, said, fee.amount_minor, rates[-1]), None


def _risk(limits: Limits, risk: Assessment) -> Spoken:
    score = risk.score
    made_of = ", ".join(f"{signal.type} {signal.points}" for signal in risk.signals)
    scored = f"Risk score {score} ({made_of})" if made_of else f"Risk score {score}"
    if limits.refuse_at_risk is not None and score >= limits.refuse_at_risk:
        said = f"{scored}: the policy refuses from {limits.refuse_at_risk} on"
        result = RuleResult("risk", "fail", said, "This cannot be refunded online", score, limits.refuse_at_risk)
        return result, errors.RiskThresholdExceeded("The risk of this request is above what the merchant accepts")
    bound = limits.auto_approve_max_risk
    bound = REVIEW_FROM_RISK if bound is None else min(bound, REVIEW_FROM_RISK)
    if score >= bound:
        return RuleResult("risk", "review", f"{scored}: a person looks from {bound} on", "", score, bound), None
    return RuleResult("risk", "pass", f"{scored} is below {bound}", fact=score, limit=bound), None


def _thresholds(policy: Policy, facts: Facts, amount: Money) -> Iterator[Spoken]:
    limits = policy.limits
    if amount.currency != policy.currency:
        if _names_amounts(policy):
            said = f"The policy's amounts are in {policy.currency}, the transaction in {amount.currency}"
            yield RuleResult("policy_currency", "unknown", said, "", amount.currency, policy.currency), None
    else:
        yield from _amounts(limits, amount)
    if facts.caps_unknown:
        said = f"A spend cap cannot be compared, its currency or customer is another: {', '.join(facts.caps_unknown)}"
        yield RuleResult("spend_caps", "unknown", said), None
    if facts.rush:
        said = "More refunds than usual were asked for in a short time: a person looks at all of them"
        yield RuleResult("velocity_breaker", "review", said), None


def _house(policy: Policy, facts: Facts, amount: Money, risk: Assessment) -> Iterator[Spoken]:
    """The organization's own rules, which can only ask for more than the policy does."""
    if facts.house is None:
        return
    categories = {each for item in facts.items for each in lineage(item.category, policy.categories)}
    for result in spoken_by(facts.house, amount, risk.score, frozenset(categories)):
        yield result, None


def _names_amounts(policy: Policy) -> bool:
    limits = policy.limits
    bounds: list[int | None] = [
        limits.auto_approve_threshold_minor,
        limits.require_review_above_minor,
        limits.max_return_value_per_customer_90d_minor,
    ]
    for rule in policy.rules:
        bounds += [rule.min_amount_minor, rule.max_amount_minor, rule.evidence_required_over_minor]
    return any(bound is not None for bound in bounds)


def _amounts(limits: Limits, amount: Money) -> Iterator[Spoken]:
    always = limits.require_review_above_minor
    if always is not None:
        bound, reached = Money(always, amount.currency), amount.amount_minor >= always
        said = (
            f"{amount} reaches {bound}, from which a person always looks" if reached else f"{amount} is below {bound}"
        )
        outcome: Outcome = "review" if reached else "pass"
        yield RuleResult("review_amount", outcome, said, "", amount.amount_minor, always), None
    below = limits.auto_approve_threshold_minor
    if below is not None:
        bound, small = Money(below, amount.currency), amount.amount_minor < below
        said = f"{amount} is below {bound}, no person is needed" if small else f"{amount} is not below {bound}"
        outcome = "pass" if small else "review"
        yield RuleResult("auto_approve", outcome, said, "", amount.amount_minor, below), None
