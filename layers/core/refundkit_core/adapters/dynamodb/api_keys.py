"""API keys on DynamoDB: one conditional update authenticates, meters and notes the use."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table, without_nones
from refundkit_core.application.ports import ApiKeyRecord
from refundkit_core.domain.errors import RateLimited, StoreConflict, Unauthenticated
from refundkit_core.domain.tenancy import Caller, Tenant
from refundkit_core.domain.times import iso

_MINUTE_S: Final = 60
_MAX_TRIES: Final = 4
_MAX_REMEMBERED: Final = 10_000

_VALID: Final = (
    "attribute_exists(pk) AND attribute_not_exists(revoked) AND (attribute_not_exists(expires) OR expires > :now)"
)
_COUNT: Final = "SET used = used + :one, last_used = :iso"
_COUNT_IF: Final = f"{_VALID} AND counted_minute = :minute AND used < per_minute"
_START: Final = "SET counted_minute = :minute, used = :one, last_used = :iso"
_START_IF: Final = f"{_VALID} AND (attribute_not_exists(counted_minute) OR counted_minute < :minute)"


class DynamoApiKeyStore:
    """``ApiKeyStore`` on one table.

    A minute's first request starts its counter, later ones count up: two different writes. Each worker remembers
    which minute it saw of a key, and so nearly always sends the right one first.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._minute_seen: dict[str, int] = {}

    def admit(self, key_hash: str, now: datetime) -> Caller:
        now_unix = int(now.timestamp())
        minute = now_unix // _MINUTE_S
        counting = self._minute_seen.get(key_hash) == minute
        for _ in range(_MAX_TRIES):
            try:
                item = self._write(key_hash, now, minute, counting)
            except ConditionFailed as failed:
                counting = _counts_now(failed.item, now_unix, minute)
                continue
            if len(self._minute_seen) >= _MAX_REMEMBERED:
                self._minute_seen.clear()
            self._minute_seen[key_hash] = minute
            return _caller_of(item)
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

    def put(self, key: ApiKeyRecord) -> None:
        at = keys.api_key(key.hash)
        item = {
            "pk": at.pk,
            "sk": at.sk,
            "gsi1pk": keys.api_keys_index(key.tenant),
            "gsi1sk": f"{iso(key.created_at)}#{key.id}",
            "id": key.id,
            "org": key.tenant.org_id,
            "env": key.tenant.environment,
            "prefix": key.prefix,
            "name": key.name,
            "owner": key.owner,
            "scopes": key.scopes,
            "per_minute": key.limit_per_minute,
            "expires": int(key.expires_at.timestamp()) if key.expires_at else None,
        }
        self._table.put(without_nones(item), "attribute_not_exists(pk)")


def _counts_now(item: Item | None, now_unix: int, minute: int) -> bool:
    """Whether the next try must count up instead of starting the minute; raises where no try can succeed."""
    if item is None or "revoked" in item or item.get("expires", now_unix + 1) <= now_unix:
        raise Unauthenticated
    stands_at = item.get("counted_minute", -1)
    if stands_at < minute:
        return False
    if item["used"] >= item["per_minute"]:
        raise RateLimited(max(1, (stands_at + 1) * _MINUTE_S - now_unix), item["per_minute"])
    return True


def _caller_of(item: Item) -> Caller:
    return Caller(Tenant(item["org"], item["env"]), item["id"], item["owner"], frozenset(item["scopes"]))
