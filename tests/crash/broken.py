"""Systems with one mistake each, such as people make: what the harness must not let pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from refundkit_core.application.ports import OrganizationStore
from refundkit_core.application.records import Connection
from refundkit_core.domain.errors import ProcessorDeclined, ProcessorUnknown
from refundkit_core.domain.events import Event, of_change
from refundkit_core.domain.ledger import Ledger, LedgerChange
from refundkit_core.domain.processor import ProcessorRefund, RefundOrder
from refundkit_core.domain.refund import Refund, Request, moved
from refundkit_core.domain.tenancy import Tenant

from tests.crash.stripe_like import StripeLike
from tests.crash.system import System
from tests.crash.use_cases import UseCases
from tests.support.builders import snapshot
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_store import MemoryRefundStore


class KeyPerAttempt(System):
    """Every attempt gets a processor key of its own, so that a second one pays again."""

    class _Stripe(StripeLike):
        def refund(self, order: RefundOrder) -> ProcessorRefund:
            return super().refund(replace(order, processor_key=f"{order.processor_key}-{len(self.sent)}"))

        def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
            return []

    def make_stripe(self) -> StripeLike:
        return self._Stripe(self.clock, snapshot(), self.later, self._tell)


class LostMeansFailed(System):
    """A lost answer is taken for a failure."""

    class _Stripe(StripeLike):
        def refund(self, order: RefundOrder) -> ProcessorRefund:
            try:
                return super().refund(order)
            except ProcessorUnknown as lost:
                raise ProcessorDeclined("no_answer", "failed") from lost

    def make_stripe(self) -> StripeLike:
        return self._Stripe(self.clock, snapshot(), self.later, self._tell)


class NoVersionCheck(System):
    """A refund is changed, and its money released, whatever has become of it meanwhile."""

    class _Store(MemoryRefundStore):
        def change(self, before: Refund, after: Refund, event: Event, ledger: LedgerChange | None, *audit: Any) -> None:
            super().change(self.head(before.tenant, before.id) or before, after, event, ledger, *audit)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class EventApart(System):
    """The event is written after the change, not with it."""

    class _Events:
        def __init__(self, store: EventApart._Store) -> None:
            self._store = store

        def append(self, event: Event) -> None:
            self._store.append(event)

    class _Store(MemoryRefundStore):
        def __init__(self, system: System) -> None:
            super().__init__()
            self._apart = system.calls.ported("events", EventApart._Events(self))

        def change(self, before: Refund, after: Refund, event: Event, ledger: LedgerChange | None, *audit: Any) -> None:
            super().change(before, after, event, ledger, *audit)
            self._events[before.tenant, before.id].pop()
            self._apart.append(event)

        def append(self, event: Event) -> None:
            self._events[event.tenant, str(event.subject)].append(event)

    def make_store(self) -> MemoryRefundStore:
        return self._Store(self)


class NoCap(System):
    """Whether enough is left is asked before the reservation, and not again with it."""

    class _Store(MemoryRefundStore):
        def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, **others: Any) -> None:
            at = (refund.tenant, refund.transaction)
            if ledger.is_new:
                super().open(refund, request, event, ledger, **others)
                return
            captured = self._ledgers[at].captured_minor
            self._ledgers[at] = replace(self._ledgers[at], captured_minor=10**12)
            try:
                super().open(refund, request, event, ledger, **others)
            finally:
                self._ledgers[at] = replace(self._ledgers[at], captured_minor=captured)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class CapUnasked(System):
    """Whether a cap has enough left is asked before the refund, and not again with it."""

    class _Store(MemoryRefundStore):
        def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, **others: Any) -> None:
            takings = tuple(taking._replace(most_minor=10**12) for taking in others["beside"].takings)
            others["beside"] = replace(others["beside"], takings=takings)
            super().open(refund, request, event, ledger, **others)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class Miscounted(System):
    """A customer's record is counted without asking whether it is as it was when the refund was judged."""

    class _Store(MemoryRefundStore):
        def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, **others: Any) -> None:
            beside = others["beside"]
            if beside.customer is not None:
                stored = self.of(refund.tenant, beside.customer.key)
                others["beside"] = replace(beside, customer=stored)
            super().open(refund, request, event, ledger, **others)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class NoTwinCheck(System):
    """Twins are looked for before the reservation, and not again with it."""

    class _Store(MemoryRefundStore):
        def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, **others: Any) -> None:
            stored = ledger if ledger.is_new else self._ledgers[refund.tenant, refund.transaction]
            super().open(refund, request, event, stored, **{**others, "refuse_twin": False})

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class ErasedUnseen(System):
    """A refund that was opened while its customer was erased is not noticed by the erasure."""

    class _Store(MemoryRefundStore):
        def forget_customer(self, ledger: Ledger, customer: str, refunds: int, at: datetime) -> None:
            stored = self._ledgers[ledger.tenant, ledger.transaction]
            super().forget_customer(stored, customer, refunds, at)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class OpenedUnseen(System):
    """An erasure that was done while a refund was judged is not noticed by the refund."""

    class _Store(MemoryRefundStore):
        def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, **others: Any) -> None:
            stored = self._ledgers.get((refund.tenant, refund.transaction), ledger)
            seen = replace(ledger, customer_erased=stored.customer_erased)
            super().open(refund, request, event, seen, **others)

    def make_store(self) -> MemoryRefundStore:
        return self._Store()


class RandomIds(System):
    """The refund's id does not come from the idempotency key, so that a retry opens a second refund."""

    class _Organizations(FakeOrganizations):
        asked = 0

        def secret(self, org_id: str) -> bytes:
            self.asked += 1
            return f"{org_id} {self.asked}".encode()

    class _UseCases(UseCases):
        def organizations(self) -> OrganizationStore:
            return RandomIds._Organizations()

    def make_use_cases(self) -> UseCases:
        return self._UseCases(self)


class PaidBeforeRecorded(System):
    """The processor is called first, and what it answered is written down afterwards."""

    def _execute(self, due: tuple[Tenant, str]) -> None:
        refund = self.store.head(*due)
        if refund is None or refund.status != "pending":
            return
        key, amount, now = f"refundkit-{refund.id}", refund.money.amount_minor, self.clock.now()
        order = RefundOrder(
            refund.tenant.org_id, refund.id, refund.transaction.charge_id, amount, "usd", refund.reason, key
        )
        answer = self.calls.ported("stripe", self.stripe).refund(order)
        sent = moved(refund, "processing", now, processor_key=key, first_attempt_at=now)
        self.store.change(refund, sent, of_change(refund, sent), LedgerChange("gate", amount))
        self.use_cases.settle(refund.tenant, refund.id, answer)


class PublishedBeforeRead(System):
    """The stream's batch is acknowledged before it is published."""

    def _publish(self, events: list[Event]) -> None:
        taken = list(events)
        events.clear()
        super()._publish(taken)


class RefusalsOverlooked(System):
    """What the bus refused is taken for published."""

    def _publish(self, events: list[Event]) -> None:
        self.use_cases.bus.publish(list(events))


class WebhookNotKept(System):
    """A webhook is acknowledged, and its news is kept in memory only."""

    def _receive(self, body: bytes) -> None:
        self.use_cases.receive(
            self.connections.connection.processor, self.connections.connection.id, body, lambda _: None
        )
        self.news.waiting.clear()


class NoSweep(System):
    """Nobody brings forward what got stuck."""

    def _sweep(self, _: str) -> None:
        return


class FlaggedOnNews(System):
    """What was seen is noted as done before it is assessed."""

    def make_use_cases(self) -> UseCases:
        made, done = super().make_use_cases(), set[Any]()
        flag: Any = made.apply._flag_risk

        def once(connection: Connection, ledger: Ledger) -> None:
            if (ledger.dispute, ledger.fraud_warning) not in done:
                done.add((ledger.dispute, ledger.fraud_warning))
                flag(connection, ledger)

        made.apply._flag_risk = once
        return made


class FlaggedAnew(System):
    """Every look makes an assessment of its own."""

    def make_use_cases(self) -> UseCases:
        made = super().make_use_cases()
        flag: Any = made.apply._flag_risk
        flag._id_of = lambda *_: self.ids.new("rsk")
        return made
