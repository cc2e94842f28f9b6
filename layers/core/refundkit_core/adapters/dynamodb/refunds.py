"""The refund store on DynamoDB: a refund, its money and its event change together or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from refundkit_core.adapters.dynamodb import keys, ledger_ops
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, Fetch, everything, page_of
from refundkit_core.adapters.dynamodb.refund_changes import change_ops
from refundkit_core.adapters.dynamodb.refund_items import (
    event_item,
    event_of,
    first_event_item,
    head_item,
    ledger_item,
    ledger_of,
    metadata_value,
    refund_of,
    request_of,
)
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Operation, Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import Page, Position, RefundFilter
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import (
    Ledger,
    LedgerChange,
    TransactionRef,
    twin_of,
    without_customer,
)
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.openings import Beside

_NEW: Final = "attribute_not_exists(pk)"


class DynamoRefundStore:
    """``RefundStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

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
        table = self._table
        twin = twin_of(refund.gross_minor, refund.reason)
        known = ledger.live_twins(twin, refund.created_at)
        if known and refuse_twin:
            raise StoreConflict("A twin appeared")
        table.transact(
            [
                table.put_op(head_item(refund), _NEW),
                table.put_op(first_event_item(event, request, refund), _NEW),
                ledger_ops.opening_op(table, refund, ledger, twin, known),
                *self._beside(refund, beside),
            ]
        )

    def _beside(self, refund: Refund, beside: Beside | None) -> Iterable[Operation]:
        if beside is None:
            return ()
        from refundkit_core.adapters.dynamodb.beside import beside_ops

        return beside_ops(self._table, refund, beside)

    def change(
        self,
        before: Refund,
        after: Refund,
        event: Event,
        ledger: LedgerChange | None,
        audit: AuditEntry | None = None,
    ) -> None:
        operations = change_ops(self._table, self, before, after, event, ledger)
        self._table.transact([*operations, *audit_ops(self._table, audit)])

    def adopt(self, refund: Refund, request: Request, event: Event, ledger: LedgerChange) -> None:
        table = self._table
        table.transact(
            [
                table.put_op(head_item(refund), _NEW),
                table.put_op(first_event_item(event, request, refund), _NEW),
                ledger_ops.adopting_op(table, refund, ledger),
            ]
        )

    def put_off(self, refund: Refund) -> None:
        self._table.put(head_item(refund), "version = :same", {":same": refund.version})

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        until = f"{iso(now)}~"
        found: list[Item] = []
        for shard in range(keys.OPEN_SHARDS):
            found.extend(self._table.open_page(keys.SPARSE_INDEX, keys.open_shard(shard), until, limit))
        found.sort(key=lambda item: str(item["gsi2sk"]))
        return [keys.tenant_and_refund(item["pk"]) for item in found[:limit]]

    def head(self, tenant: Tenant, refund_id: str) -> Refund | None:
        item = self._table.get(Key(keys.refund_pk(tenant, refund_id), keys.HEAD))
        return None if item is None else refund_of(item)

    def find(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request] | None:
        found = self._table.query_between(keys.refund_pk(tenant, refund_id), keys.HEAD, keys.FIRST_EVENT)
        items = {item["sk"]: item for item in found}
        return (refund_of(items[keys.HEAD]), request_of(items[keys.FIRST_EVENT])) if items else None

    def timeline(self, tenant: Tenant, refund_id: str) -> Sequence[Event]:
        return [event_of(item) for item in self._table.query(keys.refund_pk(tenant, refund_id), keys.EVENT_PREFIX)]

    def page(self, tenant: Tenant, wanted: RefundFilter, part: Position) -> Page[tuple[Refund, Request]]:
        since = FIRST if wanted.created_from is None else iso(wanted.created_from)
        before = LAST if wanted.created_before is None else iso(wanted.created_before)
        fetch = self._by_time(tenant, since)
        if wanted.transaction_id is not None:
            fetch = self._by_transaction(tenant, wanted.transaction_id, since)
        narrow = (wanted.status, wanted.processor, wanted.initiated_by) != (None, None, None)
        matches = (lambda item: _matches(item, wanted)) if narrow else everything
        heads, after = page_of(fetch, part, "gsi1sk", before, matches)
        return Page(self._with_requests(tenant, [refund_of(item) for item in heads]), after)

    def _by_time(self, tenant: Tenant, since: str) -> Fetch:
        return lambda before, size: self._table.newest(keys.INDEX, keys.refunds_index(tenant), since, before, size)

    def _by_transaction(self, tenant: Tenant, transaction_id: str, since: str) -> Fetch:
        """Heads of the refunds of one charge, whichever of its names is given."""
        charges = self._charges_named(tenant, transaction_id)

        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            read = [
                self._table.newest(keys.SPARSE_INDEX, keys.charge_index(tenant, charge), since, before, size)
                for charge in charges
            ]
            entries = sorted((entry for items, _ in read for entry in items), key=_by_sparse_key, reverse=True)
            more = any(each for _, each in read) or len(entries) > size
            wanted = [Key(entry["pk"], keys.HEAD) for entry in entries[:size]]
            found = [self._table.batch_get(wanted[first : first + 100]) for first in range(0, len(wanted), 100)]
            heads = {head["pk"]: head for batch in found for head in batch}
            return [heads[key.pk] for key in wanted if key.pk in heads], more

        return fetch

    def _charges_named(self, tenant: Tenant, transaction_id: str) -> list[str]:
        """The charges that the id may mean: itself, and those that it was resolved to in any connected account."""
        connections = self._table.query_between(keys.connection(tenant, "").pk, "a", "~")
        resolved = (self.charge_of(tenant, each["sk"], each["account"], transaction_id) for each in connections)
        return list(dict.fromkeys([transaction_id, *filter(None, resolved)]))

    def erase_personal(self, tenant: Tenant, refund_id: str, left: Request) -> None:
        key = Key(keys.refund_pk(tenant, refund_id), keys.FIRST_EVENT)
        expression = "SET metadata = :metadata REMOVE fingerprint, personal, evidence"
        self._table.update(key, expression, "attribute_exists(pk)", {":metadata": metadata_value(left)})

    def forget_customer(self, ledger: Ledger, customer: str, refunds: int, at: datetime) -> None:
        table = self._table
        put = table.put_op(ledger_item(without_customer(ledger)), "version = :before", {":before": ledger.version})
        count = table.add_op(
            keys.erasure(ledger.tenant, customer),
            "SET erased_at = :at ADD transactions :one, refunds :refunds",
            {":at": iso(at), ":one": 1, ":refunds": refunds},
        )
        from refundkit_core.adapters.dynamodb.customers import forgetting_op

        table.transact([put, count, forgetting_op(table, ledger.tenant, customer, at)])

    def charges_of_customer(self, tenant: Tenant, customer_id: str, limit: int) -> Sequence[TransactionRef]:
        index = keys.customer_index(tenant, customer_id)
        entries, _ = self._table.newest(keys.SPARSE_INDEX, index, FIRST, LAST, limit)
        return [keys.tenant_and_transaction(entry["pk"])[1] for entry in entries]

    def refunds_of_charge(self, tenant: Tenant, charge_id: str) -> Sequence[str]:
        entries = self._table.whole_sparse(keys.SPARSE_INDEX, keys.charge_index(tenant, charge_id))
        return [keys.tenant_and_refund(entry["pk"])[1] for entry in entries]

    def _with_requests(self, tenant: Tenant, refunds: list[Refund]) -> list[tuple[Refund, Request]]:
        if not refunds:
            return []
        wanted = [Key(keys.refund_pk(tenant, refund.id), keys.FIRST_EVENT) for refund in refunds]
        requests = {item["pk"]: request_of(item) for item in self._table.batch_get(wanted)}
        return [(refund, requests[key.pk]) for refund, key in zip(refunds, wanted, strict=True) if key.pk in requests]

    def ledger(self, tenant: Tenant, transaction: TransactionRef) -> Ledger | None:
        item = self._table.get(keys.ledger(tenant, transaction))
        return None if item is None else ledger_of(tenant, transaction, item)

    def put_ledger(
        self, ledger: Ledger, previous: Ledger | None, event: Event | None, charged_back: str | None = None
    ) -> None:
        condition, values = _NEW, None
        if previous is not None:
            condition, values = "version = :before", {":before": previous.version}
        if event is None:
            self._table.put(ledger_item(ledger), condition, values)
            return
        operations = [
            self._table.put_op(ledger_item(ledger), condition, values),
            self._table.put_op(event_item(event), _NEW),
        ]
        if charged_back is not None:
            charge, at = ledger.transaction.charge_id, event.created_at
            from refundkit_core.adapters.dynamodb.customers import chargeback_op

            operations.append(chargeback_op(self._table, ledger.tenant, charged_back, charge, at))
        self._table.transact(operations)

    def charge_of(self, tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> str | None:
        item = self._table.get(keys.transaction_name(tenant, processor, account_id, transaction_id))
        return None if item is None else str(item["charge"])

    def remember_charge(self, tenant: Tenant, transaction: TransactionRef, transaction_id: str) -> None:
        key = keys.transaction_name(tenant, transaction.processor, transaction.account_id, transaction_id)
        item = {"pk": key.pk, "sk": key.sk, "charge": transaction.charge_id}
        try:
            self._table.put(item, f"{_NEW} OR charge = :charge", {":charge": transaction.charge_id})
        except ConditionFailed as exc:
            raise StoreConflict("The transaction was resolved to another charge before") from exc


def _matches(item: Item, wanted: RefundFilter) -> bool:
    return (
        wanted.status in (None, item["state"])
        and wanted.processor in (None, item["processor"])
        and wanted.initiated_by in (None, item["by"])
    )


def _by_sparse_key(entry: Item) -> str:
    return str(entry["gsi2sk"])
