"""``PolicyStore`` in memory: one lock, every write whole or not at all. Held to the real one by tests/contract."""

from __future__ import annotations

import threading

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.policy_ports import Draft, PolicyHead, PolicyPointer
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.tenancy import Tenant


class MemoryPolicyStore:
    """Everything in dictionaries; reads see the last write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._drafts: dict[tuple[Tenant, str], Draft] = {}
        self._pointers: dict[tuple[Tenant, str], PolicyPointer] = {}
        self._versions: dict[tuple[Tenant, str, int], PolicyVersion] = {}
        self.events: list[Event] = []
        self.audited: list[AuditEntry] = []

    def pointer(self, tenant: Tenant, merchant_id: str) -> PolicyPointer | None:
        return self._pointers.get((tenant, merchant_id))

    def version(self, tenant: Tenant, policy_id: str, number: int) -> PolicyVersion | None:
        return self._versions.get((tenant, policy_id, number))

    def head(self, tenant: Tenant, policy_id: str) -> PolicyHead | None:
        found = self.draft(tenant, policy_id)
        return None if found is None else found.head

    def draft(self, tenant: Tenant, policy_id: str) -> Draft | None:
        return self._drafts.get((tenant, policy_id))

    def page(self, tenant: Tenant, part: Position) -> Page[PolicyHead]:
        own = [draft.head for (whose, _), draft in self._drafts.items() if whose == tenant]
        newest = sorted(own, key=lambda head: (head.created_at, head.id), reverse=True)
        start = int(part.after or 0) + part.offset
        end = start + part.limit
        return Page(newest[start:end], str(end) if len(newest) > end else None)

    def create(self, draft: Draft, audit: AuditEntry) -> None:
        head = draft.head
        with self._lock:
            if (head.tenant, head.id) in self._drafts or (head.tenant, head.merchant_id) in self._pointers:
                raise StoreConflict("conflict")
            self._drafts[head.tenant, head.id] = draft
            self._pointers[head.tenant, head.merchant_id] = PolicyPointer(head.id)
            self.audited.append(audit)

    def update(self, before: PolicyHead, draft: Draft, audit: AuditEntry) -> None:
        with self._lock:
            self._insist_on(before)
            self._drafts[before.tenant, before.id] = draft
            self.audited.append(audit)

    def publish(
        self, before: PolicyHead, after: PolicyHead, version: PolicyVersion, event: Event, entry: AuditEntry
    ) -> None:
        with self._lock:
            self._insist_on(before)
            key = (after.tenant, after.id)
            if (*key, version.number) in self._versions:
                raise StoreConflict("conflict")
            self._versions[*key, version.number] = version
            self._drafts[key] = self._drafts[key]._replace(head=after)
            self._pointers[after.tenant, after.merchant_id] = PolicyPointer(after.id, after.in_force, after.shadow)
            self.events.append(event)
            self.audited.append(entry)

    def _insist_on(self, before: PolicyHead) -> None:
        standing = self.head(before.tenant, before.id)
        if standing is None or (standing.revision, standing.latest) != (before.revision, before.latest):
            raise StoreConflict("conflict")
