"""Where registered orders are kept. Adapters implement it; tests fake it."""

from __future__ import annotations

from typing import Protocol

from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.tenancy import Tenant


class OrderStore(Protocol):
    """What shops registered, one order a charge, beside its ledger."""

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        """The charge's order as it stands, read consistently."""

    def put(self, order: Order, previous_version: int | None) -> None:
        """Store an order that is new (None) or replaces exactly that version.

        One that names a customer also moves its ledger's version on, so that an erasure under way notices it.

        Raises:
            StoreConflict: another version stands there; or a customer is named, and the charge's was erased or the
                charge has no ledger.
        """
