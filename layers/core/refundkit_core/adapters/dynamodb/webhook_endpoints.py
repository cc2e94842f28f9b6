"""Webhook endpoints on DynamoDB, secrets and own headers under KMS; and the gate before each of them.

All endpoints of a tenant stand in one partition, so that one query finds who takes an event.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.audit import audit_ops
from refundkit_core.adapters.dynamodb.refund_items import event_item
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Operation, Table, without_nones
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.webhook_ports import Pass, Posted, Subscription
from refundkit_core.domain.deliveries import KEPT_FOR
from refundkit_core.domain.errors import StoreConflict, TooManyEndpoints
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso
from refundkit_core.domain.webhooks import HELD_FOR, MOST_WORKERS, Endpoint, Health, Secret

MOST_ENDPOINTS: Final = 20

_NEW: Final = "attribute_not_exists(pk)"
_MAX_OPENED: Final = 1_000
_CHANGING: Final = (
    "url", "patterns", "state", "because", "description", "metadata", "rate", "updated", "version",
)  # fmt: skip
_LAST_GATE: Final = "GATE#~"

_Opened = tuple[tuple[Secret, ...], Mapping[str, str]]


class DynamoEndpointStore:
    """``EndpointStore`` on one table. What KMS opened of an item is kept by the endpoint's version."""

    def __init__(self, table: Table, box: SecretBox) -> None:
        self._table = table
        self._box = box
        self._opened: dict[tuple[str, int], _Opened] = {}

    def find(self, tenant: Tenant, endpoint_id: str) -> Posted | None:
        item = self._table.get(keys.webhook_endpoint(tenant, endpoint_id))
        if item is None:
            return None
        gate = self._table.get(keys.webhook_gate(tenant, endpoint_id))
        return Posted(self.endpoint_of(tenant, item), health_of(gate))

    def outline(self, tenant: Tenant, endpoint_id: str) -> Endpoint | None:
        item = self._table.get(keys.webhook_endpoint(tenant, endpoint_id)) or {}
        plain = {name: value for name, value in item.items() if name != "sealed"}
        return self.endpoint_of(tenant, plain) if plain else None

    def all(self, tenant: Tenant) -> Sequence[Posted]:
        found = [(self.endpoint_of(tenant, item), gate) for item, gate in self._pairs(tenant)]
        return [
            Posted(endpoint, health_of(gate))
            for endpoint, gate in sorted(found, key=lambda each: (each[0].created_at, each[0].id))
        ]

    def subscriptions(self, tenant: Tenant) -> Sequence[Subscription]:
        return [
            Subscription(item["id"], tuple(item["patterns"]), health_of(gate))
            for item, gate in self._pairs(tenant)
            if item["state"] == "enabled"
        ]

    def _pairs(self, tenant: Tenant) -> list[tuple[Item, Item | None]]:
        pk = keys.webhook_endpoint(tenant, "").pk
        items = {item["sk"]: item for item in self._table.query_between(pk, "ENDPOINT#", _LAST_GATE)}
        return [
            (item, items.get(keys.webhook_gate(tenant, item["id"]).sk))
            for sk, item in items.items()
            if sk.startswith("ENDPOINT#") and item["state"] != "deleted"
        ]

    def add(self, endpoint: Endpoint, audit: AuditEntry) -> None:
        count = keys.webhook_count(endpoint.tenant)
        if len(self._pairs(endpoint.tenant)) >= MOST_ENDPOINTS:
            raise TooManyEndpoints(f"No more than {MOST_ENDPOINTS} webhook endpoints: delete one first")
        table = self._table
        table.transact(
            [
                table.check_op(keys.organization(endpoint.tenant.org_id), "attribute_not_exists(deleted)", {}),
                table.put_op(self._sealed(endpoint), _NEW),
                table.update_op(
                    count,
                    "SET made = if_not_exists(made, :none) + :one",
                    "attribute_not_exists(made) OR made < :most",
                    {":none": 0, ":one": 1, ":most": MOST_ENDPOINTS},
                ),
                *audit_ops(table, audit),
            ]
        )

    def change(self, before: Endpoint, after: Endpoint, audit: AuditEntry, event: Event | None = None) -> None:
        table = self._table
        operations = [self._replacing(before, after)]
        if event is not None:
            operations.append(table.put_op(event_item(event), _NEW))
        table.transact([*operations, *self._beside(before, after), *audit_ops(table, audit)])

    def _replacing(self, before: Endpoint, after: Endpoint) -> Operation:
        """The endpoint's item; what is sealed stays as it is where nothing of it changed."""
        table, stands = self._table, {":before": before.version}
        if after.status == "deleted" or (before.secrets, before.headers) != (after.secrets, after.headers):
            return table.put_op(self._sealed(after), "version = :before", stands)
        item = _plain(after)
        kept = [name for name in _CHANGING if name in item]
        gone = [name for name in _CHANGING if name not in item]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in kept)
        expression += (" REMOVE " + ", ".join(f"#{name}" for name in gone)) if gone else ""
        names = {f"#{name}": name for name in _CHANGING}
        values = {**stands, **{f":{name}": item[name] for name in kept}}
        return table.update_op(
            keys.webhook_endpoint(after.tenant, after.id), expression, "version = :before", values, names
        )

    def _beside(self, before: Endpoint, after: Endpoint) -> list[Operation]:
        """What a change of status changes elsewhere."""
        table, gate = self._table, keys.webhook_gate(after.tenant, after.id)
        if after.status == before.status:
            return []
        if after.status == "deleted":
            gone = int((after.updated_at + KEPT_FOR).timestamp())
            fewer = table.update_op(
                keys.webhook_count(after.tenant), "SET made = made - :one", "made > :none", {":one": 1, ":none": 0}
            )
            return [fewer, table.add_op(gate, "SET #ttl = :gone", {":gone": gone}, {"#ttl": "ttl"})]
        return [table.add_op(gate, "REMOVE failing_since, slow_until", {})] if after.is_enabled else []

    def _sealed(self, endpoint: Endpoint) -> dict[str, Any]:
        """The item, with secrets and headers sealed; a deleted endpoint's are forgotten, and the item soon is."""
        if endpoint.status == "deleted":
            return {**_plain(endpoint), "ttl": int((endpoint.updated_at + KEPT_FOR).timestamp())}
        return {**_plain(endpoint), "sealed": self._box.seal(_packed(endpoint), _context(endpoint.tenant))}

    def endpoint_of(self, tenant: Tenant, item: Item) -> Endpoint:
        """The endpoint that ``item`` keeps."""
        secrets, headers = self._open(tenant, item) if "sealed" in item else ((), {})
        return Endpoint(
            id=item["id"],
            tenant=tenant,
            url=item["url"],
            patterns=tuple(item["patterns"]),
            api_version=item["api_version"],
            secrets=secrets,
            created_at=parse_iso(item["created"]),
            updated_at=parse_iso(item["updated"]),
            version=item["version"],
            status=item["state"],
            disabled_because=item.get("because"),
            description=item.get("description"),
            metadata=item.get("metadata", {}),
            headers=headers,
            rate_limit=item.get("rate"),
            fingerprint=item.get("fingerprint"),
        )

    def _open(self, tenant: Tenant, item: Item) -> _Opened:
        name = item["id"], item["version"]
        if name not in self._opened:
            if len(self._opened) >= _MAX_OPENED:
                self._opened.clear()
            self._opened[name] = _unpacked(self._box.open(item["sealed"], _context(tenant)))
        return self._opened[name]


class DynamoGates:
    """``Gates`` on one table: one item an endpoint, with its slots, its next free turn and its health."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def enter(self, endpoint: Endpoint, newcomers: int, now: datetime, most: int = MOST_WORKERS) -> Pass | None:
        key = keys.webhook_gate(endpoint.tenant, endpoint.id)
        item = self._table.get(key) if endpoint.rate_limit and newcomers else {}
        for _ in range(most + 1):
            slot = _free_slot(item or {}, now, most)
            if slot is None:
                return None
            try:
                return self._taken(endpoint, slot, newcomers, item or {}, now)
            except ConditionFailed as failed:
                item = failed.item
        return None

    def _taken(self, endpoint: Endpoint, slot: int, newcomers: int, item: Item, now: datetime) -> Pass:
        until = now + HELD_FOR
        turns = [now] * newcomers
        expression, condition = f"SET s{slot} = :until", f"(attribute_not_exists(s{slot}) OR s{slot} <= :now)"
        values: dict[str, Any] = {":until": _ms(until), ":now": _ms(now)}
        if endpoint.rate_limit and newcomers:
            begins = max(_ms(now), item.get("free_at", 0))
            step = 1_000 / endpoint.rate_limit
            turns = [now + timedelta(milliseconds=begins - _ms(now) + step * number) for number in range(newcomers)]
            expression += ", free_at = :free"
            values[":free"] = begins + math.ceil(step * newcomers)  # rounded down, many calls would beat the rate
            if "free_at" in item:
                condition += " AND free_at = :seen"
                values[":seen"] = item["free_at"]
            else:
                condition += " AND attribute_not_exists(free_at)"
        self._table.update(keys.webhook_gate(endpoint.tenant, endpoint.id), expression, condition, values)
        return Pass(endpoint.tenant, endpoint.id, slot, until, turns)

    def leave(self, taken: Pass, before: Health, after: Health) -> None:
        removed, kept = [f"s{taken.slot}"], []
        values: dict[str, Any] = {":until": _ms(taken.until)}
        if after.failing_since is None and before.failing_since is not None:
            removed.append("failing_since")
        elif after.failing_since is not None and before.failing_since is None:
            kept.append("failing_since = if_not_exists(failing_since, :failing)")
            values[":failing"] = iso(after.failing_since)
        if after.slow_until is not None and after.slow_until != before.slow_until:
            kept.append("slow_until = :slow")
            values[":slow"] = iso(after.slow_until)
        expression = f"REMOVE {', '.join(removed)}" + (f" SET {', '.join(kept)}" if kept else "")
        with suppress(StoreConflict):  # the slot was lost, or no answer came: it is free again by itself
            self._table.update(
                keys.webhook_gate(taken.tenant, taken.endpoint_id), expression, f"s{taken.slot} = :until", values
            )


def health_of(gate: Item | None) -> Health:
    """How the endpoint of a gate has been doing."""
    item = gate or {}
    failing, slow = item.get("failing_since"), item.get("slow_until")
    held = [
        datetime.fromtimestamp(int(item[f"s{slot}"]) / 1_000, UTC) for slot in range(MOST_WORKERS) if f"s{slot}" in item
    ]
    waited_for = tuple(until - HELD_FOR for until in held)
    return Health(parse_iso(failing) if failing else None, parse_iso(slow) if slow else None, waited_for)


def _free_slot(item: Item, now: datetime, most: int) -> int | None:
    return next((slot for slot in range(most) if item.get(f"s{slot}", 0) <= _ms(now)), None)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1_000)


def _plain(endpoint: Endpoint) -> dict[str, Any]:
    """All of an endpoint but what is secret."""
    key = keys.webhook_endpoint(endpoint.tenant, endpoint.id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "id": endpoint.id,
            "url": endpoint.url,
            "patterns": list(endpoint.patterns),
            "api_version": endpoint.api_version,
            "state": endpoint.status,
            "because": endpoint.disabled_because,
            "description": endpoint.description,
            "metadata": dict(endpoint.metadata) or None,
            "rate": endpoint.rate_limit,
            "fingerprint": endpoint.fingerprint,
            "created": iso(endpoint.created_at),
            "updated": iso(endpoint.updated_at),
            "version": endpoint.version,
        }
    )


def _packed(endpoint: Endpoint) -> bytes:
    """The secrets in the first line, a header in each that follows: JSON would double quotes, and KMS takes 4 KB."""
    secrets = [[each.text, None if each.until is None else iso(each.until)] for each in endpoint.secrets]
    headers = [f"{name}:{value}" for name, value in endpoint.headers.items()]
    return "\n".join([json.dumps(secrets, separators=(",", ":")), *headers]).encode()


def _unpacked(packed: bytes) -> _Opened:
    first, *lines = packed.decode().split("\n")
    secrets = tuple(Secret(text, None if until is None else parse_iso(until)) for text, until in json.loads(first))
    return secrets, {name: value for name, _, value in (line.partition(":") for line in lines)}


def _context(tenant: Tenant) -> dict[str, str]:
    return {"organization": tenant.org_id, "environment": tenant.environment, "integration": "webhooks"}
