"""A builder of registered orders: all of one is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.orders import Order

from tests.support.builders import TENANT, TRANSACTION
from tests.support.clock import START


def order(**changes: Any) -> Order:
    """The first registration of the builders' charge, delivered yesterday."""
    made = Order(
        tenant=TENANT,
        transaction=TRANSACTION,
        version=1,
        registered_at=START,
        order_id="order_456",
        merchant_id="north",
        items=(Item("SKU-1", "apparel/shoes", 2, 3000, ("final_sale",)), Item(None, None, 1, None)),
        delivery=Delivery("delivered", START - timedelta(days=3), START - timedelta(days=1), "US"),
        customer_id="cust_789",
        customer_since=START - timedelta(days=700),
        lifetime_orders=6,
        lifetime_spend_minor=61120,
        external_risk=8,
        ip_country="US",
    )
    return replace(made, **changes)
