"""``OrganizationBook`` and ``OpenWork`` in memory. The book is held to the real one by tests/contract."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.organization_ports import OrganizationState
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.members import Roster

from tests.support.memory_members import MemoryMemberStore


class MemoryOrganizationBook:
    """Beside the members, whose roster it is held to. ``closed`` is the mark of each closed organization."""

    def __init__(self, members: MemoryMemberStore, *organizations: OrganizationState) -> None:
        self._members = members
        self._known = {each.id: each for each in organizations}
        self.closed: dict[str, str] = {}
        self.trail: list[AuditEntry] = []

    def find(self, org_id: str) -> OrganizationState | None:
        return self._known.get(org_id)

    def rename(self, before: OrganizationState, name: str, audit: AuditEntry) -> None:
        stands = self._standing(before.id)
        if stands.name != before.name:
            raise StoreConflict("conflict")
        self._known[before.id] = stands._replace(name=name)
        self.trail.append(audit)

    def close(self, org_id: str, mark: str) -> None:
        self._standing(org_id)
        self.closed[org_id] = mark

    def reopen(self, org_id: str, mark: str) -> None:
        if self.closed.get(org_id) == mark:
            del self.closed[org_id]

    def delete(self, roster: Roster, mark: str, at: datetime, audit: AuditEntry) -> None:
        stands = self._standing(roster.org_id)
        if self.closed.get(roster.org_id) != mark or self._members.roster(roster.org_id).version != roster.version:
            raise StoreConflict("conflict")
        self._known[roster.org_id] = stands._replace(deleted_at=at)
        self._members.deleted.add(roster.org_id)
        self.trail.append(audit)

    def _standing(self, org_id: str) -> OrganizationState:
        stands = self._known.get(org_id)
        if stands is None or stands.deleted_at is not None:
            raise StoreConflict("conflict")
        return stands


class ListedWork:
    """``OpenWork`` that a test writes down."""

    def __init__(self) -> None:
        self.open_refunds: list[str] = []
        self.open_approvals: list[str] = []

    def refunds(self, org_id: str) -> Sequence[str]:
        return list(self.open_refunds)

    def approvals(self, org_id: str) -> Sequence[str]:
        return list(self.open_approvals)
