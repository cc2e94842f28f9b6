"""Deliveries and public events on DynamoDB, both for 30 days."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.paging import LAST, page_of
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Item, Table, without_nones
from refundkit_core.adapters.dynamodb.webhook_endpoints import DynamoEndpointStore, health_of
from refundkit_core.application.records import Page, Position
from refundkit_core.application.webhook_ports import Desk, Letter, Posted, PublicEvent
from refundkit_core.domain.deliveries import KEPT_FOR, Attempt, Delivery, delivery_id
from refundkit_core.domain.ids import time_of, ulid
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_FIRST_DELIVERY: Final = "whd_"
_MAX_BATCH: Final = 100


class DynamoDeliveryStore:
    """``DeliveryStore`` on one table. A delivery that has to be tried stands in the sparse index under its time."""

    def __init__(self, table: Table, endpoints: DynamoEndpointStore) -> None:
        self._table = table
        self._endpoints = endpoints

    def desk(self, letters: Sequence[Letter]) -> Desk:
        wanted: dict[keys.Key, None] = {}
        for each in letters:
            known = delivery_id(each.endpoint_id, each.event_id)
            wanted[keys.webhook_endpoint(each.tenant, each.endpoint_id)] = None
            wanted[keys.webhook_gate(each.tenant, each.endpoint_id)] = None
            wanted[keys.delivery(each.tenant, each.endpoint_id, known)] = None
            wanted[keys.public_event(each.tenant, each.event_id)] = None
        places = list(wanted)
        items: dict[keys.Key, Item] = {}
        for start in range(0, len(places), _MAX_BATCH):
            found = self._table.batch_get_consistent(places[start : start + _MAX_BATCH])
            items |= {keys.Key(item["pk"], item["sk"]): item for item in found}
        return self._desk_of(letters, items)

    def _desk_of(self, letters: Sequence[Letter], items: dict[keys.Key, Item]) -> Desk:
        endpoints: dict[str, Posted] = {}
        deliveries: dict[str, Delivery] = {}
        events: dict[str, PublicEvent] = {}
        for each in letters:
            tenant, known = each.tenant, delivery_id(each.endpoint_id, each.event_id)
            endpoint = items.get(keys.webhook_endpoint(tenant, each.endpoint_id))
            if endpoint is not None and each.endpoint_id not in endpoints:
                health = health_of(items.get(keys.webhook_gate(tenant, each.endpoint_id)))
                endpoints[each.endpoint_id] = Posted(self._endpoints.endpoint_of(tenant, endpoint), health)
            if (item := items.get(keys.delivery(tenant, each.endpoint_id, known))) is not None:
                deliveries[known] = delivery_of(tenant, each.endpoint_id, item)
            if (item := items.get(keys.public_event(tenant, each.event_id))) is not None:
                events[each.event_id] = _event_of(item)
        return Desk(endpoints, deliveries, events)

    def put(self, before: Delivery | None, after: Delivery) -> None:
        if before is None:
            self._table.put(delivery_item(after), _NEW)
        else:
            self._table.put(delivery_item(after), "version = :before", {":before": before.version})

    def find(self, tenant: Tenant, endpoint_id: str, delivery_id: str) -> Delivery | None:
        item = self._table.get(keys.delivery(tenant, endpoint_id, delivery_id))
        return None if item is None else delivery_of(tenant, endpoint_id, item)

    def page(
        self, tenant: Tenant, endpoint_id: str, shown: Callable[[Delivery], bool], part: Position
    ) -> Page[Delivery]:
        pk = keys.delivery(tenant, endpoint_id, "").pk

        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest_of(pk, _FIRST_DELIVERY, before, size)

        def matches(item: Item) -> bool:
            return shown(delivery_of(tenant, endpoint_id, item))

        items, after = page_of(fetch, part, "sk", LAST, matches)
        return Page([delivery_of(tenant, endpoint_id, item) for item in items], after)

    def since(self, tenant: Tenant, endpoint_id: str, after: str, limit: int) -> tuple[Sequence[Delivery], bool]:
        items, more = self._table.oldest(keys.delivery(tenant, endpoint_id, "").pk, after, limit)
        return [delivery_of(tenant, endpoint_id, item) for item in items], more

    def once(self, tenant: Tenant, endpoint_id: str, name: str, value: str, now: datetime) -> str:
        key = keys.webhook_once(tenant, endpoint_id, hashlib.sha256(name.encode()).hexdigest())
        item = {"pk": key.pk, "sk": key.sk, "value": value, "ttl": int((now + KEPT_FOR).timestamp())}
        try:
            self._table.put(item, _NEW)
        except ConditionFailed as failed:
            return value if failed.item is None else str(failed.item["value"])
        return value

    def overdue(self, until: datetime, limit: int) -> Sequence[Delivery]:
        found: list[Item] = []
        for shard in range(keys.OPEN_SHARDS):
            found += self._table.open_page(keys.SPARSE_INDEX, keys.due_shard(shard), f"{iso(until)}~", limit)
        found.sort(key=lambda item: str(item["gsi2sk"]))
        places = [keys.Key(item["pk"], item["sk"]) for item in found[:limit]]
        items: list[Item] = []
        for start in range(0, len(places), _MAX_BATCH):
            items += self._table.batch_get_consistent(places[start : start + _MAX_BATCH])
        due = [delivery_of(*keys.tenant_and_endpoint(item["pk"]), item) for item in items if "gsi2pk" in item]
        return sorted(due, key=lambda delivery: (delivery.next_attempt_at or delivery.created_at, delivery.id))

    def put_off(self, delivery: Delivery, look: datetime) -> None:
        key = keys.delivery(delivery.tenant, delivery.endpoint_id, delivery.id)
        values = {":look": _look(key, look), ":same": delivery.version}
        with suppress(ConditionFailed):  # something happened to it: whoever did it knows its next time
            self._table.update(key, "SET gsi2sk = :look", "version = :same AND attribute_exists(gsi2pk)", values)


class DynamoEventArchive:
    """``EventArchive`` on one table: a tenant's events in one partition, by their ids, which begin with their times."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, tenant: Tenant, event: PublicEvent) -> None:
        key = keys.public_event(tenant, event.id)
        self._table.put(
            {
                "pk": key.pk,
                "sk": key.sk,
                "type": event.type,
                "api_version": event.api_version,
                "payload": json.dumps(event.payload, separators=(",", ":")),
                "ttl": int((event.created_at + KEPT_FOR).timestamp()),
            }
        )

    def find(self, tenant: Tenant, event_id: str) -> PublicEvent | None:
        item = self._table.get(keys.public_event(tenant, event_id))
        return None if item is None else _event_of(item)

    def page(
        self, tenant: Tenant, since: datetime, shown: Callable[[PublicEvent], bool], part: Position
    ) -> Page[PublicEvent]:
        pk, first = keys.public_event(tenant, ulid("evt", since, bytes(10)))

        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest_of(pk, first, before, size)

        items, after = page_of(fetch, part, "sk", LAST, lambda item: shown(_event_of(item)))
        return Page([_event_of(item) for item in items], after)

    def since(self, tenant: Tenant, after: str, limit: int) -> tuple[Sequence[PublicEvent], bool]:
        items, more = self._table.oldest(keys.public_event(tenant, "").pk, after, limit)
        return [_event_of(item) for item in items], more


def delivery_item(delivery: Delivery) -> dict[str, Any]:
    """A delivery as stored."""
    key = keys.delivery(delivery.tenant, delivery.endpoint_id, delivery.id)
    due = delivery.next_attempt_at
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi2pk": None if due is None else keys.due_index(delivery.id),
            "gsi2sk": None if due is None else _look(key, due),
            "event": delivery.event_id,
            "type": delivery.event_type,
            "state": delivery.status,
            "tries": delivery.tries,
            "attempts": [_attempt_value(attempt) for attempt in delivery.attempts],
            "due": None if due is None else iso(due),
            "because": delivery.failed_because,
            "sample": None if delivery.sample is None else json.dumps(delivery.sample),
            "version": delivery.version,
            "ttl": int((delivery.created_at + KEPT_FOR).timestamp()),
        }
    )


def delivery_of(tenant: Tenant, endpoint_id: str, item: Item) -> Delivery:
    """The delivery that ``item`` keeps."""
    due, sample = item.get("due"), item.get("sample")
    return Delivery(
        id=item["sk"],
        tenant=tenant,
        endpoint_id=endpoint_id,
        event_id=item["event"],
        event_type=item["type"],
        created_at=time_of(item["event"]),
        status=item["state"],
        tries=item["tries"],
        attempts=tuple(_attempt_of(value) for value in item["attempts"]),
        next_attempt_at=None if due is None else parse_iso(due),
        failed_because=item.get("because"),
        sample=None if sample is None else json.loads(sample),
        version=item["version"],
    )


def _look(key: keys.Key, at: datetime) -> str:
    return f"{iso(at)}#{key.pk}#{key.sk}"


def _attempt_value(attempt: Attempt) -> list[Any]:
    return [iso(attempt.at), attempt.status, attempt.latency_ms, attempt.error, attempt.body]


def _attempt_of(value: Sequence[Any]) -> Attempt:
    at, status, latency_ms, error, body = value
    return Attempt(parse_iso(at), status, latency_ms, error, body)


def _event_of(item: Item) -> PublicEvent:
    return PublicEvent(item["sk"], item["type"], time_of(item["sk"]), item["api_version"], json.loads(item["payload"]))
