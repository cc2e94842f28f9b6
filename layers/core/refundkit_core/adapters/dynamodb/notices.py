"""What was told to whom, and people's codes, on DynamoDB: small items beside what they are about, forgotten by TTL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table
from refundkit_core.domain.approval_codes import Code
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.times import iso, parse_iso

if TYPE_CHECKING:
    from refundkit_core.adapters.dynamodb.keys import Key
    from refundkit_core.application.notify_ports import Holder, Subject

LEASE: Final = timedelta(seconds=60)
"""How long a worker has for one delivery; queues give a message back later than that."""

MARKED_FOR: Final = timedelta(days=30)
"""Longer than any queue keeps a message."""

_KEPT: Final = timedelta(days=2)
_NEW: Final = "attribute_not_exists(pk)"
_FREE: Final = "attribute_not_exists(pk) OR (attribute_not_exists(told_at) AND leased_until <= :at)"


class DynamoMarkers:
    """``Markers`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, subject: Subject, name: str, now: datetime) -> bool:
        at = keys.told(subject.tenant, subject.id, name)
        item = {"pk": at.pk, "sk": at.sk, "leased_until": iso(now + LEASE), "ttl": _ttl(now, MARKED_FOR)}
        try:
            self._table.put(item, _FREE, {":at": iso(now)})
        except ConditionFailed as exc:
            if exc.item is not None and "told_at" in exc.item:
                return False
            raise StoreConflict("Another worker is telling them") from exc
        return True

    def done(self, subject: Subject, name: str, now: datetime) -> None:
        key = keys.told(subject.tenant, subject.id, name)
        self._table.update(key, "SET told_at = :at", "attribute_exists(pk)", {":at": iso(now)})


class DynamoCodes:
    """``Codes`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, holder: Holder) -> Code | None:
        item = self._table.get(_key(holder))
        return None if item is None else _code_of(item)

    def put(self, holder: Holder, code: Code) -> None:
        before = code.version - 1
        condition, values = ("version = :before", {":before": before}) if before else (_NEW, None)
        self._table.put(_item(_key(holder), code), condition, values)

    def spend(self, holder: Holder) -> Code | None:
        expression = "SET tries_left = tries_left - :one, version = version + :one"
        values = {":one": 1, ":none": 0}
        try:
            return _code_of(self._table.update(_key(holder), expression, "tries_left > :none", values))
        except ConditionFailed:
            return None


def _key(holder: Holder) -> Key:
    subject = holder.subject
    return keys.sign_in_code(holder.who) if subject is None else keys.code(subject.tenant, subject.id, holder.who)


def _code_of(item: Item) -> Code:
    return Code(
        about=item["about"],
        nonce=item["nonce"],
        expires_at=parse_iso(item["expires"]),
        tries_left=item["tries_left"],
        renewals=tuple(parse_iso(at) for at in item["renewals"]),
        version=item["version"],
    )


def _item(key: Key, code: Code) -> dict[str, Any]:
    return {
        "pk": key.pk,
        "sk": key.sk,
        "about": code.about,
        "nonce": code.nonce,
        "expires": iso(code.expires_at),
        "tries_left": code.tries_left,
        "renewals": [iso(at) for at in code.renewals],
        "version": code.version,
        "ttl": _ttl(code.expires_at, _KEPT),
    }


def _ttl(since: datetime, kept: timedelta) -> int:
    return int((since + kept).timestamp())
