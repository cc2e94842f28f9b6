"""Sessions on DynamoDB: one item each, forgotten by TTL."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table, without_nones
from refundkit_core.domain.sessions import Pass, Person, Session
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_GOES_ON: Final = "attribute_exists(pk) AND attribute_not_exists(ended)"


class DynamoSessions:
    """``Sessions`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, session: Session) -> None:
        self._table.put(_item(session), _NEW)

    def find(self, session_hash: str) -> Session | None:
        item = self._table.get(keys.session(session_hash))
        return None if item is None else _session_of(session_hash, item)

    def end(self, session_hash: str, at: datetime) -> None:
        with suppress(ConditionFailed):
            self._table.update(keys.session(session_hash), "SET ended = :at", _GOES_ON, {":at": iso(at)})


def _item(session: Session) -> dict[str, Any]:
    at, only = keys.session(session.hash), session.only
    return without_nones(
        {
            "pk": at.pk,
            "sk": at.sk,
            "people": [list(person) for person in session.people],
            "started": iso(session.started_at),
            "expires": iso(session.expires_at),
            "ended": iso(session.ended_at) if session.ended_at else None,
            "org": only.tenant.org_id if only else None,
            "env": only.tenant.environment if only else None,
            "approval": only.approval_id if only else None,
            "revision": only.revision if only else None,
            "ttl": int(session.expires_at.timestamp()),
        }
    )


def _session_of(session_hash: str, item: Item) -> Session:
    only = None
    if "approval" in item:
        only = Pass(Tenant(item["org"], item["env"]), item["approval"], item["revision"])
    return Session(
        hash=session_hash,
        people=tuple(Person(*person) for person in item["people"]),
        started_at=parse_iso(item["started"]),
        expires_at=parse_iso(item["expires"]),
        only=only,
        ended_at=parse_iso(item["ended"]) if "ended" in item else None,
    )
