"""The use cases around one store, processor and clock: what unit tests work with."""

from __future__ import annotations

from typing import Any

from refundkit_core.application.create_refund import CreateRefund, OpenedRefund, OpenRefund
from refundkit_core.application.execute_refund import ExecuteRefund, Outcome
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.refund import Refund

from tests.support.builders import TENANT, TRANSACTION, snapshot
from tests.support.clock import CountingIds, FixedClock
from tests.support.fake_processor import FakeConnections, FakeOrganizations, FakeProcessor, FakeProcessors
from tests.support.memory_store import MemoryRefundStore


class Desk:
    """One tenant with one charge of 5,000 usd, and the use cases over it."""

    def __init__(self, **charge: Any) -> None:
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.store = MemoryRefundStore()
        self.processor = FakeProcessor(snapshot(**charge))
        self.connections = FakeConnections()
        processors = FakeProcessors(self.processor)
        resolve = ResolveTransaction(self.store, self.connections, processors, self.clock)
        self.create = CreateRefund(self.store, FakeOrganizations(), resolve, self.clock, self.ids)
        self.settle = SettleRefund(self.store, self.clock, self.ids)
        self.execute_refund = ExecuteRefund(self.store, self.connections, processors, self.settle, self.clock, self.ids)

    def ask(self, **changes: Any) -> OpenedRefund:
        """Open a refund of 2,000 for a defective product; each call its own key unless it says otherwise."""
        asked: dict[str, Any] = {
            "tenant": TENANT,
            "transaction_id": "ch_1",
            "amount_minor": 2000,
            "reason": "product_defective",
            "currency": None,
            "processor": None,
            "metadata": None,
            "initiated_by": "api",
            "idempotency_key": self.ids.new("key"),
            "generated_key": False,
            **changes,
        }
        return self.create(OpenRefund(**asked))

    def execute(self, refund: Refund) -> Outcome:
        return self.execute_refund(TENANT, refund.id)

    def now(self, refund: Refund) -> Refund:
        """The refund as it stands."""
        head = self.store.head(TENANT, refund.id)
        assert head is not None
        return head

    @property
    def ledger(self) -> Ledger:
        """The charge's ledger."""
        held = self.store.ledger(TENANT, TRANSACTION)
        assert held is not None
        return held

    @property
    def sums(self) -> tuple[int, int, int]:
        """Reserved, refunded, available."""
        return self.ledger.reserved_minor, self.ledger.refunded_minor, self.ledger.available_minor

    def timeline(self, refund: Refund) -> list[str]:
        """The types of the refund's events, oldest first."""
        return [event.type for event in self.store.timeline(TENANT, refund.id)]
