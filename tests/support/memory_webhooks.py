"""Webhooks in memory: endpoints, gates, deliveries, events, queues, and receivers that answer as they are told."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.records import Page, Position
from refundkit_core.application.webhook_ports import (
    Desk,
    Lane,
    Letter,
    Pass,
    Posted,
    PublicEvent,
    Recovery,
    Subscription,
)
from refundkit_core.application.webhook_sender import Response
from refundkit_core.domain.deliveries import Delivery, delivery_id
from refundkit_core.domain.errors import RefusedAddress, StoreConflict, TooManyEndpoints
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.webhooks import HELD_FOR, MOST_WORKERS, Endpoint, Health

MOST_ENDPOINTS = 20


@dataclass
class MemoryGates:
    """``Gates``: slots, turns and health, by endpoint id."""

    slots: dict[str, dict[int, datetime]] = field(default_factory=lambda: defaultdict(dict))
    free_at: dict[str, datetime] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=lambda: defaultdict(Health))

    def shown(self, endpoint_id: str) -> Health:
        """How the endpoint is doing, and who waits for it."""
        waited_for = tuple(until - HELD_FOR for until in self.slots[endpoint_id].values())
        return replace(self.health[endpoint_id], waited_for=waited_for)

    def enter(self, endpoint: Endpoint, newcomers: int, now: datetime, most: int = MOST_WORKERS) -> Pass | None:
        taken = self.slots[endpoint.id]
        slot = next((number for number in range(most) if number not in taken or taken[number] <= now), None)
        if slot is None:
            return None
        taken[slot] = now + HELD_FOR
        turns = [now] * newcomers
        if endpoint.rate_limit and newcomers:
            begins = max(now, self.free_at.get(endpoint.id, now))
            step = timedelta(seconds=1) / endpoint.rate_limit
            turns = [begins + step * number for number in range(newcomers)]
            self.free_at[endpoint.id] = begins + step * newcomers
        return Pass(endpoint.tenant, endpoint.id, slot, taken[slot], turns)

    def leave(self, taken: Pass, before: Health, after: Health) -> None:
        slots = self.slots[taken.endpoint_id]
        if slots.get(taken.slot) != taken.until:
            return
        del slots[taken.slot]
        stands = self.health[taken.endpoint_id]
        if after.failing_since is None and before.failing_since is not None:
            stands = replace(stands, failing_since=None)
        elif after.failing_since is not None and before.failing_since is None:
            stands = replace(stands, failing_since=stands.failing_since or after.failing_since)
        if after.slow_until is not None and after.slow_until != before.slow_until:
            stands = replace(stands, slow_until=after.slow_until)
        self.health[taken.endpoint_id] = stands


class MemoryEndpointStore:
    """``EndpointStore``; what was changed can be read from ``audit`` and ``events``."""

    def __init__(self, gates: MemoryGates) -> None:
        self._gates = gates
        self.endpoints: dict[tuple[Tenant, str], Endpoint] = {}
        self.audit: list[AuditEntry] = []
        self.events: list[Event] = []

    def find(self, tenant: Tenant, endpoint_id: str) -> Posted | None:
        found = self.endpoints.get((tenant, endpoint_id))
        return None if found is None else Posted(found, self._gates.shown(endpoint_id))

    def outline(self, tenant: Tenant, endpoint_id: str) -> Endpoint | None:
        found = self.endpoints.get((tenant, endpoint_id))
        return None if found is None else replace(found, secrets=(), headers={})

    def all(self, tenant: Tenant) -> Sequence[Posted]:
        found = [each for (whose, _), each in self.endpoints.items() if whose == tenant and each.status != "deleted"]
        found.sort(key=lambda each: (each.created_at, each.id))
        return [Posted(each, self._gates.shown(each.id)) for each in found]

    def subscriptions(self, tenant: Tenant) -> Sequence[Subscription]:
        return [
            Subscription(each.endpoint.id, each.endpoint.patterns, each.health)
            for each in self.all(tenant)
            if each.endpoint.is_enabled
        ]

    def add(self, endpoint: Endpoint, audit: AuditEntry) -> None:
        if len(self.all(endpoint.tenant)) >= MOST_ENDPOINTS:
            raise TooManyEndpoints("No more than 20 webhook endpoints: delete one first")
        if (endpoint.tenant, endpoint.id) in self.endpoints:
            raise StoreConflict("It exists")
        self.endpoints[endpoint.tenant, endpoint.id] = endpoint
        self.audit.append(audit)

    def change(self, before: Endpoint, after: Endpoint, audit: AuditEntry, event: Event | None = None) -> None:
        stands = self.endpoints.get((before.tenant, before.id))
        if stands is None or stands.version != before.version:
            raise StoreConflict("Another version stands there")
        self.endpoints[after.tenant, after.id] = after
        if after.is_enabled and not before.is_enabled:
            self._gates.health[after.id] = Health()
        self.audit.append(audit)
        self.events += [event] if event else []


class MemoryEventArchive:
    """``EventArchive``."""

    def __init__(self) -> None:
        self.events: dict[tuple[Tenant, str], PublicEvent] = {}

    def put(self, tenant: Tenant, event: PublicEvent) -> None:
        self.events[tenant, event.id] = event

    def find(self, tenant: Tenant, event_id: str) -> PublicEvent | None:
        return self.events.get((tenant, event_id))

    def page(
        self, tenant: Tenant, since: datetime, shown: Callable[[PublicEvent], bool], part: Position
    ) -> Page[PublicEvent]:
        found = [each for each in self._of(tenant) if each.created_at >= since and shown(each)]
        return _page(found[::-1], part)

    def since(self, tenant: Tenant, after: str, limit: int) -> tuple[Sequence[PublicEvent], bool]:
        found = [each for each in self._of(tenant) if each.id > after]
        return found[:limit], len(found) > limit

    def _of(self, tenant: Tenant) -> list[PublicEvent]:
        found = [each for (whose, _), each in self.events.items() if whose == tenant]
        return sorted(found, key=lambda each: each.id)


class MemoryDeliveryStore:
    """``DeliveryStore``."""

    def __init__(self, endpoints: MemoryEndpointStore, archive: MemoryEventArchive) -> None:
        self._endpoints = endpoints
        self._archive = archive
        self.deliveries: dict[tuple[Tenant, str, str], Delivery] = {}
        self.looks: dict[str, datetime] = {}
        self.said: dict[tuple[Tenant, str, str], str] = {}

    def desk(self, letters: Sequence[Letter]) -> Desk:
        endpoints, deliveries, events = {}, {}, {}
        for each in letters:
            known = delivery_id(each.endpoint_id, each.event_id)
            if posted := self._endpoints.find(each.tenant, each.endpoint_id):
                endpoints[each.endpoint_id] = posted
            if delivery := self.find(each.tenant, each.endpoint_id, known):
                deliveries[known] = delivery
            if event := self._archive.find(each.tenant, each.event_id):
                events[each.event_id] = event
        return Desk(endpoints, deliveries, events)

    def put(self, before: Delivery | None, after: Delivery) -> None:
        place = after.tenant, after.endpoint_id, after.id
        stands = self.deliveries.get(place)
        if (stands.version if stands else None) != (before.version if before else None):
            raise StoreConflict("Another version stands there")
        self.deliveries[place] = after
        self.looks.pop(after.id, None)

    def find(self, tenant: Tenant, endpoint_id: str, delivery_id: str) -> Delivery | None:
        return self.deliveries.get((tenant, endpoint_id, delivery_id))

    def page(
        self, tenant: Tenant, endpoint_id: str, shown: Callable[[Delivery], bool], part: Position
    ) -> Page[Delivery]:
        return _page([each for each in self._of(tenant, endpoint_id) if shown(each)][::-1], part)

    def since(self, tenant: Tenant, endpoint_id: str, after: str, limit: int) -> tuple[Sequence[Delivery], bool]:
        found = [each for each in self._of(tenant, endpoint_id) if each.id > after]
        return found[:limit], len(found) > limit

    def once(self, tenant: Tenant, endpoint_id: str, name: str, value: str, now: datetime) -> str:
        return self.said.setdefault((tenant, endpoint_id, name), value)

    def overdue(self, until: datetime, limit: int) -> Sequence[Delivery]:
        due = [(self.looks.get(each.id) or each.next_attempt_at, each) for each in self.deliveries.values()]
        found = [(at, each) for at, each in due if at is not None and each.next_attempt_at and at <= until]
        return [each for _, each in sorted(found, key=lambda one: (one[0], one[1].id))[:limit]]

    def put_off(self, delivery: Delivery, look: datetime) -> None:
        stands = self.find(delivery.tenant, delivery.endpoint_id, delivery.id)
        if stands is not None and stands.version == delivery.version and stands.next_attempt_at is not None:
            self.looks[delivery.id] = look

    def _of(self, tenant: Tenant, endpoint_id: str) -> list[Delivery]:
        found = [each for (*whose, _), each in self.deliveries.items() if whose == [tenant, endpoint_id]]
        return sorted(found, key=lambda each: each.id)


class FakeDeliveryQueue:
    """``DeliveryQueue``: what was put, by lane, and what for later."""

    def __init__(self) -> None:
        self.now: list[tuple[Lane, Letter]] = []
        self.later_on: list[tuple[datetime, Letter]] = []
        self.lane_of: dict[Letter, Lane] = {}

    def put(self, lane: Lane, letters: Sequence[Letter]) -> None:
        self.now += [(lane, letter) for letter in letters]

    def later(self, letter: Letter, at: datetime, now: datetime, lane: Lane = "patient") -> None:
        self.later_on.append((at, letter))
        self.lane_of[letter] = lane


class FakeRecoveryQueue:
    """``RecoveryQueue``."""

    def __init__(self) -> None:
        self.asked: list[Recovery] = []

    def ask(self, recovery: Recovery) -> None:
        self.asked.append(recovery)


@dataclass
class FakeSender:
    """``WebhookSender``: every URL answers what is next in its script, the last for ever; 200 where there is none."""

    scripts: dict[str, list[Response]] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    _lock: Any = field(default_factory=threading.Lock)

    def vet(self, url: str) -> None:
        if url in self.refused:
            raise RefusedAddress("private_address", "Nothing is sent there")

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        with self._lock:
            self.sent.append((url, headers, body))
            script = self.scripts.get(url, [])
            return script.pop(0) if len(script) > 1 else script[0] if script else Response(200, 20)


def _page(found: list[Any], part: Position) -> Page[Any]:
    begin = (
        part.offset
        if part.after is None
        else next((number for number, each in enumerate(found) if each.id < part.after), len(found))
    )
    shown = found[begin : begin + part.limit]
    return Page(shown, shown[-1].id if begin + part.limit < len(found) else None)
