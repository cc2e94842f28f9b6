"""Policies as the JSON documents that they are written and stored as (document 002 "Policy Schema").

Plain code, so that a policy is read at every refund without loading a library for it. Documents come in here validated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from refundkit_core.domain.policies import Limits, Policy, RiskSettings, Rule
from refundkit_core.domain.times import iso, parse_iso

_Made = TypeVar("_Made")
_To = Callable[[Any], Any]

_BP_PER_PERCENT: Final = 100


def basis_points(percent: float | int) -> int:
    """A percentage with at most two decimals in basis points, exactly: 7.25 is 725."""
    return int(Decimal(repr(percent)) * _BP_PER_PERCENT)


def _percent(rate_bp: int) -> int | float:
    whole, rest = divmod(rate_bp, _BP_PER_PERCENT)
    return float(Decimal(rate_bp) / _BP_PER_PERCENT) if rest else whole


def _moment(text: str) -> datetime:
    """To the millisecond, as it is kept."""
    return parse_iso(iso(parse_iso(text)))


def _same(value: Any) -> Any:
    return value


_Spelling = Mapping[str, tuple[str, _To, _To]]
"""By field of the domain: its name in documents, how it is read from there, and how it is written."""

_RULE: Final[_Spelling] = {
    "category": ("category", _same, _same),
    "sku": ("sku", _same, _same),
    "return_window_days": ("returnWindowDays", _same, _same),
    "window_starts_at": ("windowStartsAt", _same, _same),
    "fulfilment_buffer_days": ("fulfilmentBufferDays", _same, _same),
    "restocking_fee_bp": ("restockingFeePercent", basis_points, _percent),
    "final_sale": ("finalSale", _same, _same),
    "non_refundable": ("nonRefundable", _same, _same),
    "exchange_only": ("exchangeOnly", _same, _same),
    "store_credit_only": ("storeCreditOnly", _same, _same),
    "requires_return": ("requiresReturn", _same, _same),
    "requires_review": ("requiresReview", _same, _same),
    "evidence_required_over_minor": ("evidenceRequiredOver", _same, _same),
    "min_amount_minor": ("minAmount", _same, _same),
    "max_amount_minor": ("maxAmount", _same, _same),
    "conditions": ("conditions", tuple, list),
    "effective_from": ("effectiveFrom", _moment, iso),
    "effective_until": ("effectiveUntil", _moment, iso),
}
_LIMITS: Final[_Spelling] = {
    "max_returns_per_customer_30d": ("maxReturnsPerCustomer30d", _same, _same),
    "max_return_value_per_customer_90d_minor": ("maxReturnValuePerCustomer90d", _same, _same),
    "auto_approve_threshold_minor": ("autoApproveThreshold", _same, _same),
    "auto_approve_max_risk": ("autoApproveMaxRisk", _same, _same),
    "require_review_above_minor": ("requireReviewAbove", _same, _same),
    "review_at_chargebacks": ("reviewAtChargebacks", _same, _same),
    "refuse_at_risk": ("refuseAtRisk", _same, _same),
}
_RISK: Final[_Spelling] = {
    "weights": ("weights", dict, dict),
    "dispute_fee_minor": ("disputeFee", _same, _same),
    "dispute_fee_currency": ("disputeFeeCurrency", _same, _same),
    "dispute_likelihood_percent": ("disputeLikelihoodPercent", _same, _same),
}
_POLICY: Final[_Spelling] = {
    "name": ("name", _same, _same),
    "rules": (
        "rules",
        lambda rules: tuple(_read(Rule, _RULE, rule) for rule in rules),
        lambda rules: [_written(rule, _RULE) for rule in rules],
    ),
    "limits": ("globalLimits", lambda limits: _read(Limits, _LIMITS, limits), lambda each: _written(each, _LIMITS)),
    "currency": ("currency", _same, _same),
    "categories": ("categories", dict, dict),
    "non_refundable_flags": ("nonRefundableFlags", frozenset, sorted),
    "risk": ("risk", lambda risk: _read(RiskSettings, _RISK, risk), lambda each: _written(each, _RISK)),
    "judged_by": ("judgedBy", _same, _same),
    "effective_from": ("effectiveFrom", _moment, iso),
}


def policy_of(document: Mapping[str, Any]) -> Policy:
    """The policy that a valid document says; other names in it (``merchantId``, ``version``) are not the policy's."""
    return _read(Policy, _POLICY, document)


def document_of(policy: Policy) -> dict[str, Any]:
    """The policy's one document: what is not said in it is as it is by default."""
    return _written(policy, _POLICY)


def spelled_out(policy: Policy) -> dict[str, Any]:
    """The policy's document with everything in it that is as it is by default; None sets nothing."""
    nested = {"globalLimits": _spelled(policy.limits, _LIMITS), "risk": _spelled(policy.risk, _RISK)}
    return {**_spelled(policy, _POLICY), "rules": [rule_spelled_out(rule) for rule in policy.rules], **nested}


def rule_spelled_out(rule: Rule) -> dict[str, Any]:
    """One rule as it stands in a document that says everything."""
    return _spelled(rule, _RULE)


def _read(kind: type[_Made], spelling: _Spelling, document: Mapping[str, Any]) -> _Made:
    said = ((field, read, document.get(name)) for field, (name, read, _) in spelling.items())
    return kind(**{field: read(value) for field, read, value in said if value is not None})


def _written(value: Any, spelling: _Spelling) -> dict[str, Any]:
    said = _spelled(value, spelling)
    by_default = {spelling[each.name][0] for each in fields(value) if getattr(value, each.name) == _default(each)}
    return {name: each for name, each in said.items() if name not in by_default}


def _spelled(value: Any, spelling: _Spelling) -> dict[str, Any]:
    held = ((name, write, getattr(value, field)) for field, (name, _, write) in spelling.items())
    return {name: None if each is None else write(each) for name, write, each in held}


def _default(field: Any) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default
