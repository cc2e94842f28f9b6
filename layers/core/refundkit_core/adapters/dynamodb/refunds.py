"""The refund store on DynamoDB: a refund, its money and its event change together or not at all."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.refund_items import (
    event_item,
    event_of,
    first_event_item,
    head_item,
    ledger_item,
    ledger_of,
    refund_of,
    request_of,
    twins_value,
)
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Operation, Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import RefundFilter, RefundPage
from refundkit_core.domain.errors import Invalid, StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import Ledger, LedgerChange, TransactionRef, twin_of
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_MAX_EXAMINED: Final = 1_000
_FOREIGN_CURSOR: Final = "The cursor is not one that a list answered with"
_UNBLOCKED: Final = "dispute <> :open"
_UNBLOCKED_VALUES: Final = {":open": "open"}

_MOVES: Final = {
    "reserve": "reserved = reserved + :m, available = available - :m",
    "release": "reserved = reserved - :m, available = available + :m",
    "settle": "reserved = reserved - :m, refunded = refunded + :m",
    "unsettle": "refunded = refunded - :m, available = available + :m",
    "adopt_reserved": "elsewhere = elsewhere - :m, reserved = reserved + :m",
    "adopt_refunded": "elsewhere = elsewhere - :m, refunded = refunded + :m",
}
_GUARDS: Final = {
    "reserve": f"available >= :m AND {_UNBLOCKED}",
    "release": "reserved >= :m",
    "settle": "reserved >= :m",
    "unsettle": "refunded >= :m",
    "adopt_reserved": "elsewhere >= :m AND NOT contains(adopted, :external)",
    "adopt_refunded": "elsewhere >= :m AND NOT contains(adopted, :external)",
}


class DynamoRefundStore:
    """``RefundStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, refund: Refund, request: Request, event: Event, ledger: Ledger, *, refuse_twin: bool) -> None:
        table = self._table
        twin = twin_of(refund.money.amount_minor, refund.reason)
        known = ledger.live_twins(twin, refund.created_at)
        if known and refuse_twin:
            raise StoreConflict("A twin appeared")
        twins = {**known, refund.id: refund.created_at}
        reserve = LedgerChange("reserve", refund.money.amount_minor)
        table.transact(
            [
                table.put_op(head_item(refund), _NEW),
                table.put_op(first_event_item(event, request), _NEW),
                self._ledger_op(refund, reserve, ledger.twins.get(twin), twins),
            ]
        )

    def change(
        self,
        before: Refund,
        after: Refund,
        event: Event,
        ledger: LedgerChange | None,
        audit: AuditEntry | None = None,
    ) -> None:
        table = self._table
        operations = [
            table.put_op(head_item(after), "version = :before", {":before": before.version}),
            table.put_op(event_item(event), _NEW),
        ]
        if ledger is not None and ledger.kind == "gate":
            key = keys.ledger(after.tenant, after.transaction)
            condition = f"reserved >= :m AND available >= :zero AND currency = :currency AND {_UNBLOCKED}"
            currency = after.money.currency
            values = {":m": ledger.amount_minor, ":zero": 0, ":currency": currency, **_UNBLOCKED_VALUES}
            operations.append(table.check_op(key, condition, values))
        elif ledger is not None:
            operations.append(self._moved_ledger_op(after, ledger))
        table.transact([*operations, *audit_ops(table, audit)])

    def adopt(self, refund: Refund, request: Request, event: Event, ledger: LedgerChange) -> None:
        table = self._table
        expression = f"SET version = version + :one, {_MOVES[ledger.kind]} ADD adopted :externals"
        external = refund.external_refund_id or ""
        values = {":one": 1, ":m": ledger.amount_minor, ":external": external, ":externals": {external}}
        key = keys.ledger(refund.tenant, refund.transaction)
        table.transact(
            [
                table.put_op(head_item(refund), _NEW),
                table.put_op(first_event_item(event, request), _NEW),
                table.update_op(key, expression, _GUARDS[ledger.kind], values),
            ]
        )

    def put_off(self, refund: Refund) -> None:
        self._table.put(head_item(refund), "version = :same", {":same": refund.version})

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        until = f"{iso(now)}~"
        found: list[Item] = []
        for shard in range(keys.OPEN_SHARDS):
            found.extend(self._table.open_page(keys.OPEN_INDEX, keys.open_shard(shard), until, limit))
        found.sort(key=lambda item: str(item["gsi2sk"]))
        return [keys.tenant_and_refund(item["pk"]) for item in found[:limit]]

    def _moved_ledger_op(self, refund: Refund, change: LedgerChange) -> Operation:
        """The ledger's part of a change; money that comes back takes the refund out of the twins as well."""
        if change.kind not in ("release", "unsettle"):
            return self._ledger_op(refund, change, None, None)
        ledger = self.ledger(refund.tenant, refund.transaction)
        known = ledger.twins.get(twin_of(refund.money.amount_minor, refund.reason)) if ledger else None
        if known is None or refund.id not in known:
            return self._ledger_op(refund, change, None, None)
        left = {refund_id: at for refund_id, at in known.items() if refund_id != refund.id}
        return self._ledger_op(refund, change, known, left)

    def _ledger_op(self, refund: Refund, change: LedgerChange, known: Any, twins: Any) -> Operation:
        """Move money in the ledger; where ``twins`` is given, replace exactly the twins ``known`` with them."""
        expression = f"SET version = version + :one, {_MOVES[change.kind]}"
        condition = _GUARDS[change.kind]
        values: dict[str, Any] = {":one": 1, ":m": change.amount_minor}
        names: dict[str, str] = {}
        if change.kind == "reserve":
            values.update(_UNBLOCKED_VALUES)
        if twins is not None:
            names["#twin"] = twin_of(refund.money.amount_minor, refund.reason)
            if twins:
                expression += ", twins.#twin = :twins"
                values[":twins"] = twins_value(twins)
            else:
                expression += " REMOVE twins.#twin"
            condition += " AND attribute_not_exists(twins.#twin)" if known is None else " AND twins.#twin = :known"
            if known is not None:
                values[":known"] = twins_value(known)
        return self._table.update_op(
            keys.ledger(refund.tenant, refund.transaction), expression, condition, values, names
        )

    def head(self, tenant: Tenant, refund_id: str) -> Refund | None:
        item = self._table.get(Key(keys.refund_pk(tenant, refund_id), keys.HEAD))
        return None if item is None else refund_of(item)

    def find(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request] | None:
        found = self._table.query_between(keys.refund_pk(tenant, refund_id), keys.HEAD, keys.FIRST_EVENT)
        items = {item["sk"]: item for item in found}
        return (refund_of(items[keys.HEAD]), request_of(items[keys.FIRST_EVENT])) if items else None

    def timeline(self, tenant: Tenant, refund_id: str) -> Sequence[Event]:
        return [event_of(item) for item in self._table.query(keys.refund_pk(tenant, refund_id), keys.EVENT_PREFIX)]

    def page(self, tenant: Tenant, wanted: RefundFilter) -> RefundPage:
        before = None if wanted.cursor is None else _opened_cursor(wanted.cursor)
        needed = wanted.offset + wanted.limit
        heads: list[Item] = []
        examined, more = 0, True
        while more and len(heads) < needed and examined < _MAX_EXAMINED:
            size = min(_MAX_EXAMINED - examined, max(100, needed - len(heads)))
            items = self._table.index_page(keys.INDEX, keys.refunds_index(tenant), before, size)
            more = len(items) == size
            for item in items:
                examined, before = examined + 1, item["gsi1sk"]
                if _matches(item, wanted):
                    heads.append(item)
                if len(heads) == needed:
                    more = True
                    break
        refunds = [refund_of(item) for item in heads[wanted.offset :]]
        cursor = _sealed_cursor(before) if more and before is not None else None
        return RefundPage(self._with_requests(tenant, refunds), cursor)

    def _with_requests(self, tenant: Tenant, refunds: list[Refund]) -> list[tuple[Refund, Request]]:
        if not refunds:
            return []
        wanted = [Key(keys.refund_pk(tenant, refund.id), keys.FIRST_EVENT) for refund in refunds]
        requests = {item["pk"]: request_of(item) for item in self._table.batch_get(wanted)}
        return [(refund, requests[key.pk]) for refund, key in zip(refunds, wanted, strict=True) if key.pk in requests]

    def ledger(self, tenant: Tenant, transaction: TransactionRef) -> Ledger | None:
        item = self._table.get(keys.ledger(tenant, transaction))
        return None if item is None else ledger_of(tenant, transaction, item)

    def put_ledger(self, ledger: Ledger, previous: Ledger | None, event: Event | None) -> None:
        condition, values = _NEW, None
        if previous is not None:
            condition, values = "version = :before", {":before": previous.version}
        if event is None:
            self._table.put(ledger_item(ledger), condition, values)
            return
        put = self._table.put_op(ledger_item(ledger), condition, values)
        self._table.transact([put, self._table.put_op(event_item(event), _NEW)])

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
    return wanted.status in (None, item["state"]) and wanted.processor in (None, item["processor"])


def _sealed_cursor(sort_key: str) -> str:
    return base64.urlsafe_b64encode(sort_key.encode()).decode().rstrip("=")


def _opened_cursor(cursor: str) -> str:
    try:
        sort_key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        opened, _, refund_id = sort_key.partition("#")
        parse_iso(opened)
        if is_id("ref", refund_id):
            return sort_key
    except (binascii.Error, ValueError) as exc:
        raise Invalid(_FOREIGN_CURSOR) from exc
    raise Invalid(_FOREIGN_CURSOR)
