"""A bench for webhooks: a tenant with endpoints, events, queues in memory, and receivers that do as they are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from refundkit_core.application.audit import By
from refundkit_core.application.deliver_webhooks import DeliverWebhooks, Tried
from refundkit_core.application.dispatch_event import DispatchEvents
from refundkit_core.application.manage_webhooks import ManageWebhooks, WantedEndpoint
from refundkit_core.application.overdue_deliveries import OverdueDeliveries
from refundkit_core.application.read_deliveries import ReadDeliveries, ReadEvents
from refundkit_core.application.webhook_ports import Lane, Letter, PublicEvent
from refundkit_core.application.webhook_sender import Response
from refundkit_core.domain.deliveries import Delivery, delivery_id
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.webhooks import Endpoint

from tests.support.builders import TENANT
from tests.support.clock import CountingIds, FixedClock
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_audit import MemoryTrail
from tests.support.memory_webhooks import (
    FakeDeliveryQueue,
    FakeRecoveryQueue,
    FakeSender,
    MemoryDeliveryStore,
    MemoryEndpointStore,
    MemoryEventArchive,
    MemoryGates,
)

URL = "https://shop.example/hooks"
BY = By("mem_00000000000000000000000001 (key_00000000000000000000000001)")


def public_event(number: int, at: datetime, kind: str = "refund.completed", **payload: Any) -> PublicEvent:
    """An event of a refund with this number."""
    subject = f"ref_{number:026d}"
    return PublicEvent(event_id(subject, 3, at), kind, at, "2026-11-01", {"refundId": subject, "amount": 1, **payload})


class WebhookBench:
    """All use cases of webhooks over stores in memory; ``chance`` is the jitter, 0 unless it is set."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.ids = CountingIds(self.clock)
        self.gates = MemoryGates()
        self.endpoints = MemoryEndpointStore(self.gates)
        self.archive = MemoryEventArchive()
        self.deliveries = MemoryDeliveryStore(self.endpoints, self.archive)
        self.queue = FakeDeliveryQueue()
        self.recoveries = FakeRecoveryQueue()
        self.sender = FakeSender()
        self.trail = MemoryTrail()
        self.chance = 0.0
        organizations = FakeOrganizations()
        self.manage = ManageWebhooks(
            self.endpoints,
            self.deliveries,
            self.queue,
            self.sender,
            organizations,
            lambda kind: {"sampleOf": kind},
            self.clock,
            self.ids,
        )
        self.dispatch = DispatchEvents(
            self.endpoints, self.archive, self.deliveries, self.queue, self.recoveries, self.clock
        )
        self.deliver = DeliverWebhooks(
            self.deliveries,
            self.endpoints,
            self.gates,
            self.queue,
            self.sender,
            lambda: self.chance,
            self.clock,
            self.ids,
        )
        self.read = ReadDeliveries(
            self.endpoints,
            self.deliveries,
            self.queue,
            self.recoveries,
            organizations,
            self.trail,
            self.clock,
            self.ids,
        )
        self.events = ReadEvents(self.archive, organizations, self.clock)
        self.overdue = OverdueDeliveries(self.deliveries, self.queue, self.clock)

    def endpoint(self, url: str = URL, *patterns: str, **more: Any) -> Endpoint:
        """A new endpoint, for everything unless ``patterns`` say otherwise."""
        return self.manage.create(TENANT, WantedEndpoint(url, patterns or ("*",), **more), None, BY).posted.endpoint

    def answers(self, *responses: Response | int, url: str = URL) -> None:
        """What the receiver answers, one after the other; the last one for ever."""
        self.sender.scripts[url] = [Response(each, 20) if isinstance(each, int) else each for each in responses]

    def put(self, *events: PublicEvent) -> None:
        """Events come from the bus."""
        self.dispatch(TENANT, events)

    def taken(self) -> list[tuple[Lane, Letter]]:
        """All that waits now."""
        waiting, self.queue.now = self.queue.now, []
        return waiting

    def work(self) -> list[Tried]:
        """Workers take all that waits now, one batch for each queue."""
        waiting, done = self.taken(), []
        for lane in ("prompt", "patient"):
            letters = [letter for of, letter in waiting if of == lane]
            done += list(self.deliver(lane, letters)) if letters else []
        return done

    def wait_for_next(self) -> datetime:
        """Let time pass until the earliest letter for later comes; when that was."""
        at = min(at for at, _ in self.queue.later_on)
        self.clock.advance(seconds=max(0.0, (at - self.clock.now()).total_seconds()))
        due = [letter for when, letter in self.queue.later_on if when <= self.clock.now()]
        self.queue.later_on = [each for each in self.queue.later_on if each[0] > self.clock.now()]
        for letter in due:
            self.queue.put(self.queue.lane_of[letter], [letter])
        return at

    def delivery(self, endpoint: Endpoint, event: PublicEvent) -> Delivery:
        """The delivery of an event, which has to be there."""
        found = self.deliveries.find(TENANT, endpoint.id, delivery_id(endpoint.id, event.id))
        assert found is not None
        return found

    def current(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint as it stands."""
        return self.endpoints.endpoints[TENANT, endpoint.id]


def outcomes(tried: Sequence[Tried]) -> list[str]:
    """What came of each letter, in no order."""
    return sorted(each.outcome for each in tried)
