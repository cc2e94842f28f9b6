"""A version that judges beside the one in force, without effect: where the two differ (decision 18)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from refundkit_core.domain.decisions import ASKS_A_PERSON, Decision, RuleResult, Verdict
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.policy import judge

MOST_RULES: Final = 20
"""How many of a shadow's rules are kept: a refund of hundreds of lines must not grow by as many."""


@dataclass(frozen=True, slots=True)
class ShadowDifference:
    """One decision that a shadow version would have made otherwise. ``decision_id`` is the refund's or the refusal's.

    Nets are minor units of ``currency`` and what would be paid: 0 where it is refused. ``rules`` are those of the
    shadow's that refuse or ask for a person.
    """

    decision_id: str
    policy_id: str
    version: int
    at: datetime
    currency: str
    verdict: Verdict
    net_minor: int
    shadow_verdict: Verdict
    shadow_net_minor: int
    rules: tuple[RuleResult, ...]


def differing(decision_id: str, shadow: PolicyVersion, facts: Facts, decision: Decision) -> ShadowDifference | None:
    """What ``shadow`` makes of the facts, where verdict or net amount differ from ``decision``; None where both agree.

    A quote holds for the policy that made it, so that the shadow counts its own fee.
    """
    other = judge(shadow.policy, replace(facts, quoted_fee_minor=None))
    net_minor, shadow_net_minor = _paid(decision), _paid(other)
    if (decision.verdict, net_minor) == (other.verdict, shadow_net_minor):
        return None
    failed = tuple(rule for rule in other.rules if rule.outcome == "fail" or rule.outcome in ASKS_A_PERSON)
    return ShadowDifference(
        decision_id=decision_id,
        policy_id=str(shadow.policy_id),
        version=shadow.number,
        at=facts.now,
        currency=decision.amount.currency,
        verdict=decision.verdict,
        net_minor=net_minor,
        shadow_verdict=other.verdict,
        shadow_net_minor=shadow_net_minor,
        rules=failed[:MOST_RULES],
    )


def _paid(decision: Decision) -> int:
    return 0 if decision.verdict == "refuse" else decision.net.amount_minor
