"""Document 001's "Policy Config" as a policy: decimal amounts and a risk of 0 to 1 become minor units and scores.

Thresholds are taken as they are. Document 001 approves *at most* ``max_amount``; a policy approves strictly below its
threshold (decision 16), so that the one refund of exactly that amount goes to a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from refundkit_core.domain.money import exponent
from refundkit_core.domain.policies import DEFAULT_CATEGORY
from refundkit_core.domain.policy_faults import Fault, pointer

MAX_AMOUNT_MINOR: Final = 10**12
_FINAL_SALE: Final = "final_sale"
_SCORES_PER_RISK: Final = 100

_AMOUNTS: Final = (
    ("auto_approve", "max_amount"),
    ("manual_review", "min_amount"),
    ("missing_delivery", "evidence_required_over_amount"),
)
_Config = Mapping[str, Any]


def imported(config: _Config) -> dict[str, Any]:
    """The document (as in document 002) that a config without faults says."""
    amounts = {name: _amount(config, section, name) for section, name in _AMOUNTS}
    risk = _number(config, "auto_approve", "max_risk_score")
    limits = {
        "autoApproveThreshold": amounts["max_amount"],
        "autoApproveMaxRisk": None if risk is None else int(risk * _SCORES_PER_RISK),
        "requireReviewAbove": amounts["min_amount"],
        "reviewAtChargebacks": _section(config, "manual_review").get("min_chargebacks"),
    }
    default = {
        "category": DEFAULT_CATEGORY,
        "returnWindowDays": config.get("refund_window_days"),
        "evidenceRequiredOver": amounts["evidence_required_over_amount"],
    }
    barred = config.get("non_refundable_categories") or ()
    return {
        "merchantId": config.get("merchant_id"),
        "name": config.get("name") or "Imported policy",
        "currency": _currency(config),
        "rules": [*(_barred(category) for category in barred), _said(default)],
        "globalLimits": _said(limits),
    }


def import_faults(config: _Config) -> list[Fault]:
    """What a config of the right types is still wrong about, all at once, with pointers into the config."""
    return [*_amount_faults(config), *_risk_faults(config), *_category_faults(config)]


def _amount_faults(config: _Config) -> Iterator[Fault]:
    digits = exponent(_currency(config))
    for section, name in _AMOUNTS:
        amount = _number(config, section, name)
        if amount is not None and _decimals(amount) > digits:
            said = f"Give at most {digits} decimals, as the currency has"
            yield Fault(pointer(section, name), "too_many_decimals", said)
        elif amount is not None and amount.scaleb(digits) > MAX_AMOUNT_MINOR:
            yield Fault(pointer(section, name), "out_of_range", f"Give at most {MAX_AMOUNT_MINOR} minor units")
    threshold, review = (_number(config, section, name) for section, name in _AMOUNTS[:2])
    if threshold is not None and review is not None and threshold > review:
        said = "Make auto_approve.max_amount no more than manual_review.min_amount"
        yield Fault(pointer(*_AMOUNTS[0]), "threshold_above_review", said)


def _risk_faults(config: _Config) -> Iterator[Fault]:
    risk = _number(config, "auto_approve", "max_risk_score")
    if risk is not None and _decimals(risk) > 2:
        here = pointer("auto_approve", "max_risk_score")
        yield Fault(here, "too_many_decimals", "Give at most two decimals: scores are whole numbers up to 100")


def _category_faults(config: _Config) -> Iterator[Fault]:
    barred = config.get("non_refundable_categories")
    seen: set[str] = set()
    for index, category in enumerate(barred if isinstance(barred, list) else ()):
        here = pointer("non_refundable_categories", index)
        if category == DEFAULT_CATEGORY:
            yield Fault(here, "default_refused", "Leave default out: it is for everything that has no rule of its own")
        elif isinstance(category, str) and category in seen:
            yield Fault(here, "repeated", "Say it once")
        if isinstance(category, str):
            seen.add(category)


def _barred(category: str) -> dict[str, Any]:
    return {"category": category, ("finalSale" if category == _FINAL_SALE else "nonRefundable"): True}


def _amount(config: _Config, section: str, name: str) -> int | None:
    """In minor units, exactly."""
    amount = _number(config, section, name)
    return None if amount is None else int(amount.scaleb(exponent(_currency(config))))


def _number(config: _Config, section: str, name: str) -> Decimal | None:
    """A number as it was written: the shortest text that a float has is the one that it was read from."""
    value = _section(config, section).get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = Decimal(repr(value))
    return number if number.is_finite() else None


def _decimals(number: Decimal) -> int:
    digits = number.normalize().as_tuple().exponent
    return -digits if isinstance(digits, int) and digits < 0 else 0


def _section(config: _Config, name: str) -> _Config:
    section = config.get(name)
    return section if isinstance(section, Mapping) else {}


def _currency(config: _Config) -> str:
    currency = config.get("currency")
    return currency if isinstance(currency, str) else "usd"


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
