"""From any name of a transaction to its charge and ledger, refreshed where it is too old to decide on (decision 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from refundkit_core.application.look_at_transaction import LookAtTransaction
from refundkit_core.application.ports import Clock, ConnectionStore, PaymentProcessor, Processors, RefundStore
from refundkit_core.application.records import Connection
from refundkit_core.domain.errors import NotFound, ProcessorDenied, ProcessorNotConnected
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.tenancy import Tenant


class ResolvedTransaction(NamedTuple):
    """A transaction's ledger, fresh enough to decide on."""

    ledger: Ledger
    connection: Connection


class ResolveTransaction:
    """Find the one ledger of a transaction, asking the processor only where our copy is missing or old."""

    def __init__(
        self,
        refunds: RefundStore,
        connections: ConnectionStore,
        processors: Processors,
        look: LookAtTransaction,
        clock: Clock,
    ) -> None:
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._look = look
        self._clock = clock

    def __call__(self, tenant: Tenant, transaction_id: str, processor: str | None) -> ResolvedTransaction:
        """Resolve ``transaction_id`` (a charge, a payment intent, …) within ``tenant``.

        Raises:
            NotFound: no processor knows it.
            ProcessorNotConnected: its processor is not connected in this environment.
            Upstream: the processor could not be asked; one that refuses the credentials marks the connection.
        """
        return self._resolved(tenant, transaction_id, processor, self._look.refresh)

    def for_opening(self, tenant: Tenant, transaction_id: str, processor: str | None) -> ResolvedTransaction:
        """The same for whoever is about to open a refund, and to store with it a ledger that is new."""
        return self._resolved(tenant, transaction_id, processor, self._look.refresh_or_open)

    def _resolved(
        self,
        tenant: Tenant,
        transaction_id: str,
        processor: str | None,
        refresh: Callable[[Connection, PaymentProcessor, str], Ledger],
    ) -> ResolvedTransaction:
        name = processor or self._processors.named_by(transaction_id)
        if name is None:
            raise NotFound("No such transaction")
        connection = self._connections.of(tenant, name) if name in self._processors.names() else None
        if connection is None or connection.status == "inactive":
            raise ProcessorNotConnected(f"No {name} account is connected in the {tenant.environment} environment")
        adapter = self._processors.connect(connection)
        if not adapter.owns(transaction_id):
            raise NotFound("No such transaction")
        known = self._known_ledger(connection, adapter, transaction_id)
        if known is None or not known.is_fresh(self._clock.now()):
            try:
                known = refresh(connection, adapter, transaction_id)
            except ProcessorDenied:
                self._connections.mark(connection, "error", self._clock.now())
                raise
        return ResolvedTransaction(known, connection)

    def _known_ledger(self, connection: Connection, adapter: PaymentProcessor, transaction_id: str) -> Ledger | None:
        charge_id: str | None = transaction_id
        if not adapter.is_charge(transaction_id):
            charge_id = self._refunds.charge_of(
                connection.tenant, connection.processor, connection.account_id, transaction_id
            )
        if charge_id is None:
            return None
        return self._refunds.ledger(
            connection.tenant, TransactionRef(connection.processor, connection.account_id, charge_id)
        )
