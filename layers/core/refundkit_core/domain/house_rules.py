"""An organization's own rules about when a person looks, whatever a merchant's policy says (document 000).

They can only ask for more than the policy does: of two thresholds the stricter one holds (decision 16).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.money import Money


@dataclass(frozen=True, slots=True)
class HouseRules:
    """When a person looks. None does not ask for one.

    Amounts are gross, in minor units of ``currency``: below ``auto_approve_below_minor`` nobody is needed, from
    ``require_review_above_minor`` on a person always is. ``review_from_risk`` is a score of 1 to 100, from which on a
    person looks; ``review_categories`` are those of which every refund is looked at.
    """

    currency: str = "usd"
    auto_approve_below_minor: int | None = None
    require_review_above_minor: int | None = None
    review_from_risk: int | None = None
    review_categories: tuple[str, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """The rules as JSON knows them, without those that are not set."""
        record = asdict(self)
        return {name: value for name, value in record.items() if value is not None and value != ()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> HouseRules:
        """The rules of :meth:`as_record`."""
        return cls(**{**record, "review_categories": tuple(record.get("review_categories", ()))})

    @property
    def names_amounts(self) -> bool:
        """Whether any of them is about money, so that another currency cannot be held against it."""
        return self.auto_approve_below_minor is not None or self.require_review_above_minor is not None


NO_HOUSE_RULES: Final = HouseRules()


def spoken_by(house: HouseRules, amount: Money, score: int, categories: frozenset[str]) -> Iterator[RuleResult]:
    """What each rule that is set says of a refund of ``amount`` gross, at a risk of ``score``."""
    if house.names_amounts and amount.currency != house.currency:
        said = f"The organization's thresholds are in {house.currency}, the transaction is in {amount.currency}"
        yield RuleResult("house_currency", "unknown", said, "", amount.currency, house.currency)
    elif house.names_amounts:
        yield from _amounts(house, amount)
    bound = house.review_from_risk
    if bound is not None:
        asks = score >= bound
        said = f"Risk score {score} " + (f"reaches the organization's {bound}" if asks else f"is below {bound}")
        yield RuleResult("house_risk", "review" if asks else "pass", said, "", score, bound)
    watched = sorted(categories & set(house.review_categories))
    if watched:
        said = f"The organization looks at every refund of: {', '.join(watched)}"
        yield RuleResult("house_category", "review", said, "", watched[0])


def _amounts(house: HouseRules, amount: Money) -> Iterator[RuleResult]:
    always = house.require_review_above_minor
    if always is not None:
        bound, asks = Money(always, amount.currency), amount.amount_minor >= always
        said = f"{amount} " + (f"reaches {bound}, from which a person always looks" if asks else f"is below {bound}")
        yield RuleResult("house_review_amount", "review" if asks else "pass", said, "", amount.amount_minor, always)
    below = house.auto_approve_below_minor
    if below is not None:
        bound, small = Money(below, amount.currency), amount.amount_minor < below
        said = f"{amount} is {'below' if small else 'not below'} {bound}, below which nobody is needed"
        yield RuleResult("house_auto_approve", "pass" if small else "review", said, "", amount.amount_minor, below)
