"""What a caller says of a request besides the transaction: items, delivery, customer, evidence."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from refundkit.contracts.base import TimeInput, Wire
from refundkit.contracts.goods import MAX_QUANTITY, Country, DeliveryStatus, ItemFlag, Name

MAX_ITEMS = 200
MAX_EVIDENCE = 20

EvidenceKind = Literal["photo", "video", "carrier_scan", "receipt", "customer_statement", "other"]
LineAmount = Annotated[int, Field(ge=0, le=10**12, description="In the currency's minor unit (cents).")]


_NAMED: Final[dict[str, Any]] = {
    "anyOf": [
        {"required": ["sku"], "properties": {"sku": {"type": "string"}}},
        {"required": ["category"], "properties": {"category": {"type": "string"}}},
    ]
}


class RefundItem(Wire):
    """One line of what is to be refunded. What the shop registered of the transaction beats what is said here."""

    model_config = ConfigDict(json_schema_extra=_NAMED)

    sku: Name | None = None
    category: Name | None = None
    """A category of the policy; ``a/b`` is below ``a``."""
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    amount: LineAmount | None = None
    """What was paid for all of the line's quantity."""
    flags: Annotated[list[ItemFlag], Field(max_length=4)] | None = None

    @model_validator(mode="after")
    def _names_something(self) -> RefundItem:
        if self.sku is None and self.category is None:
            raise ValueError("Name a sku or a category")
        return self


class DeliveryClaim(Wire):
    """How far the goods came, as the caller knows it."""

    status: DeliveryStatus | None = None
    fulfilled_at: TimeInput | None = None
    delivered_at: TimeInput | None = None
    country: Country | None = None


class EvidencePiece(Wire):
    """One piece of evidence; it is kept with the refund, and erased with its customer."""

    kind: EvidenceKind
    reference: Annotated[str, Field(min_length=1, max_length=500)]
    """Where it can be found: a URL, a ticket, a tracking number."""
