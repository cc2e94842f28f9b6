"""``MemberStore`` in memory, with the keys that it changes. Held to the real one by tests/contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import ApiKeyRecord, Page, Position
from refundkit_core.domain.errors import NotFound, StoreConflict, Unauthenticated
from refundkit_core.domain.members import Member, Roster
from refundkit_core.domain.money import Money
from refundkit_core.domain.roles import Role
from refundkit_core.domain.tenancy import Admitted, Caller, Quota, Tenant

from tests.support.builders import TENANT
from tests.support.clock import START


def member(number: int = 1, role: Role = "owner", **changes: Any) -> Member:
    """An active member of ``TENANT``'s organization."""
    made = Member(
        id=f"mem_{number:026d}",
        org_id=TENANT.org_id,
        name=f"Member {number}",
        email=f"member-{number}@example.com",
        role=role,
        created_at=START,
    )
    return replace(made, **changes)


def limited(amount_minor: int = 50_000, currency: str = "usd") -> Money:
    """An approval limit."""
    return Money(amount_minor, currency)


class MemoryMemberStore:
    """Everything in dictionaries; reads see the last write. ``roles`` are what keys may do by now."""

    def __init__(self, *members: Member, keys: dict[str, ApiKeyRecord] | None = None) -> None:
        self._members = {(each.org_id, each.id): each for each in members}
        self._versions = {each.org_id: 1 for each in members}
        self.deleted: set[str] = set()
        self.keys = {} if keys is None else keys
        self.trail: list[AuditEntry] = []

    def find(self, org_id: str, member_id: str) -> Member | None:
        return self._members.get((org_id, member_id))

    def all(self, org_id: str) -> Sequence[Member]:
        found = [each for (owner, _), each in self._members.items() if owner == org_id]
        return sorted(found, key=lambda each: (each.created_at, each.id))

    def roster(self, org_id: str) -> Roster:
        if org_id not in self._versions or org_id in self.deleted:
            raise NotFound("No such organization")
        return Roster(org_id, self._versions[org_id], self.all(org_id))

    def by_email(self, org_id: str, email: str) -> Member | None:
        return next((each for each in self.all(org_id) if each.email.lower() == email.lower()), None)

    def by_slack_user(self, org_id: str, slack_user: str) -> Member | None:
        return next((each for each in self.all(org_id) if each.slack_user == slack_user), None)

    def find_by_email_anywhere(self, email: str) -> Sequence[Member]:
        return [
            each
            for each in self._members.values()
            if each.email.lower() == email.lower() and each.active and each.org_id not in self.deleted
        ]

    def add(self, roster: Roster, member: Member, audit: AuditEntry) -> None:
        if (member.org_id, member.id) in self._members:
            raise StoreConflict("conflict")
        self._move_on(roster)
        self._members[member.org_id, member.id] = member
        self.trail.append(audit)

    def change(
        self, roster: Roster, before: Member, after: Member, keys: Sequence[ApiKeyRecord], audit: AuditEntry
    ) -> None:
        stands = self._members.get((before.org_id, before.id))
        if stands is None or (stands.version, stands.keys_made) != (before.version, before.keys_made):
            raise StoreConflict("conflict")
        if any(self.keys[key.id].revoked_at is not None for key in keys):
            raise StoreConflict("conflict")
        self._move_on(roster)
        self._members[after.org_id, after.id] = after
        for key in keys:
            ended = None if after.active else after.deactivated_at
            self.keys[key.id] = replace(self.keys[key.id], role=after.role, revoked_at=ended)
        self.trail.append(audit)

    def _move_on(self, roster: Roster) -> None:
        if self._versions.get(roster.org_id) != roster.version or roster.org_id in self.deleted:
            raise StoreConflict("conflict")
        self._versions[roster.org_id] += 1

    def replace(self, stands: Member) -> None:
        """What somebody else has changed meanwhile."""
        self._members[stands.org_id, stands.id] = stands
        self._versions[stands.org_id] = self._versions.get(stands.org_id, 0) + 1

    def key_made(self, key: ApiKeyRecord) -> None:
        """Count a new key on its member, as a store of keys does. Raises StoreConflict where they may not have it."""
        at = (key.tenant.org_id, key.owner)
        stands = self._members.get(at)
        if key.tenant.org_id in self.deleted:
            raise StoreConflict("conflict")
        if key.role is None:
            return
        if stands is None or not stands.active or stands.role != key.role:
            raise StoreConflict("conflict")
        self._members[at] = replace(stands, keys_made=stands.keys_made + 1)


class MemoryKeyStore:
    """``ApiKeyStore`` beside it, without a meter: ``admit`` tells whose key it is by its hash."""

    def __init__(self, members: MemoryMemberStore) -> None:
        self._members = members
        self.records = members.keys

    def admit(self, key_hash: str, now: datetime) -> Admitted:
        for key in self.records.values():
            if key.hash == key_hash and key.revoked_at is None:
                return Admitted(Caller(key.tenant, key.id, key.owner, key.scopes, key.role), Quota(100, 99, 60))
        raise Unauthenticated

    def put(self, key: ApiKeyRecord, audit: AuditEntry | None = None) -> None:
        if key.id in self.records:
            raise StoreConflict("conflict")
        self._members.key_made(key)
        self.records[key.id] = key

    def find(self, tenant: Tenant, key_id: str) -> ApiKeyRecord | None:
        found = self.records.get(key_id)
        return found if found is not None and found.tenant == tenant else None

    def page(self, tenant: Tenant, part: Position) -> Page[ApiKeyRecord]:
        raise NotImplementedError("tests list no keys here")

    def of(self, tenant: Tenant) -> Sequence[ApiKeyRecord]:
        return [key for key in self.records.values() if key.tenant == tenant]

    def revoke(self, key: ApiKeyRecord, at: datetime, audit: AuditEntry) -> bool:
        if self.records[key.id].revoked_at is not None:
            return False
        self.records[key.id] = replace(self.records[key.id], revoked_at=at)
        return True
