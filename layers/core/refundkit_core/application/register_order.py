"""Register what a shop knows of a transaction, and show it beside what we know of the charge."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Final, NamedTuple

from refundkit_core.application.order_ports import OrderStore
from refundkit_core.application.ports import Clock, Ids, RefundStore
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.domain.errors import NotFound, StoreConflict
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.orders import Order, insist_on_sense, without_customer
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20
_TRANSACTION_ID: Final = re.compile(r"[A-Za-z0-9_.:\-]{1,255}")


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """What a shop says of a transaction; the names are those of :class:`Order`."""

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


class KnownTransaction(NamedTuple):
    """A transaction as we know it: its charge's ledger, and the order that the shop registered, if any."""

    ledger: Ledger
    order: Order | None


class RegisterOrder:
    """The use cases behind ``/v1/transactions``."""

    def __init__(
        self, resolve: ResolveTransaction, refunds: RefundStore, orders: OrderStore, clock: Clock, ids: Ids
    ) -> None:
        self._resolve = resolve
        self._refunds = refunds
        self._orders = orders
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, transaction_id: str, wanted: WantedOrder) -> KnownTransaction:
        """Keep ``wanted`` in place of all that was registered before. An erased customer is not brought back.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
            Invalid: what is registered contradicts itself.
            StoreConflict: others kept registering the same transaction.
        """
        ledger = self._ledger(tenant, transaction_id)
        for attempt in range(1, _MAX_TRIES + 1):
            known = self._orders.of(tenant, ledger.transaction)
            order = self._made(ledger, wanted, 1 if known is None else known.version + 1)
            try:
                self._orders.put(order, None if known is None else known.version)
            except StoreConflict:
                self._ids.pause(attempt)
                ledger = self._refunds.ledger(tenant, ledger.transaction) or ledger
                continue
            return KnownTransaction(ledger, order)
        raise StoreConflict("The transaction kept being registered. Send the request again")

    def show(self, tenant: Tenant, transaction_id: str) -> KnownTransaction:
        """What is known of the transaction. Raises NotFound, ProcessorNotConnected, Upstream."""
        ledger = self._ledger(tenant, transaction_id)
        return KnownTransaction(ledger, self._orders.of(tenant, ledger.transaction))

    def _ledger(self, tenant: Tenant, transaction_id: str) -> Ledger:
        """The id comes from a path, where anything may stand: what cannot be one costs no look-up."""
        if _TRANSACTION_ID.fullmatch(transaction_id) is None:
            raise NotFound("No such transaction")
        return self._resolve(tenant, transaction_id, None).ledger

    def _made(self, ledger: Ledger, wanted: WantedOrder, version: int) -> Order:
        said = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
        now = self._clock.now()
        order = Order(tenant=ledger.tenant, transaction=ledger.transaction, version=version, registered_at=now, **said)
        insist_on_sense(order)
        return without_customer(order) if ledger.customer_erased else order
