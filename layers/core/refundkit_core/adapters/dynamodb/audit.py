"""The audit trail on DynamoDB: items that are put once; afterwards only their chain marks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table, without_nones
from refundkit_core.application.audit import AuditEntry, Whose, channel_of
from refundkit_core.domain.times import iso, parse_iso

_NEW = "attribute_not_exists(pk)"


def audit_ops(table: Table, entry: AuditEntry | None) -> list[Operation]:
    """What a transaction needs besides its change: the entry, where there is one."""
    return [] if entry is None else [table.put_op(entry_item(entry), _NEW)]


class DynamoAuditTrail:
    """``AuditTrail`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, entry: AuditEntry) -> None:
        self._table.put(entry_item(entry), _NEW)

    def of(self, whose: Whose) -> Sequence[AuditEntry]:
        items = self._table.query(keys.audit(whose), "2")  # every sort key begins with a year
        return [entry_of(whose, item) for item in items]


def entry_of(whose: Whose, item: Item) -> AuditEntry:
    """The entry that ``item`` keeps. Raises KeyError or ValueError for an item that is none."""
    return AuditEntry(
        item["id"],
        whose,
        item["actor"],
        item["command"],
        item["target"],
        item.get("because"),
        parse_iso(item["at"]),
        item.get("channel") or channel_of(item["actor"]),
        item.get("details", {}),
    )


def entry_item(entry: AuditEntry) -> dict[str, Any]:
    """An entry as stored."""
    at = iso(entry.at)
    key = keys.audit_entry(entry.whose, at, entry.id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "id": entry.id,
            "actor": entry.actor,
            "command": entry.command,
            "target": entry.target,
            "because": entry.because,
            "at": at,
            "channel": entry.channel,
            "details": {name: value for name, value in entry.details.items() if value is not None} or None,
        }
    )
