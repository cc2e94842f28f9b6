"""A merchant's refund policy as data: rules by item, limits for everybody, and versions that never change.

Source: document 002 "Policy Schema", document 001 "Policy Config", decisions 14 to 18. Amounts are minor units of the
policy's own ``currency``; rates are basis points (100 of them are one percent).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, Literal

WindowStart = Literal["delivery", "fulfilment", "purchase"]
ItemFlag = Literal["subscription", "digital", "usage_based", "final_sale"]
JudgedBy = Literal["at_purchase", "latest"]

DEFAULT_CATEGORY: Final = "default"
REVIEW_FROM_RISK: Final = 70
"""The risk score from which a person looks, whatever the policy says (decision 4)."""

ITEM_FLAGS: Final[tuple[ItemFlag, ...]] = ("subscription", "digital", "usage_based", "final_sale")


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for one SKU, or for one category with everything below it; exactly one of the two is named.

    ``return_window_days`` None: no deadline. The window starts at delivery, else at fulfilment and
    ``fulfilment_buffer_days``, else at the purchase (decision 14); ``window_starts_at`` takes the later of these links
    away. The rule holds for purchases from ``effective_from`` on and before ``effective_until``.
    """

    category: str | None = None
    sku: str | None = None
    return_window_days: int | None = None
    window_starts_at: WindowStart = "delivery"
    fulfilment_buffer_days: int = 0
    restocking_fee_bp: int = 0
    final_sale: bool = False
    non_refundable: bool = False
    exchange_only: bool = False
    store_credit_only: bool = False
    requires_return: bool = False
    requires_review: bool = False
    evidence_required_over_minor: int | None = None
    min_amount_minor: int | None = None
    max_amount_minor: int | None = None
    conditions: tuple[str, ...] = ()
    effective_from: datetime | None = None
    effective_until: datetime | None = None

    def holds_at(self, purchased_at: datetime) -> bool:
        """Whether the rule is for purchases of that time."""
        begun = self.effective_from is None or self.effective_from <= purchased_at
        return begun and (self.effective_until is None or purchased_at < self.effective_until)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for every refund under a policy; None sets no limit.

    A customer over ``max_returns_per_customer_30d`` or ``max_return_value_per_customer_90d_minor``, or with
    ``review_at_chargebacks`` of them in a year, goes to a person (decision 16). Below ``auto_approve_threshold_minor``
    and below ``auto_approve_max_risk`` nobody is asked; from ``require_review_above_minor`` on, always.
    ``refuse_at_risk`` refuses from that score on.
    """

    max_returns_per_customer_30d: int | None = None
    max_return_value_per_customer_90d_minor: int | None = None
    auto_approve_threshold_minor: int | None = None
    auto_approve_max_risk: int | None = None
    require_review_above_minor: int | None = None
    review_at_chargebacks: int | None = None
    refuse_at_risk: int | None = None


@dataclass(frozen=True, slots=True)
class RiskSettings:
    """How a merchant weighs risk: by signal its weight of 0 to 100 where it is not the default one.

    ``dispute_fee_minor`` is what a dispute costs beside its amount, in minor units of ``dispute_fee_currency``;
    ``dispute_likelihood_percent`` how many early warnings become disputes.
    """

    weights: Mapping[str, int] = field(default_factory=dict)
    dispute_fee_minor: int = 1500
    dispute_fee_currency: str = "usd"
    dispute_likelihood_percent: int = 80


@dataclass(frozen=True)
class Policy:
    """One merchant's policy as written. ``categories`` names the parent of a category; ``a/b`` is below ``a`` as well.

    ``non_refundable_flags`` are items that are never refunded, whatever their category. ``effective_from`` postpones
    the version. ``judged_by`` "latest" judges every transaction by the latest version instead of the one in force when
    it was bought (decision 18). The rules are indexed once, when the first of them is looked for: no slots here.
    """

    name: str
    rules: tuple[Rule, ...]
    limits: Limits = Limits()
    currency: str = "usd"
    categories: Mapping[str, str] = field(default_factory=dict)
    non_refundable_flags: frozenset[ItemFlag] = frozenset({"final_sale"})
    risk: RiskSettings = field(default_factory=RiskSettings)
    judged_by: JudgedBy = "at_purchase"
    effective_from: datetime | None = None

    @cached_property
    def _by_sku(self) -> Mapping[str, Sequence[Rule]]:
        return _indexed((rule.sku, rule) for rule in self.rules)

    @cached_property
    def _by_category(self) -> Mapping[str, Sequence[Rule]]:
        return _indexed((rule.category, rule) for rule in self.rules)

    def rule_for(self, sku: str | None, category: str | None, purchased_at: datetime) -> Rule | None:
        """The most specific rule for an item bought then: its SKU's, its nearest category's, the default one."""
        if sku is not None and (rule := _holding(self._by_sku.get(sku, ()), purchased_at)) is not None:
            return rule
        for each in lineage(category, self.categories):
            if (rule := _holding(self._by_category.get(each, ()), purchased_at)) is not None:
                return rule
        return _holding(self._by_category.get(DEFAULT_CATEGORY, ()), purchased_at)


def _indexed(named: Iterable[tuple[str | None, Rule]]) -> Mapping[str, Sequence[Rule]]:
    """Rules by name, those of one name in the order in which they were written."""
    index: dict[str, list[Rule]] = {}
    for name, rule in named:
        if name is not None:
            index.setdefault(name, []).append(rule)
    return index


def _holding(rules: Sequence[Rule], purchased_at: datetime) -> Rule | None:
    """The first of the rules that is for purchases of that time."""
    for rule in rules:
        if rule.holds_at(purchased_at):
            return rule
    return None


def lineage(category: str | None, parents: Mapping[str, str]) -> Iterator[str]:
    """A category and everything above it, nearest first; a cycle ends where it closes."""
    seen: set[str] = set()
    while category is not None and category not in seen:
        yield category
        seen.add(category)
        category = above(category, parents)


def above(category: str, parents: Mapping[str, str]) -> str | None:
    """The category right above: the parent that it was given, else that of its path; None at the top."""
    path, slash, _ = category.rpartition("/")
    return parents.get(category, path if slash else None)


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """A published policy: ``number`` from 1 on, in force from ``in_force_from``. Nothing of it ever changes."""

    policy_id: str | None
    number: int
    policy: Policy
    in_force_from: datetime | None = None


DEFAULT_POLICY: Final = PolicyVersion(
    policy_id=None, number=0, policy=Policy("Default policy", (Rule(category=DEFAULT_CATEGORY, return_window_days=30),))
)
"""For merchants who have published none: 30 days, everything refundable, nothing asked but for high risk."""


def in_force(versions: Sequence[tuple[int, datetime]], purchased_at: datetime, now: datetime) -> int | None:
    """The number of the version by which a purchase of then is judged: the last that was in force, else the earliest.

    ``versions`` are (number, in force from), in any order; those that come into force after ``now`` do not count.
    """
    begun = sorted((since, number) for number, since in versions if since <= now)
    if not begun:
        return None
    before = [number for since, number in begun if since <= purchased_at]
    return before[-1] if before else begun[0][1]
