"""Document 001's "Policy Config" on the wire, to be imported as a policy."""

from __future__ import annotations

import math
from typing import Annotated, Final

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from refundkit.contracts.base import MerchantId, Wire
from refundkit.contracts.policy_documents import Category, Count, Days, PolicyName
from refundkit.contracts.refunds import Currency

MAX_DOLLARS: Final = 10**12
MAX_BARRED: Final = 499


def _dollars(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DOLLARS:
        raise ValueError(f"Must be a number from 0 to {MAX_DOLLARS}")
    return value


def _risk(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or not 0 <= value <= 1:
        raise ValueError("Must be a number from 0 to 1")
    return value


_DOLLARS_SCHEMA: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": MAX_DOLLARS,
    "description": "In whole units of the currency (dollars), with no more decimals than it has.",
}
_RISK_SCHEMA: Final = {"type": "number", "minimum": 0, "maximum": 1, "description": "0 to 1, at most two decimals."}
Dollars = Annotated[float, PlainValidator(_dollars), WithJsonSchema(_DOLLARS_SCHEMA)]
RiskShare = Annotated[float, PlainValidator(_risk), WithJsonSchema(_RISK_SCHEMA)]


class _Config(Wire):
    """Spelled as document 001 spells it."""

    model_config = ConfigDict(alias_generator=None)


class AutoApproveConfig(_Config):
    """Which refunds need no person: strictly below the amount, and strictly below the risk."""

    max_amount: Dollars | None = None
    max_risk_score: RiskShare | None = None


class ManualReviewConfig(_Config):
    """Which refunds always need a person: from the amount on, or from so many chargebacks within a year on."""

    min_amount: Dollars | None = None
    min_chargebacks: Annotated[Count, Field(ge=1)] | None = None


class MissingDeliveryConfig(_Config):
    """Above which amount a claim of goods that never came needs evidence."""

    evidence_required_over_amount: Dollars | None = None


class ImportPolicyRequest(_Config):
    """A policy config; ``merchant_id``, ``name`` and ``currency`` may be added to it."""

    merchant_id: MerchantId | None = None
    """Whose policy it is; the organization's id where omitted."""
    name: PolicyName | None = None
    currency: Currency = "usd"
    refund_window_days: Days | None = None
    """From the delivery on; no deadline where omitted."""
    non_refundable_categories: list[Category] = Field([], max_length=MAX_BARRED)
    """Each becomes a rule without refunds; ``final_sale`` one without returns as well."""
    auto_approve: AutoApproveConfig | None = None
    manual_review: ManualReviewConfig | None = None
    missing_delivery: MissingDeliveryConfig | None = None
