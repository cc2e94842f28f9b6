"""What a shop registers of a transaction ahead of time: its order, delivery and customer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.tenancy import Tenant


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
