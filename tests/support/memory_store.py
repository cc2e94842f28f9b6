"""``RefundStore`` in memory: one lock, every write whole or not at all. Held to the real one by tests/contract."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.openings import Beside
from refundkit_core.application.records import Page, Position, RefundFilter
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.budgets import Breaker
from refundkit_core.domain.customers import Counted, CustomerRecord
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import Ledger, LedgerChange, TransactionRef, twin_of, without_customer
from refundkit_core.domain.orders import Order
from refundkit_core.domain.refund import Refund, Request, change_of
from refundkit_core.domain.shadows import ShadowDifference
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
        self.records: dict[tuple[Tenant, str], CustomerRecord] = {}
        self.approvals: dict[tuple[Tenant, str], Approval] = {}
        self.histories: dict[tuple[Tenant, str], list[Event]] = {}
        self.told: list[Event] = []
        self.purses: dict[tuple[Tenant, str], int] = {}
        self.counted: list[tuple[Tenant, int, int]] = []
        self.shadows: list[ShadowDifference] = []
        self.orders: dict[tuple[Tenant, TransactionRef], Order] = {}

    def open(
        self,
        refund: Refund,
        request: Request,
        event: Event,
        ledger: Ledger,
        *,
        refuse_twin: bool,
        beside: Beside | None = None,
    ) -> None:
        beside = beside or Beside()
        with self.lock:
            stored = self._ledgers.get((refund.tenant, refund.transaction))
            key = (refund.tenant, refund.id)
            twin = twin_of(refund.gross_minor, refund.reason)
            known = ledger.live_twins(twin, refund.created_at)
            if (stored is None) != ledger.is_new or key in self._refunds or (known and refuse_twin):
                raise StoreConflict("conflict")
            stored = stored or ledger
            if stored.customer_erased != ledger.customer_erased:
                raise StoreConflict("conflict")
            if stored.blocked or stored.available_minor < refund.gross_minor:
                raise StoreConflict("conflict")
            if stored.twins.get(twin) != ledger.twins.get(twin):
                raise StoreConflict("conflict")
            self._check_beside(refund, beside)
            changed = _moved(stored, change_of("reserve", refund))
            self._ledgers[refund.tenant, refund.transaction] = replace(
                changed, twins={**changed.twins, twin: {**known, refund.id: refund.created_at}}
            )
            self._refunds[key] = (refund, request)
            self._events[key] = [event]
            self._put_beside(refund, beside)

    def _check_beside(self, refund: Refund, beside: Beside) -> None:
        record = beside.customer
        if record is not None and self._record(refund.tenant, record.key).version != record.version:
            raise StoreConflict("conflict")
        if beside.approval is not None and (refund.tenant, beside.approval.id) in self.approvals:
            raise StoreConflict("conflict")
        for taking in beside.takings:
            if self.purses.get((refund.tenant, taking.purse), 0) + taking.amount_minor > taking.most_minor:
                raise StoreConflict("conflict")

    def _put_beside(self, refund: Refund, beside: Beside) -> None:
        if beside.customer is not None:
            counted = Counted(refund.created_at, refund.gross_minor, refund.money.currency)
            forgotten = beside.customer.forgotten(refund.created_at)
            left = {name: one for name, one in beside.customer.refunds.items() if name not in forgotten}
            self._keep(refund.tenant, beside.customer, refunds={**left, refund.id: counted})
        if beside.approval is not None:
            self.approvals[refund.tenant, beside.approval.id] = beside.approval
        self.told.extend(beside.events)
        for told in beside.events:
            if isinstance(told.subject, str):
                self.histories.setdefault((refund.tenant, told.subject), []).append(told)
        for taking in beside.takings:
            self._take(refund.tenant, taking.purse, taking.amount_minor)
        self.shadows.extend([beside.shadow] if beside.shadow is not None else [])

    def _take(self, tenant: Tenant, purse: str, amount_minor: int) -> None:
        self.purses[tenant, purse] = self.purses.get((tenant, purse), 0) + amount_minor

    def spent(self, tenant: Tenant, purses: Sequence[str]) -> Mapping[str, int]:
        return {purse: self.purses[tenant, purse] for purse in purses if (tenant, purse) in self.purses}

    def count(self, tenant: Tenant, breaker: Breaker, at: datetime, amount_minor: int) -> tuple[int, int]:
        with self.lock:
            self.counted.append((tenant, breaker.bucket_of(at), amount_minor))
            first = breaker.bucket_of(at - timedelta(minutes=breaker.minutes))
            lately = [amount for owner, bucket, amount in self.counted if owner == tenant and bucket >= first]
            return len(lately), sum(lately)

    def _record(self, tenant: Tenant, customer: str) -> CustomerRecord:
        return self.records.get((tenant, customer), CustomerRecord(customer))

    def _keep(self, tenant: Tenant, record: CustomerRecord, **changes: Any) -> None:
        self.records[tenant, record.key] = replace(record, version=record.version + 1, **changes)

    def of(self, tenant: Tenant, customer: str) -> CustomerRecord:
        return self._record(tenant, customer)

    def change(
        self,
        before: Refund,
        after: Refund,
        event: Event,
        ledger: LedgerChange | None,
        audit: AuditEntry | None = None,
    ) -> None:
        with self.lock:
            self.insist_on_version(before)
            self.change_locked(before, after, event, ledger)
            self.audited.extend([audit] if audit else [])

    def insist_on_version(self, before: Refund) -> None:
        """Raises StoreConflict where another version of the refund stands."""
        stored = self._refunds.get((before.tenant, before.id))
        if stored is None or stored[0].version != before.version:
            raise StoreConflict("conflict")

    def change_locked(self, before: Refund, after: Refund, event: Event, ledger: LedgerChange | None) -> None:
        """Move a refund and its money, for whoever holds the lock."""
        key = (before.tenant, before.id)
        if ledger is not None:
            self._move_money(after, ledger)
        self._refunds[key] = (after, self._refunds[key][1])
        self._events[key].append(event)

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

    def waiting(self) -> Iterable[tuple[Tenant, str]]:
        return [key for key, (head, _) in self._refunds.items() if head.status == "pending_approval"]

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
            for purse, taken_minor in refund.taken:
                self._take(refund.tenant, purse, -taken_minor)
            if refund.customer_key is not None:
                record = self._record(refund.tenant, refund.customer_key)
                left = {name: one for name, one in record.refunds.items() if name != refund.id}
                self._keep(refund.tenant, record, refunds=left)
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
            self.records[ledger.tenant, customer] = CustomerRecord(customer, int(at.timestamp() * 1000))
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

    def put_ledger(
        self, ledger: Ledger, previous: Ledger | None, event: Event | None, charged_back: str | None = None
    ) -> None:
        with self.lock:
            stored = self._ledgers.get((ledger.tenant, ledger.transaction))
            expected = None if previous is None else previous.version
            if (None if stored is None else stored.version) != expected:
                raise StoreConflict("conflict")
            self._ledgers[ledger.tenant, ledger.transaction] = ledger
            if event is not None:
                self.looks.append(event)
            if event is not None and charged_back is not None:
                record = self._record(ledger.tenant, charged_back)
                first = record.chargebacks.get(ledger.transaction.charge_id, event.created_at)
                seen = {**record.chargebacks, ledger.transaction.charge_id: first}
                self._keep(ledger.tenant, record, chargebacks=seen)

    def charge_of(self, tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> str | None:
        return self._names.get((tenant, processor, account_id, transaction_id))

    def remember_charge(self, tenant: Tenant, transaction: TransactionRef, transaction_id: str) -> None:
        name = (tenant, transaction.processor, transaction.account_id, transaction_id)
        with self.lock:
            if self._names.setdefault(name, transaction.charge_id) != transaction.charge_id:
                raise StoreConflict("The transaction was resolved to another charge before")


def _moved(ledger: Ledger, change: LedgerChange) -> Ledger:
    amount = change.amount_minor
    withheld = {"reserve": change.fee_minor, "release": -change.fee_minor, "unsettle": -change.fee_minor}
    reserved, refunded, elsewhere = {
        "reserve": (amount, 0, 0),
        "release": (-amount, 0, 0),
        "lower": (-amount, 0, 0),
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
        withheld_minor=ledger.withheld_minor + withheld.get(change.kind, 0),
        version=ledger.version + 1,
    )
    if moved.reserved_minor < 0 or moved.refunded_minor < 0:
        raise StoreConflict("conflict")
    return moved


def _without_twin(ledger: Ledger, refund: Refund) -> Ledger:
    name = twin_of(refund.gross_minor, refund.reason)
    left = {refund_id: at for refund_id, at in ledger.twins.get(name, {}).items() if refund_id != refund.id}
    others = {other: twins for other, twins in ledger.twins.items() if other != name}
    return replace(ledger, twins={**others, name: left} if left else others)
