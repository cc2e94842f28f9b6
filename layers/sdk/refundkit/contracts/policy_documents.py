"""Policies as data: the document that a merchant writes (document 002 "Policy Schema").

Only shapes and bounds are checked here; what fields mean to each other is checked by the server, which tells of all
faults at once (``POST /v1/policies/validate``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, PlainValidator, WithJsonSchema

from refundkit.contracts.base import MerchantId, TimeInput, Wire
from refundkit.contracts.goods import ItemFlag
from refundkit.contracts.refunds import MAX_AMOUNT_MINOR, Currency

MAX_RULES: Final = 500
MAX_CATEGORIES: Final = 1_000
MAX_CONDITIONS: Final = 50
MAX_WINDOW_DAYS: Final = 3_650

WindowStart = Literal["delivery", "fulfilment", "purchase"]
JudgedBy = Literal["at_purchase", "latest"]


def percent(value: object) -> int | float:
    """A percentage as it was written. Raises ValueError for anything but a number of 0 to 100 with two decimals."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("Must be a number from 0 to 100")
    if Decimal(repr(value)).normalize().as_tuple().exponent < -2:  # type: ignore[operator]  # finite: it is in bounds
        raise ValueError("Must have at most two decimals")
    return value


_PERCENT: Final = {
    "type": "number",
    "minimum": 0,
    "maximum": 100,
    "description": "0 to 100, with at most two decimals.",
}
Percent = Annotated[float, PlainValidator(percent), WithJsonSchema(_PERCENT)]
Days = Annotated[int, Field(ge=0, le=MAX_WINDOW_DAYS)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR, description="In the currency's minor unit (cents).")]
Score = Annotated[int, Field(ge=0, le=100, description="A risk score from 0 to 100.")]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
PolicyName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
Category = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9_.\-]+([ /][A-Za-z0-9_.\-]+)*$")]
Sku = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
Condition = Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Weight = Annotated[int, Field(ge=0, le=100)]
SignalName = Annotated[str, Field(min_length=1, max_length=40)]

_SKU_OR_CATEGORY: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["category"], "properties": {"category": {"type": "string"}, "sku": {"type": "null"}}},
        {"required": ["sku"], "properties": {"sku": {"type": "string"}, "category": {"type": "null"}}},
    ]
}


class PolicyRule(Wire):
    """What holds for one category with everything below it, or for one SKU; the most specific rule is the one."""

    model_config = ConfigDict(json_schema_extra=_SKU_OR_CATEGORY)

    category: Category | None = None
    """A category of your own, such as ``clothing`` or ``clothing/shoes``; ``default`` is for all that has no rule."""
    sku: Sku | None = None
    """One article, instead of a category."""
    return_window_days: Days | None = None
    """Days within which a refund is possible, the last one inclusive; no deadline where omitted."""
    window_starts_at: WindowStart = "delivery"
    """Where the window starts; what is not known falls back to fulfilment, and then to the purchase."""
    fulfilment_buffer_days: Days = 0
    """Days that a delivery takes: added to the fulfilment where the delivery is not known."""
    restocking_fee_percent: Percent = 0
    """What is kept of the amount, rounded down in the customer's favour."""
    exchange_only: bool = False
    """An exchange is possible, a refund is not."""
    final_sale: bool = False
    """Neither a return nor a refund is possible."""
    non_refundable: bool = False
    """No refund is possible: gift cards, for example."""
    store_credit_only: bool = False
    """A refund is paid as store credit only."""
    requires_return: bool = False
    """The goods must come back before money is paid."""
    requires_review: bool = False
    """A person looks at every refund."""
    evidence_required_over: Amount | None = None
    """Claims of goods that never came need evidence above this amount."""
    min_amount: Amount | None = None
    """Refunds below this amount are refused."""
    max_amount: Amount | None = None
    """Refunds above this amount are refused."""
    conditions: list[Condition] = Field([], max_length=MAX_CONDITIONS)
    """What the goods must be, checked at their inspection: ``unworn``, ``original_packaging``."""
    effective_from: TimeInput | None = None
    """The rule is for purchases from this time on."""
    effective_until: TimeInput | None = None
    """The rule is for purchases before this time."""


class GlobalLimits(Wire):
    """What holds for every refund under the policy. A customer over a limit is looked at by a person."""

    max_returns_per_customer_30d: Count | None = Field(None, alias="maxReturnsPerCustomer30d")
    """Refunds that a customer can have in 30 days."""
    max_return_value_per_customer_90d: Amount | None = Field(None, alias="maxReturnValuePerCustomer90d")
    """What a customer can be refunded in 90 days."""
    auto_approve_threshold: Amount | None = None
    """Refunds strictly below this amount need no person, where the risk is low as well; 0 sends all to a person."""
    auto_approve_max_risk: Score | None = None
    """Refunds with a risk strictly below this score need no person."""
    require_review_above: Amount | None = None
    """Refunds of this amount or more always need a person."""
    review_at_chargebacks: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Customers with this many chargebacks within a year are looked at by a person."""
    refuse_at_risk: Score | None = None
    """Refunds with this risk score or more are refused."""


class PolicyRisk(Wire):
    """How the risk of a refund is weighed."""

    weights: dict[SignalName, Weight] = Field({}, max_length=50)
    """By signal its weight of 0 to 100, where it is not the usual one."""
    dispute_fee: Amount = 1500
    """What a dispute costs beside its amount."""
    dispute_fee_currency: Currency = "usd"
    dispute_likelihood_percent: Annotated[int, Field(ge=0, le=100)] = 80
    """How many early fraud warnings become disputes."""


class PolicyDocument(Wire):
    """A merchant's refund policy. Amounts are minor units of ``currency``."""

    merchant_id: MerchantId | None = None
    """Whose policy it is, in your own words; the organization's id where omitted."""
    name: PolicyName
    """What people call it."""
    version: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    """Ignored in requests: versions are numbered when they are published."""
    rules: Annotated[list[PolicyRule], Field(min_length=1, max_length=MAX_RULES)]
    """One of them is for the category ``default``."""
    global_limits: GlobalLimits = Field(default_factory=GlobalLimits)
    currency: Currency = "usd"
    """Of all amounts. Refunds in another currency are looked at by a person."""
    categories: dict[Category, Category] = Field({}, max_length=MAX_CATEGORIES)
    """By category the one above it; ``a/b`` is below ``a`` in any case."""
    non_refundable_flags: list[ItemFlag] = Field(["final_sale"], max_length=4)
    """Items with one of these flags are not refunded, whatever their category."""
    risk: PolicyRisk = Field(default_factory=PolicyRisk)
    judged_by: JudgedBy = "at_purchase"
    """Whether a purchase is judged by the version that was in force then, or by the latest one."""
    effective_from: TimeInput | None = None
    """From when on a published version is in force; at once where omitted or past."""
