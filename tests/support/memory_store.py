"""``RefundStore`` in memory: one lock, every write whole or not at all. Held to the real one by tests/contract."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import Page, Position, RefundFilter
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import Ledger, LedgerChange, TransactionRef, twin_of, without_customer
from refundkit_core.domain.orders import Order
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant


class MemoryRefundStore:
    """Everything in dictionaries; reads see the last write."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._refunds: dict[tuple[Tenant, str], tuple[Refund, Request]] = {}
        self._events: dict[tuple[Tenant, str], list[Event]] = {}
        self._ledgers: dict[tuple[Tenant, TransactionRef], Ledger] = {}
        self.looks: list[Event] = []
        self.audited: list[AuditEntry] = []
        self._names: dict[tuple[Tenant, str, str, str], str] = {}
        self.erased: list[tuple[str, int]] = []
        self.orders: dict[tuple[Tenant, TransactionRef], Order] = {}

    def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, *, refuse_twin: bool) -> None:
        with self.lock:
            stored = self._ledgers.get((refund.tenant, refund.transaction))
            key = (refund.tenant, refund.id)
            twin = twin_of(refund.money.amount_minor, refund.reason)
            known = ledger.live_twins(twin, refund.created_at)
            if (stored is None) != ledger.is_new or key in self._refunds or (known and refuse_twin):
                raise StoreConflict("conflict")
            stored = stored or ledger
            if stored.customer_erased != ledger.customer_erased:
                raise StoreConflict("conflict")
            if stored.blocked or stored.available_minor < refund.money.amount_minor:
                raise StoreConflict("conflict")
            if stored.twins.get(twin) != ledger.twins.get(twin):
                raise StoreConflict("conflict")
            changed = _moved(stored, LedgerChange("reserve", refund.money.amount_minor))
            self._ledgers[refund.tenant, refund.transaction] = replace(
                changed, twins={**changed.twins, twin: {**known, refund.id: refund.created_at}}
            )
            self._refunds[key] = (refund, request)
            self._events[key] = [event]

    def change(
        self,
        before: Refund,
        after: Refund,
        event: Event,
        ledger: LedgerChange | None,
        audit: AuditEntry | None = None,
    ) -> None:
        with self.lock:
            key = (before.tenant, before.id)
            stored = self._refunds.get(key)
            if stored is None or stored[0].version != before.version:
                raise StoreConflict("conflict")
            if ledger is not None:
                self._move_money(after, ledger)
            self._refunds[key] = (after, stored[1])
            self._events[key].append(event)
            self.audited.extend([audit] if audit else [])

    def adopt(self, refund: Refund, request: Request, event: Event, ledger: LedgerChange) -> None:
        with self.lock:
            key, at = (refund.tenant, refund.id), (refund.tenant, refund.transaction)
            stored, external = self._ledgers.get(at), refund.external_refund_id or ""
            if key in self._refunds or stored is None or external in stored.adopted:
                raise StoreConflict("conflict")
            if stored.elsewhere_minor < ledger.amount_minor:
                raise StoreConflict("conflict")
            self._ledgers[at] = replace(_moved(stored, ledger), adopted=stored.adopted | {external})
            self._refunds[key] = (refund, request)
            self._events[key] = [event]

    def put_off(self, refund: Refund) -> None:
        with self.lock:
            key = (refund.tenant, refund.id)
            stored = self._refunds.get(key)
            if stored is None or stored[0].version != refund.version:
                raise StoreConflict("conflict")
            self._refunds[key] = (refund, stored[1])

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        waiting = [
            (refund.next_look_at, key)
            for key, (refund, _) in self._refunds.items()
            if refund.next_look_at is not None and refund.next_look_at <= now
        ]
        return [key for _, key in sorted(waiting, key=lambda one: (one[0], one[1][1]))[:limit]]

    def opened_since(self, tenant: Tenant, since: datetime) -> Iterable[Refund]:
        heads = [head for (owner, _), (head, _) in self._refunds.items() if owner == tenant]
        return [head for head in heads if head.created_at >= since]

    def unfinished(self) -> Iterable[tuple[Tenant, str]]:
        return [key for key, (head, _) in self._refunds.items() if head.holds_reservation]

    def _move_money(self, refund: Refund, change: LedgerChange) -> None:
        at = (refund.tenant, refund.transaction)
        stored = self._ledgers.get(at)
        if stored is None:
            raise StoreConflict("conflict")
        if change.kind == "gate":
            wrong_currency = stored.currency != refund.money.currency
            if stored.blocked or stored.available_minor < 0 or wrong_currency:
                raise StoreConflict("conflict")
            if stored.reserved_minor < change.amount_minor:
                raise StoreConflict("conflict")
            return
        moved = _moved(stored, change)
        if change.kind in ("release", "unsettle"):
            moved = _without_twin(moved, refund)
        self._ledgers[at] = moved

    def head(self, tenant: Tenant, refund_id: str) -> Refund | None:
        found = self._refunds.get((tenant, refund_id))
        return None if found is None else found[0]

    def find(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request] | None:
        return self._refunds.get((tenant, refund_id))

    def timeline(self, tenant: Tenant, refund_id: str) -> Sequence[Event]:
        return list(self._events.get((tenant, refund_id), ()))

    def page(self, tenant: Tenant, wanted: RefundFilter, part: Position) -> Page[tuple[Refund, Request]]:
        newest = sorted(
            (found for (owner, _), found in self._refunds.items() if owner == tenant),
            key=lambda found: (found[0].created_at, found[0].id),
            reverse=True,
        )
        matching = [found for found in newest if self._matches(found[0], wanted)]
        first = int(part.after or 0) + part.offset
        end = first + part.limit
        return Page(matching[first:end], str(end) if len(matching) > end else None)

    def _matches(self, refund: Refund, wanted: RefundFilter) -> bool:
        named = {
            charge_id
            for (tenant, _, _, name), charge_id in self._names.items()
            if (tenant, name) == (refund.tenant, wanted.transaction_id)
        }
        return (
            wanted.status in (None, refund.status)
            and wanted.processor in (None, refund.transaction.processor)
            and wanted.initiated_by in (None, refund.initiated_by)
            and (wanted.created_from is None or refund.created_at >= wanted.created_from)
            and (wanted.created_before is None or refund.created_at < wanted.created_before)
            and (wanted.transaction_id is None or refund.transaction.charge_id in {wanted.transaction_id, *named})
        )

    def erase_personal(self, tenant: Tenant, refund_id: str, left: Request) -> None:
        with self.lock:
            refund, _ = self._refunds[tenant, refund_id]
            self._refunds[tenant, refund_id] = (refund, left)

    def forget_customer(self, ledger: Ledger, customer: str, refunds: int, at: datetime) -> None:
        with self.lock:
            if self._ledgers.get((ledger.tenant, ledger.transaction)) != ledger:
                raise StoreConflict("conflict")
            self._ledgers[ledger.tenant, ledger.transaction] = without_customer(ledger)
            self.erased.append((customer, refunds))

    def charges_of_customer(self, tenant: Tenant, customer_id: str, limit: int) -> Sequence[TransactionRef]:
        held: list[tuple[tuple[Tenant, TransactionRef], Ledger | Order]] = [
            *self._ledgers.items(),
            *self.orders.items(),
        ]
        named = [at for (owner, at), each in held if (owner, each.customer_id) == (tenant, customer_id)]
        return named[:limit]

    def touch(self, tenant: Tenant, transaction: TransactionRef) -> None:
        """Move a ledger's version on, under the lock; refused where none stands, or its customer was erased."""
        stored = self._ledgers.get((tenant, transaction))
        if stored is None or stored.customer_erased:
            raise StoreConflict("conflict")
        self._ledgers[tenant, transaction] = replace(stored, version=stored.version + 1)

    def refunds_of_charge(self, tenant: Tenant, charge_id: str) -> Sequence[str]:
        return [
            refund.id
            for (owner, _), (refund, _) in self._refunds.items()
            if (owner, refund.transaction.charge_id) == (tenant, charge_id)
        ]

    def ledger(self, tenant: Tenant, transaction: TransactionRef) -> Ledger | None:
        return self._ledgers.get((tenant, transaction))

    def put_ledger(self, ledger: Ledger, previous: Ledger | None, event: Event | None) -> None:
        with self.lock:
            stored = self._ledgers.get((ledger.tenant, ledger.transaction))
            expected = None if previous is None else previous.version
            if (None if stored is None else stored.version) != expected:
                raise StoreConflict("conflict")
            self._ledgers[ledger.tenant, ledger.transaction] = ledger
            if event is not None:
                self.looks.append(event)

    def charge_of(self, tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> str | None:
        return self._names.get((tenant, processor, account_id, transaction_id))

    def remember_charge(self, tenant: Tenant, transaction: TransactionRef, transaction_id: str) -> None:
        name = (tenant, transaction.processor, transaction.account_id, transaction_id)
        with self.lock:
            if self._names.setdefault(name, transaction.charge_id) != transaction.charge_id:
                raise StoreConflict("The transaction was resolved to another charge before")


def _moved(ledger: Ledger, change: LedgerChange) -> Ledger:
    amount = change.amount_minor
    reserved, refunded, elsewhere = {
        "reserve": (amount, 0, 0),
        "release": (-amount, 0, 0),
        "settle": (-amount, amount, 0),
        "unsettle": (0, -amount, 0),
        "adopt_reserved": (amount, 0, -amount),
        "adopt_refunded": (0, amount, -amount),
    }[change.kind]
    moved = replace(
        ledger,
        elsewhere_minor=ledger.elsewhere_minor + elsewhere,
        reserved_minor=ledger.reserved_minor + reserved,
        refunded_minor=ledger.refunded_minor + refunded,
        version=ledger.version + 1,
    )
    if moved.reserved_minor < 0 or moved.refunded_minor < 0:
        raise StoreConflict("conflict")
    return moved


def _without_twin(ledger: Ledger, refund: Refund) -> Ledger:
    name = twin_of(refund.money.amount_minor, refund.reason)
    left = {refund_id: at for refund_id, at in ledger.twins.get(name, {}).items() if refund_id != refund.id}
    others = {other: twins for other, twins in ledger.twins.items() if other != name}
    return replace(ledger, twins={**others, name: left} if left else others)
