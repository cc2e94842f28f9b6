"""Transactions on the wire: what a shop registers of its order ahead of time, and what is known of the charge."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from refundkit.contracts.base import Time, TimeInput, Wire
from refundkit.contracts.goods import MAX_QUANTITY, Country, CustomerId, DeliveryStatus, ItemFlag, Name
from refundkit.contracts.refunds import MAX_AMOUNT_MINOR

MAX_ITEMS: Final = 100

DisputeState = Literal["none", "inquiry", "open", "won", "lost"]

Paid = Annotated[int, Field(ge=0, le=MAX_AMOUNT_MINOR, description="In the minor unit of the charge's currency.")]
RiskScore = Annotated[int, Field(ge=0, le=100)]


class OrderItem(Wire):
    """One line of an order."""

    sku: Name | None = None
    category: Name | None = None
    """As the refund policy names it; `a/b` is below `a`."""
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)] = 1
    amount: Paid | None = None
    """What was paid for all of the line."""
    flags: Annotated[list[ItemFlag], Field(max_length=4)] | None = None
    """What policies may refuse: `final_sale` and others."""


class OrderDelivery(Wire):
    """How far the goods came."""

    status: DeliveryStatus | None = None
    fulfilled_at: TimeInput | None = None
    """When they were handed to the carrier, or the service was rendered."""
    delivered_at: TimeInput | None = None
    country: Country | None = None


class OrderCustomer(Wire):
    """Who bought it, as the shop knows them: an id, and no name or address."""

    id: CustomerId
    """The shop's own; `DELETE /v1/customers/{id}` erases it."""
    since: TimeInput | None = None
    """When their first order was."""
    lifetime_orders: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """This one included."""
    lifetime_spend: Paid | None = None


class RegisterTransactionRequest(Wire):
    """What the shop knows of a transaction. It replaces all that was registered before; all of it is optional."""

    order_id: Name | None = None
    merchant_id: Name | None = None
    """Which of your merchants sold it."""
    items: Annotated[list[OrderItem], Field(max_length=MAX_ITEMS)] | None = None
    """Their sum may be more or less than the charge."""
    delivery: OrderDelivery | None = None
    customer: OrderCustomer | None = None
    risk_score: RiskScore | None = None
    """By your own fraud engine, 0 to 100."""
    ip_country: Country | None = None
    """Where the order came from."""


class ShownDelivery(Wire):
    """How far the goods came."""

    status: DeliveryStatus | None
    fulfilled_at: Time | None
    delivered_at: Time | None
    country: Country | None


class ShownCustomer(Wire):
    """Who bought it, as the shop knows them."""

    id: str
    since: Time | None
    lifetime_orders: int | None
    lifetime_spend: int | None


class ShownItem(Wire):
    """One line of an order."""

    sku: str | None
    category: str | None
    quantity: int
    amount: int | None
    flags: list[ItemFlag]


class RegistrationView(Wire):
    """What the shop registered; ``version`` grows by one each time."""

    version: int
    order_id: str | None
    merchant_id: str | None
    items: list[ShownItem]
    delivery: ShownDelivery | None
    customer: ShownCustomer | None
    """Null where none was registered, or they were erased."""
    risk_score: int | None
    ip_country: Country | None
    registered_at: Time


class TransactionView(Wire):
    """A transaction: what we know of its charge, in minor units of ``currency``, and what the shop registered."""

    id: str
    """The charge's, whichever name was asked for."""
    processor: str
    currency: str
    captured: int
    refunded: int
    """Paid back by us or by others."""
    reserved: int
    """Held for refunds under way."""
    lost: int
    """Taken by lost disputes."""
    remaining: int
    dispute: DisputeState
    purchased_at: Time
    registration: RegistrationView | None
