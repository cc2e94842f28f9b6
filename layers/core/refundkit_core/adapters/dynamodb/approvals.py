"""Approvals on DynamoDB: a decision, its refund, its money, its events and its audit entry change together or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.approval_items import approval_item, approval_of, token_item, token_of
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, page_of
from refundkit_core.adapters.dynamodb.refund_items import event_item, event_of
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Operation, Table
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.approvals import OPEN, Approval, ApprovalStatus
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.approval_ports import RefundStep, WaitingToken
    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.ports import RefundStore
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.tenancy import Tenant

_NEW: Final = "attribute_not_exists(pk)"
_MAX_BATCH: Final = 100


class DynamoApprovalStore:
    """``ApprovalStore`` on one table. ``refunds`` reads what a step of a refund does to its ledger."""

    def __init__(self, table: Table, refunds: RefundStore) -> None:
        self._table = table
        self._refunds = refunds

    def find(self, tenant: Tenant, approval_id: str) -> Approval | None:
        item = self._table.get(keys.approval(tenant, approval_id))
        return None if item is None else approval_of(item)

    def change(
        self,
        before: Approval,
        after: Approval,
        event: Event,
        step: RefundStep | None = None,
        audit: AuditEntry | None = None,
    ) -> None:
        from refundkit_core.adapters.dynamodb.refund_changes import change_ops

        table = self._table
        operations = [
            table.put_op(approval_item(after), "version = :before", {":before": before.version}),
            table.put_op(event_item(event), _NEW),
        ]
        if step is not None:
            operations += change_ops(table, self._refunds, step.before, step.after, step.event, step.ledger)
        table.transact([*operations, *audit_ops(table, audit)])

    def put_off(self, approval: Approval) -> None:
        self._table.put(approval_item(approval), "version = :same", {":same": approval.version})

    def history(self, tenant: Tenant, approval_id: str) -> Sequence[Event]:
        pk = keys.approval(tenant, approval_id).pk
        return [event_of(item) for item in self._table.query(pk, keys.EVENT_PREFIX)]

    def page(
        self,
        tenant: Tenant,
        statuses: frozenset[ApprovalStatus],
        shown: Callable[[Approval], bool],
        part: Position,
    ) -> Page[Approval]:
        index = keys.approvals_index(tenant) if statuses <= OPEN else keys.closed_approvals_index(tenant)

        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest(keys.INDEX, index, FIRST, before, size)

        def matches(item: Item) -> bool:
            return item["state"] in statuses and shown(approval_of(item))

        items, after = page_of(fetch, part, "gsi1sk", LAST, matches)
        return Page([approval_of(item) for item in items], after)

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        until = f"{iso(now)}~"
        found: list[Item] = []
        for shard in range(keys.OPEN_SHARDS):
            found.extend(self._table.open_page(keys.SPARSE_INDEX, keys.asked_shard(shard), until, limit))
        found.sort(key=lambda item: str(item["gsi2sk"]))
        return [keys.tenant_and_approval(item["pk"]) for item in found[:limit]]

    def unwatched(self, approvals: Sequence[tuple[Tenant, str]]) -> Sequence[tuple[Tenant, str]]:
        wanted = [keys.approval(*each) for each in approvals]
        found: list[Any] = []
        for first in range(0, len(wanted), _MAX_BATCH):
            found += self._table.batch_get_consistent(wanted[first : first + _MAX_BATCH])
        return [keys.tenant_and_approval(item["pk"]) for item in found if _is_unwatched(item)]

    def keep_token(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> bool:
        item = token_item(keys.approval_token(tenant, approval_id), token)
        try:
            self._table.put(item, f"{_NEW} OR since <= :since", {":since": item["since"]})
        except ConditionFailed:
            return False
        return True

    def token(self, tenant: Tenant, approval_id: str) -> WaitingToken | None:
        item = self._table.get(keys.approval_token(tenant, approval_id))
        return None if item is None else token_of(item)


def opening_op(table: Table, approval: Approval) -> Operation:
    """Open an approval, once."""
    return table.put_op(approval_item(approval), _NEW)


def _is_unwatched(item: Any) -> bool:
    """Whether an open approval is one that the sweep would never look after: made before there was a workflow."""
    return item["state"] in OPEN and "gsi2pk" not in item
