"""What a customer may know of a merchant's policy (document 002 "getReturnPolicy")."""

from __future__ import annotations

from typing import NamedTuple

from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.ports import Clock
from refundkit_core.domain.policies import PolicyVersion, Rule
from refundkit_core.domain.tenancy import Tenant


class FoundRules(NamedTuple):
    """The merchant whose rules these are, the version that they stand in, and the rules for a purchase of now."""

    merchant_id: str
    version: PolicyVersion
    rules: tuple[Rule, ...]


class ReturnPolicy:
    """Tell which rules a purchase of now is judged by."""

    def __init__(self, choice: PolicyChoice, clock: Clock) -> None:
        self._choice = choice
        self._clock = clock

    def __call__(self, tenant: Tenant, merchant_id: str | None, category: str | None, sku: str | None) -> FoundRules:
        """The rule for a category or an article, or all rules where neither is named; the organization's own policy
        where no merchant is."""
        now = self._clock.now()
        version = self._choice.for_purchase(tenant, merchant_id, now, now).version
        rules = tuple(rule for rule in version.policy.rules if rule.holds_at(now))
        if category is not None or sku is not None:
            rule = version.policy.rule_for(sku, category, now)
            rules = () if rule is None else (rule,)
        return FoundRules(merchant_id or tenant.org_id, version, rules)
