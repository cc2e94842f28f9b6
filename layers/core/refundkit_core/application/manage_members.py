"""Members: add, list, show, change, deactivate (document 002 "Dashboard Authentication", decisions 19 and 23).

Everything is decided on one roster and written on the condition that it still stands: who changes members at the same
time is judged again. Operators (``giver`` None) act as an owner would, for the first set-up and for a lost owner.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final, NamedTuple

from refundkit_core.application.audit import AuditEntry, Auditor, By
from refundkit_core.application.member_ports import MemberStore
from refundkit_core.application.paging import Paging
from refundkit_core.application.ports import ApiKeyStore, Clock, Ids, OrganizationStore
from refundkit_core.application.records import ApiKeyRecord, Page, Slice
from refundkit_core.domain.errors import Denied, Detail, IdempotencyKeyReused, Invalid, NotFound, StoreConflict
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.members import (
    MAX_MEMBERS,
    Member,
    Role,
    Roster,
    insist_on_no_raise_of_ones_own,
    insist_on_shape,
    role_may,
)
from refundkit_core.domain.money import Money
from refundkit_core.domain.tenancy import ENVIRONMENTS, Caller, Tenant
from refundkit_core.domain.times import iso

MAX_KEYS_AT_ONCE: Final = 40
"""Keys that change with their member in one transaction, which has room for 100 writes."""

_ROUTE: Final = "POST /v1/members"
_WRITE: Final = "members:write"
_MAX_TRIES: Final = 20


class Left(Enum):
    """What is not to be changed, where None says that there is to be none."""

    ALONE = "alone"


class WantedMember(NamedTuple):
    """A member to add. ``approval_limit`` None: no limit of their own."""

    name: str
    email: str
    role: Role
    approval_limit: Money | None = None
    slack_user: str | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two requests the same: a hash of all that was asked for."""
        limit = self.approval_limit
        amount = [limit.amount_minor, limit.currency] if limit else None
        asked = [self.name, self.email, self.role, amount, self.slack_user]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


class MemberChange(NamedTuple):
    """What is to be changed; whatever is None or ``Left.ALONE`` stays."""

    name: str | None = None
    email: str | None = None
    role: Role | None = None
    approval_limit: Money | Left | None = Left.ALONE
    slack_user: str | Left | None = Left.ALONE
    active: bool | None = None


class AddedMember(NamedTuple):
    """The member as they stand now; ``replayed`` where an earlier request with the same idempotency key added them."""

    member: Member
    replayed: bool


class ManageMembers:
    """The use cases behind ``/v1/members`` and the operators' ``members`` commands."""

    def __init__(
        self, members: MemberStore, keys: ApiKeyStore, organizations: OrganizationStore, clock: Clock, ids: Ids
    ) -> None:
        self._members = members
        self._keys = keys
        self._organizations = organizations
        self._paging = Paging(organizations, "members")
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def add_for(self, caller: Caller, wanted: WantedMember, idempotency_key: str | None, by: By) -> AddedMember:
        """A new member as ``caller`` wants them, or the one that the same idempotency key added before.

        Raises:
            Denied: the caller is no owner by now.
            Invalid: the name, address, Slack user or limit cannot be one, or somebody else has it.
            IdempotencyKeyReused: the key was used with another body.
        """
        if idempotency_key is None:
            return AddedMember(self._add(caller.tenant.org_id, self._ids.new("mem"), wanted, caller.owner, by), False)
        tenant = caller.tenant
        secret = self._organizations.secret(tenant.org_id)
        member_id = derived("mem", secret, tenant.environment, _ROUTE, idempotency_key)
        known = self._members.find(tenant.org_id, member_id)
        added = known or self._add(tenant.org_id, member_id, wanted, caller.owner, by)
        if added.fingerprint != wanted.fingerprint:
            raise IdempotencyKeyReused(
                "This idempotency key added another member", (Detail("Idempotency-Key", member_id),)
            )
        return AddedMember(added, known is not None)

    def add(self, org_id: str, wanted: WantedMember, by: By) -> Member:
        """A new member as an operator wants them. Raises NotFound, Invalid."""
        return self._add(org_id, self._ids.new("mem"), wanted, None, by)

    def _add(self, org_id: str, member_id: str, wanted: WantedMember, giver: str | None, by: By) -> Member:
        for attempt in range(1, _MAX_TRIES + 1):
            roster = self._members.roster(org_id)
            known = roster.of(member_id)
            if known is not None:  # the answer of an earlier try was lost, or a call with the same key was faster
                return known
            made = Member(
                id=member_id,
                org_id=org_id,
                name=wanted.name,
                email=wanted.email,
                role=wanted.role,
                created_at=self._clock.now(),
                approval_limit=wanted.approval_limit,
                slack_user=wanted.slack_user,
                fingerprint=wanted.fingerprint,
            )
            _insist_on_owner(roster, giver)
            insist_on_shape(made)
            roster.insist_on_room_for(made)
            if len(roster.members) >= MAX_MEMBERS:
                raise Invalid(f"An organization has at most {MAX_MEMBERS} members, inactive ones too")
            entry = self._auditor.entry(by, "members add", made.id, org_id, details={"role": made.role})
            try:
                self._members.add(roster, made, entry)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return made
        raise StoreConflict("The members kept changing")

    def change_for(self, caller: Caller, member_id: str, wanted: MemberChange, by: By) -> Member:
        """The member as ``caller`` wants them; what stands so already is left as it is, and nothing is written down.

        From the moment that they are inactive, their keys are refused, and so is what they decide by any channel.

        Raises:
            NotFound: the organization has no such member.
            Denied: the caller is no owner by now; they raise their own limit; nobody would be left who may do
                everything.
            Invalid: the name, address, Slack user or limit cannot be one, or somebody else has it.
        """
        return self._change(caller.tenant.org_id, member_id, wanted, caller.owner, by)

    def change(self, org_id: str, member_id: str, wanted: MemberChange, by: By) -> Member:
        """The member as an operator wants them. Raises as :meth:`change_for` does."""
        return self._change(org_id, member_id, wanted, None, by)

    def _change(self, org_id: str, member_id: str, wanted: MemberChange, giver: str | None, by: By) -> Member:
        for attempt in range(1, _MAX_TRIES + 1):
            roster = self._members.roster(org_id)
            _insist_on_owner(roster, giver)
            before = roster.of(member_id)
            if before is None:
                raise NotFound("No such member")
            after = self._changed(before, wanted)
            if after == before:
                return before
            if before.id == giver:
                insist_on_no_raise_of_ones_own(before, after)
            insist_on_shape(after)
            roster.insist_on_room_for(after)
            roster.insist_on_an_owner_after(after)
            try:
                keys = self._keys_to_change(before, after, by)
                self._members.change(roster, before, after, keys, self._entry(before, after, by))
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return after
        raise StoreConflict("The member kept changing")

    def _changed(self, before: Member, wanted: MemberChange) -> Member:
        limit, slack_user = wanted.approval_limit, wanted.slack_user
        active = before.active if wanted.active is None else wanted.active
        left_at = None if active else before.deactivated_at or self._clock.now()
        after = replace(
            before,
            name=before.name if wanted.name is None else wanted.name,
            email=before.email if wanted.email is None else wanted.email,
            role=wanted.role or before.role,
            approval_limit=before.approval_limit if isinstance(limit, Left) else limit,
            slack_user=before.slack_user if isinstance(slack_user, Left) else slack_user,
            active=active,
            deactivated_at=left_at,
        )
        return before if after == before else replace(after, version=before.version + 1)

    def _keys_to_change(self, before: Member, after: Member, by: By) -> Sequence[ApiKeyRecord]:
        """The member's valid keys, where the change concerns them.

        Those of whoever is deactivated that one transaction has no room for are revoked ahead of it.
        """
        if (before.role, before.active) == (after.role, after.active) or not before.active:
            return ()
        now = self._clock.now()
        valid = [
            key
            for environment in ENVIRONMENTS
            for key in self._keys.of(Tenant(before.org_id, environment))
            if key.owner == before.id and key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
        ]
        if after.active and len(valid) > MAX_KEYS_AT_ONCE:
            raise Denied(f"This member has more than {MAX_KEYS_AT_ONCE} valid keys: revoke some first")
        for key in valid[MAX_KEYS_AT_ONCE:]:
            self._keys.revoke(key, now, self._auditor.entry(by, "keys revoke", key.id, key.tenant))
        return valid[:MAX_KEYS_AT_ONCE]

    def _entry(self, before: Member, after: Member, by: By) -> AuditEntry:
        """What is written down: which fields, and roles; no name, no address, no amount."""
        command = "members change"
        if before.active is not after.active:
            command = "members reactivate" if after.active else "members deactivate"
        fields = ("name", "email", "role", "approval_limit", "slack_user")
        changed = ",".join(name for name in fields if getattr(before, name) != getattr(after, name))
        details: dict[str, str | int | None] = {"changed": changed or None, "role": after.role}
        if before.role != after.role:
            details["roleBefore"] = before.role
        return self._auditor.entry(by, command, after.id, after.org_id, details=details)

    def show(self, org_id: str, member_id: str) -> Member:
        """The member as they stand, inactive ones too. Raises NotFound; a malformed id costs no read."""
        found = self._members.find(org_id, member_id) if is_id("mem", member_id) else None
        if found is None:
            raise NotFound("No such member")
        return found

    def all(self, org_id: str) -> Sequence[Member]:
        """Every member, oldest first. Raises NotFound where there is no such organization."""
        return self._members.roster(org_id).members

    def page(self, tenant: Tenant, part: Slice) -> Page[Member]:
        """One page of the members, newest first, inactive ones too. Raises Invalid for a foreign cursor."""
        position = self._paging.position(tenant, part)
        newest = sorted(self._members.all(tenant.org_id), key=_place, reverse=True)
        left = [each for each in newest if position.after is None or _place(each) < position.after][position.offset :]
        found = left[: position.limit]
        following = _place(found[-1]) if len(left) > len(found) else None
        return self._paging.sealed(tenant, Page(found, following))


def _place(member: Member) -> str:
    """Where a member stands in the list."""
    return f"{iso(member.created_at)}#{member.id}"


def _insist_on_owner(roster: Roster, giver: str | None) -> None:
    """Raises Denied for a member who may not change members, as the roster has them; None is an operator."""
    if giver is None:
        return
    known = roster.of(giver)
    if known is None or not known.active or not role_may(known.role, _WRITE):
        raise Denied("Members are managed by active owners")
