"""What policies need from the outside world: where they are kept, and what passes between there and the use cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.events import Event
from refundkit_core.domain.policies import Policy, PolicyVersion
from refundkit_core.domain.tenancy import Tenant


class Publication(NamedTuple):
    """One published version: from which revision of the draft, when, and from when on it is in force (None: never, it
    is a shadow). ``request`` is derived from the idempotency key that asked for it, ``asked`` is what it asked for."""

    number: int
    revision: int
    published_at: datetime
    in_force_from: datetime | None
    request: str | None = None
    asked: str | None = None

    @property
    def is_shadow(self) -> bool:
        """Whether it judges without effect."""
        return self.in_force_from is None


@dataclass(frozen=True, slots=True)
class PolicyHead:
    """A merchant's policy: its draft's revision (from 1), and what was published of it, oldest first.

    ``shadow`` is the version that judges without effect now. ``fingerprint`` tells what was asked for when it was made.
    """

    id: str
    tenant: Tenant
    merchant_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    revision: int
    publications: tuple[Publication, ...] = ()
    shadow: int | None = None
    fingerprint: str | None = None

    @property
    def latest(self) -> Publication | None:
        """What was published last."""
        return self.publications[-1] if self.publications else None

    @property
    def in_force(self) -> tuple[tuple[int, datetime], ...]:
        """The versions that judge with effect, each from when on, oldest first."""
        return tuple((each.number, each.in_force_from) for each in self.publications if each.in_force_from is not None)


class Draft(NamedTuple):
    """A policy as it is being written."""

    head: PolicyHead
    policy: Policy


class PolicyPointer(NamedTuple):
    """What every refund reads of its merchant's policy: the versions with effect (number, in force from), oldest
    first (none before the first publication), and the number of the version that judges without effect."""

    policy_id: str
    versions: tuple[tuple[int, datetime], ...] = ()
    shadow: int | None = None


class PolicyStore(Protocol):
    """Policies, their drafts and versions. Every write is one transaction over all that it names.

    Raises (every write):
        StoreConflict: a condition failed, another transaction was faster, or no answer came. Reload and decide again.
    """

    def pointer(self, tenant: Tenant, merchant_id: str) -> PolicyPointer | None:
        """What the merchant's refunds are judged by, read consistently; None where the merchant has no policy."""

    def version(self, tenant: Tenant, policy_id: str, number: int) -> PolicyVersion | None:
        """A published version; it never changes."""

    def head(self, tenant: Tenant, policy_id: str) -> PolicyHead | None:
        """The policy without its document, read consistently."""

    def draft(self, tenant: Tenant, policy_id: str) -> Draft | None:
        """The policy and its draft, of one and the same revision, read consistently."""

    def page(self, tenant: Tenant, part: Position) -> Page[PolicyHead]:
        """One page of the tenant's policies, newest first; ``next_cursor`` is a position. May lag."""

    def create(self, draft: Draft, audit: AuditEntry) -> None:
        """Keep a new policy; refused where its id exists, or its merchant has a policy."""

    def update(self, before: PolicyHead, draft: Draft, audit: AuditEntry) -> None:
        """Replace the draft of exactly ``before``."""

    def publish(
        self, before: PolicyHead, after: PolicyHead, version: PolicyVersion, event: Event, entry: AuditEntry
    ) -> None:
        """Publish the draft of exactly ``before``: its version, the policy, what refunds read, event and entry
        together or not at all."""
