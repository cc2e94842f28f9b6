"""What naming and deleting an organization needs of the store. Adapters implement it; tests fake it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.domain.members import Roster


class OrganizationState(NamedTuple):
    """An organization as it stands; ``deleted_at`` None: it is there."""

    id: str
    name: str
    created_at: datetime
    deleted_at: datetime | None = None


class OrganizationBook(Protocol):
    """Organizations by themselves. All reads are consistent.

    Raises (every write):
        StoreConflict: it has changed since, or no answer came. Reload and decide again.
    """

    def find(self, org_id: str) -> OrganizationState | None:
        """The organization, deleted ones too."""

    def rename(self, before: OrganizationState, name: str, audit: AuditEntry) -> None:
        """Give the organization of ``before``, which still has that name, another one."""

    def close(self, org_id: str, mark: str) -> None:
        """Open no refund in test or live from now on, in the name of ``mark``, which replaces whatever stood there."""

    def reopen(self, org_id: str, mark: str) -> None:
        """Take the closing back where it is still in the name of ``mark``; another's stays."""

    def delete(self, roster: Roster, mark: str, at: datetime, audit: AuditEntry) -> None:
        """Mark the organization as deleted, on the condition that it is closed in the name of ``mark`` ever since, and
        that the members are still those of ``roster``."""


class OpenWork(Protocol):
    """What has not come to its end. May lag."""

    def refunds(self, org_id: str) -> Sequence[str]:
        """Refunds that hold money, in test and live: ids, those under approval too."""

    def approvals(self, org_id: str) -> Sequence[str]:
        """Open approvals, in test and live: ids."""
