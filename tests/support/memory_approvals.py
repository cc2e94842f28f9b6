"""``ApprovalStore`` in memory, under the same lock as the refunds. Held to the real one by tests/contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from refundkit_core.application.approval_ports import RefundStep, WaitingToken
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.approvals import Approval, ApprovalStatus
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant

from tests.support.memory_store import MemoryRefundStore


class MemoryApprovalStore:
    """Approvals beside the refunds of one store."""

    def __init__(self, store: MemoryRefundStore) -> None:
        self._store = store
        self.tokens: dict[tuple[Tenant, str], WaitingToken] = {}

    def find(self, tenant: Tenant, approval_id: str) -> Approval | None:
        return self._store.approvals.get((tenant, approval_id))

    def change(
        self,
        before: Approval,
        after: Approval,
        event: Event,
        step: RefundStep | None = None,
        audit: AuditEntry | None = None,
    ) -> None:
        store = self._store
        with store.lock:
            self._insist(before)
            if step is not None:
                store.insist_on_version(step.before)
                store.change_locked(step.before, step.after, step.event, step.ledger)
            store.approvals[after.tenant, after.id] = after
            store.histories.setdefault((after.tenant, after.id), []).append(event)
            store.told.append(event)
            store.audited.extend([audit] if audit else [])

    def put_off(self, approval: Approval) -> None:
        with self._store.lock:
            self._insist(approval)
            self._store.approvals[approval.tenant, approval.id] = approval

    def _insist(self, approval: Approval) -> None:
        stored = self._store.approvals.get((approval.tenant, approval.id))
        if stored is None or stored.version != approval.version:
            raise StoreConflict("conflict")

    def history(self, tenant: Tenant, approval_id: str) -> Sequence[Event]:
        return list(self._store.histories.get((tenant, approval_id), ()))

    def page(
        self,
        tenant: Tenant,
        statuses: frozenset[ApprovalStatus],
        shown: Callable[[Approval], bool],
        part: Position,
    ) -> Page[Approval]:
        newest = sorted(
            (each for (owner, _), each in self._store.approvals.items() if owner == tenant),
            key=lambda each: (each.opened_at, each.id),
            reverse=True,
        )
        matching = [each for each in newest if each.status in statuses and shown(each)]
        first = int(part.after or 0) + part.offset
        end = first + part.limit
        return Page(matching[first:end], str(end) if len(matching) > end else None)

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        waiting = [
            (each.next_look_at, key)
            for key, each in self._store.approvals.items()
            if each.next_look_at is not None and each.next_look_at <= now
        ]
        return [key for _, key in sorted(waiting, key=lambda one: (one[0], one[1][1]))[:limit]]

    def unwatched(self, approvals: Sequence[tuple[Tenant, str]]) -> Sequence[tuple[Tenant, str]]:
        found = [(key, self._store.approvals.get(key)) for key in approvals]
        return [key for key, each in found if each is not None and each.is_open and each.next_look_at is None]

    def keep_token(self, tenant: Tenant, approval_id: str, token: WaitingToken) -> bool:
        with self._store.lock:
            known = self.tokens.get((tenant, approval_id))
            if known is not None and known.since > token.since:
                return False
            self.tokens[tenant, approval_id] = token
            return True

    def token(self, tenant: Tenant, approval_id: str) -> WaitingToken | None:
        return self.tokens.get((tenant, approval_id))
