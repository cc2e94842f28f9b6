"""API keys on DynamoDB: one conditional update authenticates, meters and notes the use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, everything, page_of
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Operation, Table, without_nones
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import ApiKeyRecord, Page, Position
from refundkit_core.domain.errors import RateLimited, StoreConflict, Unauthenticated
from refundkit_core.domain.tenancy import Admitted, Caller, Quota, Tenant
from refundkit_core.domain.times import from_unix, iso, parse_iso

if TYPE_CHECKING:
    from refundkit_core.domain.roles import Role

_MINUTE_S: Final = 60
_MAX_TRIES: Final = 4
_MAX_REMEMBERED: Final = 10_000

_VALID: Final = (
    "attribute_exists(pk) AND attribute_not_exists(revoked) AND (attribute_not_exists(expires) OR expires > :now)"
)
_UNREVOKED: Final = "attribute_exists(pk) AND attribute_not_exists(revoked)"
_COUNT: Final = "SET used = used + :one, last_used = :iso"
_COUNT_IF: Final = f"{_VALID} AND counted_minute = :minute AND used < per_minute"
_START: Final = "SET counted_minute = :minute, used = :one, last_used = :iso"
_START_IF: Final = f"{_VALID} AND (attribute_not_exists(counted_minute) OR counted_minute < :minute)"


class DynamoApiKeyStore:
    """``ApiKeyStore`` on one table.

    A minute's first request starts its counter, later ones count up: two different writes. Each worker remembers
    which minute it saw of a key, and so nearly always sends the right one first. What is metered on every request is an
    item outside every index, so that it costs one write unit; what a list of keys shows stands in another.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._minute_seen: dict[str, int] = {}

    def admit(self, key_hash: str, now: datetime) -> Admitted:
        now_unix = int(now.timestamp())
        minute = now_unix // _MINUTE_S
        counting = self._minute_seen.get(key_hash) == minute
        for _ in range(_MAX_TRIES):
            try:
                item = self._write(key_hash, now, minute, counting)
            except ConditionFailed as failed:
                stands_at = _standing_minute(failed.item, now_unix, minute)
                # another worker's clock may be ahead of ours: its minute counts then
                counting, minute = stands_at >= minute, max(minute, stands_at)
                continue
            if len(self._minute_seen) >= _MAX_REMEMBERED:
                self._minute_seen.clear()
            self._minute_seen[key_hash] = minute
            quota = Quota(item["per_minute"], item["per_minute"] - item["used"], (minute + 1) * _MINUTE_S - now_unix)
            return Admitted(_caller_of(item), quota)
        raise StoreConflict("The key's counter kept changing")

    def _write(self, key_hash: str, now: datetime, minute: int, counting: bool) -> Item:
        expression, condition = (_COUNT, _COUNT_IF) if counting else (_START, _START_IF)
        values: dict[str, Any] = {
            ":one": 1,
            ":minute": minute,
            ":now": int(now.timestamp()),
            ":iso": iso(now),
        }
        return self._table.update(keys.api_key(key_hash), expression, condition, values)

    def put(self, key: ApiKeyRecord, audit: AuditEntry | None = None) -> None:
        at, listed = keys.api_key(key.hash), keys.api_key_entry(key.tenant, key.id)
        rights = {"id": key.id, "owner": key.owner, "scopes": key.scopes}
        expires = int(key.expires_at.timestamp()) if key.expires_at else None
        metered = {
            "pk": at.pk,
            "sk": at.sk,
            **rights,
            "org": key.tenant.org_id,
            "env": key.tenant.environment,
            "per_minute": key.limit_per_minute,
            "expires": expires,
            "role": key.role,
        }
        entry = {
            "pk": listed.pk,
            "sk": listed.sk,
            **rights,
            "hash": key.hash,
            "prefix": key.prefix,
            "name": key.name,
            "created": iso(key.created_at),
            "expires": expires,
            "per_minute": key.limit_per_minute,
            "fingerprint": key.fingerprint,
            "gsi1pk": keys.keys_index(key.tenant),
            "gsi1sk": f"{iso(key.created_at)}#{key.id}",
        }
        new = "attribute_not_exists(pk)"
        table = self._table
        puts = [table.put_op(without_nones(metered), new), table.put_op(without_nones(entry), new)]
        table.transact([*puts, *self._fences(key), *audit_ops(table, audit)])

    def _fences(self, key: ApiKeyRecord) -> list[Operation]:
        """No key is made in a deleted organization, nor for a member who is not, or not any more, what ``key.role``
        says: whoever changes that reads all their keys, and finds by the count on the member that one was added."""
        stands = self._table.check_op(keys.organization(key.tenant.org_id), "attribute_not_exists(deleted)", {})
        if key.role is None:
            return [stands]
        member = keys.member(key.tenant.org_id, key.owner)
        condition = "#role = :role AND (attribute_not_exists(active) OR active = :yes)"
        values = {":role": key.role, ":yes": True, ":none": 0, ":one": 1}
        made = "SET keys_made = if_not_exists(keys_made, :none) + :one"
        return [stands, self._table.update_op(member, made, condition, values, {"#role": "role"})]

    def revoke(self, key: ApiKeyRecord, at: datetime, audit: AuditEntry) -> bool:
        if key.revoked_at is not None:
            return False
        table, ops = self._table, revoke_ops(self._table, key, at)
        for _ in range(_MAX_TRIES):  # the metered item may be in use at this very moment
            try:
                table.transact([*ops, *audit_ops(table, audit)])
            except StoreConflict:
                entry = table.get(keys.api_key_entry(key.tenant, key.id))
                if entry is not None and "revoked" in entry:
                    return bool(entry["revoked"] == iso(at))  # ours, whose answer was lost, or another's
                continue
            return True
        raise StoreConflict("The key was too busy to be revoked. Try again")

    def find(self, tenant: Tenant, key_id: str) -> ApiKeyRecord | None:
        item = self._table.get(keys.api_key_entry(tenant, key_id))
        return None if item is None else self._with_use([_record_of(tenant, item)])[0]

    def page(self, tenant: Tenant, part: Position) -> Page[ApiKeyRecord]:
        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest(keys.INDEX, keys.keys_index(tenant), FIRST, before, size)

        items, after = page_of(fetch, part, "gsi1sk", LAST, everything)
        return Page(self._with_use([_record_of(tenant, item) for item in items]), after)

    def of(self, tenant: Tenant) -> Sequence[ApiKeyRecord]:
        found = [_record_of(tenant, item) for item in self._table.query(*keys.api_key_entry(tenant, ""))]
        return sorted(found, key=lambda record: (record.created_at, record.id))

    def _with_use(self, records: list[ApiKeyRecord]) -> list[ApiKeyRecord]:
        """When each was used last: that stands with what is metered."""
        metered = self._table.batch_get([keys.api_key(record.hash) for record in records]) if records else []
        used = {item["id"]: parse_iso(item["last_used"]) for item in metered if "last_used" in item}
        return [replace(record, last_used_at=used.get(record.id)) for record in records]


def revoke_ops(table: Table, key: ApiKeyRecord, at: datetime) -> list[Operation]:
    """What refuses a key from now on; fails where it was revoked meanwhile."""
    both = (keys.api_key(key.hash), keys.api_key_entry(key.tenant, key.id))
    return [table.update_op(each, "SET revoked = :at", _UNREVOKED, {":at": iso(at)}) for each in both]


def role_ops(table: Table, key: ApiKeyRecord, role: Role) -> list[Operation]:
    """What makes a key do no more than ``role`` allows."""
    names = {"#role": "role"}
    return [table.update_op(keys.api_key(key.hash), "SET #role = :role", _UNREVOKED, {":role": role}, names)]


def _record_of(tenant: Tenant, item: Item) -> ApiKeyRecord:
    expires = item.get("expires")
    return ApiKeyRecord(
        id=item["id"],
        tenant=tenant,
        hash=item["hash"],
        prefix=item["prefix"],
        name=item["name"],
        owner=item["owner"],
        scopes=frozenset(item["scopes"]),
        created_at=parse_iso(item["created"]),
        expires_at=None if expires is None else from_unix(expires),
        limit_per_minute=item["per_minute"],
        revoked_at=parse_iso(item["revoked"]) if "revoked" in item else None,
        fingerprint=item.get("fingerprint"),
    )


def _standing_minute(item: Item | None, now_unix: int, minute: int) -> int:
    """The minute that the key's counter stands at (-1: none yet); raises where no try can succeed."""
    if item is None or "revoked" in item or item.get("expires", now_unix + 1) <= now_unix:
        raise Unauthenticated
    stands_at = int(item.get("counted_minute", -1))
    if stands_at >= minute and item["used"] >= item["per_minute"]:
        raise RateLimited((stands_at + 1) * _MINUTE_S - now_unix, item["per_minute"])
    return stands_at


def _caller_of(item: Item) -> Caller:
    tenant = Tenant(item["org"], item["env"])
    return Caller(tenant, item["id"], item["owner"], frozenset(item["scopes"]), item.get("role"))
