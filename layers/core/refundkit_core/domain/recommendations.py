"""What an approver is recommended, and the next best action beside yes and no (document 001, "Step 4").

Only the facts and rules that were kept speak here: a recommendation decides nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from refundkit_core.domain.approvals import NextBestAction, Verdict
from refundkit_core.domain.decisions import ASKS_A_PERSON, RuleResult
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.risk import RECOMMENDED, Recommendation, level_of

_REPLACEABLE: Final = frozenset(
    {"product_not_received", "product_defective", "wrong_product", "item_not_as_described", "sizing_issue"}
)
_GOODWILL: Final = frozenset({"customer_count", "customer_value", "chargebacks"})
_PROOF: Final = frozenset({"product_defective", "item_not_as_described", "product_not_received", "wrong_product"})


class Recommended(NamedTuple):
    """What speaks for which decision. ``score`` is the risk that was found when the refund was asked for."""

    recommendation: Recommendation
    score: int
    actions: tuple[NextBestAction, ...]

    def overridden_by(self, verdict: Verdict) -> str | None:
        """The verdict where it goes against the recommendation: what is recommended to deny was approved, or the other
        way round; None where a person decided what was left to them."""
        against = {"deny": "approved", "auto_approve": "rejected"}
        return verdict if against.get(self.recommendation) == verdict else None


def recommended(rules: Sequence[RuleResult], reason: str, evidence: Sequence[str]) -> Recommended:
    """The recommendation on a refund, by what its rules said. ``evidence`` are the kinds that were given."""
    score = next((rule.fact for rule in rules if rule.rule == "risk" and isinstance(rule.fact, int)), 0)
    asking = {rule.rule for rule in rules if rule.outcome in ASKS_A_PERSON}
    actions: list[NextBestAction] = []
    if "evidence" in asking or (reason in _PROOF and not evidence):
        actions.append("request_evidence")
    if reason in _REPLACEABLE:
        actions.append("offer_replacement")
    if asking & _GOODWILL or reason in ("other", "price_change", "return_window_closing"):
        actions.append("offer_store_credit")
    return Recommended(RECOMMENDED[level_of(score)], score, tuple(actions))


def digest_of(facts: Facts) -> str:
    """A hash of the facts that a decision rested on: SHA-256 of their canonical JSON."""
    text = json.dumps(facts.as_record(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
