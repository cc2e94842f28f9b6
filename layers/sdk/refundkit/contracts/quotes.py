"""Quotes on the wire: what is asked. Their answers stand in ``quoted``, which only a preview loads."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, model_validator

from refundkit.contracts.base import Wire
from refundkit.contracts.goods import MAX_QUANTITY, Name
from refundkit.contracts.refunds import MAX_AMOUNT_MINOR, AmountMinor, TransactionId

Paid = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR, description="In the minor unit of the charge's currency.")]
Quantity = Annotated[int, Field(ge=0, le=MAX_QUANTITY)]


_AN_ORDER_OR_AN_AMOUNT: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["items"], "properties": {"items": {"type": "array"}, "amount": {"type": "null"}}},
        {
            "properties": {
                "items": {"type": "null"},
                "discount": {"const": 0},
                "tax": {"const": 0},
                "shipping": {"type": "null"},
                "tenders": {"type": "null"},
            }
        },
    ]
}


class PreviewItem(Wire):
    """A line of the order. Name all lines where the order has a discount or tax that no line names."""

    sku: Name | None = None
    category: Name | None = None
    """As the refund policy names it; the registered order's where there is one."""
    quantity: Quantity = 1
    """Units that come back; 0 for a line that stays."""
    quantity_bought: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] | None = None
    """The registered order's where there is one; else all that comes back, where omitted."""
    quantity_returned: Quantity = 0
    """Units that came back before."""
    amount: Paid | None = None
    """The price of all units bought, before discount and tax; what the registered order says was paid where omitted."""
    discount: Paid = 0
    tax: Paid = 0


class PreviewShipping(Wire):
    """What shipping cost, and whether it is refunded as well."""

    amount: Paid
    refund: bool = False


class PreviewTender(Wire):
    """One of the means by which the order was paid."""

    name: Name
    amount: Paid
    this_charge: bool = False
    """Whether it is the charge that is refunded; exactly one is."""


class PreviewRefundRequest(Wire):
    """Ask what a refund would pay: of items, or of ``amount``, or (neither) of all that remains."""

    model_config = ConfigDict(json_schema_extra=_AN_ORDER_OR_AN_AMOUNT)

    transaction_id: TransactionId
    """The processor's id of the charge (``ch_…``, ``py_…``) or payment intent (``pi_…``)."""
    amount: AmountMinor | None = None
    items: Annotated[list[PreviewItem], Field(min_length=1, max_length=100)] | None = None
    discount: Paid = 0
    """Of the whole order; it is spread over the lines."""
    tax: Paid = 0
    """Of the whole order, where lines name none; it is spread over lines and shipping."""
    shipping: PreviewShipping | None = None
    tenders: Annotated[list[PreviewTender], Field(min_length=1, max_length=10)] | None = None
    """All means by which the order was paid, together its total; omitted: the charge paid all of it."""

    @model_validator(mode="after")
    def _is_of_items_or_of_an_amount(self) -> PreviewRefundRequest:
        of_order = bool(self.discount or self.tax or self.shipping or self.tenders)
        if self.amount is not None and (of_order or self.items):
            raise ValueError("Name either an amount or an order")
        if of_order and not self.items:
            raise ValueError("Name the order's items")
        return self
