"""``OrderStore`` in memory, beside the ledgers of a refund store in memory. Held to the real one by tests/contract."""

from __future__ import annotations

from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.tenancy import Tenant

from tests.support.memory_store import MemoryRefundStore


class MemoryOrderStore:
    """Everything in the refund store's dictionaries, under its lock."""

    def __init__(self, refunds: MemoryRefundStore) -> None:
        self._refunds = refunds

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        return self._refunds.orders.get((tenant, transaction))

    def put(self, order: Order, previous_version: int | None) -> None:
        key = (order.tenant, order.transaction)
        with self._refunds.lock:
            stored = self._refunds.orders.get(key)
            if (None if stored is None else stored.version) != previous_version:
                raise StoreConflict("conflict")
            if order.customer_id is not None:
                self._refunds.touch(order.tenant, order.transaction)
            self._refunds.orders[key] = order
