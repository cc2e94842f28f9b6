"""What a shop registers of a transaction ahead of time: its order, delivery and customer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

CLOCKS_DIFFER_BY: Final = timedelta(days=1)
"""A shop's clock and time zones may err by so much; what is later has not happened."""


@dataclass(frozen=True, slots=True)
class Order:
    """One transaction as its shop knows it; ``version`` grows with every registration, from 1.

    ``customer_id`` is the shop's own name of the customer. Spend is in minor units of the charge's currency,
    ``external_risk`` a score of 0 to 100 by the shop's own fraud engine.
    """

    tenant: Tenant
    transaction: TransactionRef
    version: int
    registered_at: datetime
    order_id: str | None = None
    merchant_id: str | None = None
    items: tuple[Item, ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    customer_id: str | None = None
    customer_since: datetime | None = None
    lifetime_orders: int | None = None
    lifetime_spend_minor: int | None = None
    external_risk: int | None = None
    ip_country: str | None = None


def without_customer(order: Order) -> Order:
    """The order after its customer was erased: what was bought and how it came, and nothing of who bought it."""
    return replace(order, customer_id=None, customer_since=None, lifetime_orders=None, lifetime_spend_minor=None)


def insist_on_sense(order: Order) -> None:
    """Refuse a registration that contradicts itself, or tells of what cannot have happened by ``registered_at``.

    The sum of the items may be more or less than the charge: shipping, vouchers and other tenders are not items.
    Delivered without a time is fine: not every carrier tells it.

    Raises:
        Invalid: with every contradiction by its field.
    """
    details = (*_from_the_future(order), *_impossible_deliveries(order.delivery), *_impossible_customers(order))
    if details:
        raise Invalid("The registration contradicts itself or the calendar", details)


def _from_the_future(order: Order) -> Iterator[Detail]:
    latest = order.registered_at + CLOCKS_DIFFER_BY
    stated = {
        "delivery.fulfilledAt": order.delivery.fulfilled_at,
        "delivery.deliveredAt": order.delivery.delivered_at,
        "customer.since": order.customer_since,
    }
    for name, at in stated.items():
        if at is not None and at > latest:
            yield Detail(name, f"Not later than {iso(latest)}: it has not happened")


def _impossible_deliveries(delivery: Delivery) -> Iterator[Detail]:
    sent, arrived = delivery.fulfilled_at, delivery.delivered_at
    if sent is not None and arrived is not None and arrived < sent:
        yield Detail("delivery.deliveredAt", "Not before fulfilledAt")
    if delivery.status == "not_shipped" and sent is not None:
        yield Detail("delivery.fulfilledAt", "What is not shipped was not fulfilled")
    if delivery.status in ("not_shipped", "in_transit", "lost") and arrived is not None:
        yield Detail("delivery.deliveredAt", f"What is {delivery.status} was not delivered")


def _impossible_customers(order: Order) -> Iterator[Detail]:
    if order.lifetime_orders == 0 and order.lifetime_spend_minor:
        yield Detail("customer.lifetimeSpend", "Nobody has spent anything without an order")
