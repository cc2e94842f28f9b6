"""Members on DynamoDB: items beside their organization's, whose counter orders all changes of them.

Each change conditions on that counter and moves it. What a roster promises (an active owner, no address and no Slack
user twice) therefore holds however many people change members at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.api_keys import revoke_ops, role_ops
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table, without_nones
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import ApiKeyRecord
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.members import Member, Roster
from refundkit_core.domain.money import Money
from refundkit_core.domain.times import iso, parse_iso

FIRST_VERSION: Final = 1
"""Of the roster of a new organization."""

_NEW: Final = "attribute_not_exists(pk)"
_MINE: Final = "attribute_not_exists(pk) OR member_id = :member OR attribute_exists(given_up)"
_STANDS: Final = "attribute_exists(pk) AND attribute_not_exists(deleted)"


class DynamoMemberStore:
    """``MemberStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, org_id: str, member_id: str) -> Member | None:
        item = self._table.get(keys.member(org_id, member_id))
        return None if item is None else member_of(org_id, item)

    def all(self, org_id: str) -> Sequence[Member]:
        found = [member_of(org_id, item) for item in self._table.query(*keys.members(org_id))]
        return sorted(found, key=lambda member: (member.created_at, member.id))

    def roster(self, org_id: str) -> Roster:
        organization = self._table.get(keys.organization(org_id))
        if organization is None or "deleted" in organization:
            raise NotFound("No such organization")
        # the version first: members that change after it was read are found by the write
        return Roster(org_id, organization.get("members_version", 0), self.all(org_id))

    def by_email(self, org_id: str, email: str) -> Member | None:
        return next((member for member in self.all(org_id) if member.email_key == email.lower()), None)

    def by_slack_user(self, org_id: str, slack_user: str) -> Member | None:
        return next((member for member in self.all(org_id) if member.slack_user == slack_user), None)

    def find_by_email_anywhere(self, email: str) -> Sequence[Member]:
        return self.of_person(_hash(email))

    def of_person(self, person: str) -> Sequence[Member]:
        """The active members with the address of this hash, in every organization that stands."""
        pointers = self._table.query(*keys.membership(person, ""))
        found = [self._active(each["org"], each["member_id"]) for each in pointers if "given_up" not in each]
        # a pointer may outlive an address: whoever had it once is not let in by it
        return [member for member in found if member is not None and _hash(member.email) == person]

    def _active(self, org_id: str, member_id: str) -> Member | None:
        both = self._table.batch_get_consistent([keys.organization(org_id), keys.member(org_id, member_id)])
        member = next((member_of(org_id, item) for item in both if "role" in item), None)
        deleted = any("deleted" in item for item in both)
        return member if member is not None and member.active and not deleted else None

    def add(self, roster: Roster, member: Member, audit: AuditEntry) -> None:
        put = self._table.put_op(item_of(member), _NEW)
        pointers = self._pointers(roster, member)
        self._table.transact([put, self._moved_on(roster), *pointers, *audit_ops(self._table, audit)])

    def change(
        self, roster: Roster, before: Member, after: Member, keys: Sequence[ApiKeyRecord], audit: AuditEntry
    ) -> None:
        ops = [self._replaced(before, after), self._moved_on(roster), *self._readdressed(roster, before, after)]
        for key in keys:
            ended = None if after.active else after.deactivated_at
            ops += role_ops(self._table, key, after.role) if ended is None else revoke_ops(self._table, key, ended)
        self._table.transact([*ops, *audit_ops(self._table, audit)])

    def _replaced(self, before: Member, after: Member) -> Operation:
        """Absent attributes are those of the first release's owners: version 1, and no key counted."""
        unversioned = "attribute_not_exists(version) OR " if before.version == 1 else ""
        uncounted = "attribute_not_exists(keys_made) OR " if before.keys_made == 0 else ""
        condition = f"attribute_exists(pk) AND ({unversioned}version = :version) AND ({uncounted}keys_made = :made)"
        return self._table.put_op(item_of(after), condition, {":version": before.version, ":made": before.keys_made})

    def _moved_on(self, roster: Roster) -> Operation:
        values: dict[str, Any] = {":after": roster.version + 1}
        unchanged = "attribute_not_exists(members_version)"
        if roster.version:
            values[":before"] = roster.version
            unchanged = "members_version = :before"
        at = keys.organization(roster.org_id)
        return self._table.update_op(at, "SET members_version = :after", f"{_STANDS} AND {unchanged}", values)

    def _readdressed(self, roster: Roster, before: Member, after: Member) -> list[Operation]:
        """Where a member is found from now on, and no more by the address that they had before."""
        if _hash(before.email) == _hash(after.email):
            return self._pointers(roster)
        pointed = roster._replace(members=[each for each in roster.members if each.id != before.id])
        ops = self._pointers(pointed, after)
        if roster.version:
            values, at = {":yes": True, ":member": before.id}, keys.membership(_hash(before.email), before.org_id)
            ops.append(self._table.update_op(at, "SET given_up = :yes", "member_id = :member", values))
        return ops

    def _pointers(self, roster: Roster, *members: Member) -> list[Operation]:
        """Where ``members`` are found by their address; and whom the first release made without."""
        unpointed = roster.members if roster.version == 0 else ()
        return [pointer_op(self._table, member) for member in (*members, *unpointed)]


def pointer_op(table: Table, member: Member) -> Operation:
    """What makes a member be found by their address, whatever the organization."""
    at = keys.membership(_hash(member.email), member.org_id)
    item = {"pk": at.pk, "sk": at.sk, "org": member.org_id, "member_id": member.id}
    return table.put_op(item, _MINE, {":member": member.id})


def _hash(email: str) -> str:
    return hashlib.sha256(email.lower().encode()).hexdigest()


def item_of(member: Member) -> dict[str, Any]:
    """A member as stored."""
    at, limit = keys.member(member.org_id, member.id), member.approval_limit
    return without_nones(
        {
            "pk": at.pk,
            "sk": at.sk,
            "name": member.name,
            "email": member.email,
            "role": member.role,
            "created": iso(member.created_at),
            "active": member.active,
            "limit_minor": limit.amount_minor if limit else None,
            "limit_currency": limit.currency if limit else None,
            "slack_user": member.slack_user,
            "deactivated": iso(member.deactivated_at) if member.deactivated_at else None,
            "version": member.version,
            "keys_made": member.keys_made,
            "fingerprint": member.fingerprint,
        }
    )


def member_of(org_id: str, item: Item) -> Member:
    """A stored member; the first release stored name, address, role and time only."""
    limited = "limit_minor" in item
    return Member(
        id=str(item["sk"]).removeprefix(keys.members(org_id).sk),
        org_id=org_id,
        name=item["name"],
        email=item["email"],
        role=item["role"],
        created_at=parse_iso(item["created"]),
        active=item.get("active", True),
        approval_limit=Money(item["limit_minor"], item["limit_currency"]) if limited else None,
        slack_user=item.get("slack_user"),
        deactivated_at=parse_iso(item["deactivated"]) if "deactivated" in item else None,
        version=item.get("version", 1),
        keys_made=item.get("keys_made", 0),
        fingerprint=item.get("fingerprint"),
    )
