"""From the bus to the endpoints: keep a public event, and put one letter for every endpoint that takes it.

Also: work through an endpoint's past, one page of it at a time. Whatever dies in between comes again whole: letters of
the same delivery are one delivery, and an event is kept under its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.webhook_ports import Lane, Letter, Recovery
from refundkit_core.domain.deliveries import Delivery, begun_anew, delivery_id, first
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.event_types import subscribes

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock
    from refundkit_core.application.webhook_ports import (
        DeliveryQueue,
        DeliveryStore,
        EndpointStore,
        EventArchive,
        Posted,
        PublicEvent,
        RecoveryQueue,
    )
    from refundkit_core.domain.tenancy import Tenant

PAGE: Final = 100


class Dispatched(NamedTuple):
    """How many letters were put, by lane."""

    prompt: int
    patient: int


class DispatchEvents:
    """The use case behind the webhooks' queue."""

    def __init__(
        self,
        endpoints: EndpointStore,
        archive: EventArchive,
        deliveries: DeliveryStore,
        queue: DeliveryQueue,
        recoveries: RecoveryQueue,
        clock: Clock,
    ) -> None:
        self._endpoints = endpoints
        self._archive = archive
        self._deliveries = deliveries
        self._queue = queue
        self._recoveries = recoveries
        self._clock = clock

    def __call__(self, tenant: Tenant, events: Sequence[PublicEvent]) -> Dispatched:
        """Keep ``events`` of one tenant, and put a letter for each endpoint that takes each."""
        for event in events:
            self._archive.put(tenant, event)
        letters: dict[Lane, list[Letter]] = {"prompt": [], "patient": []}
        now = self._clock.now()
        for endpoint_id, patterns, health in self._endpoints.subscriptions(tenant):
            letters["patient" if health.is_troubled(now) else "prompt"] += [
                Letter(tenant, endpoint_id, event.id, event.type)
                for event in events
                if subscribes(patterns, event.type)
            ]
        for lane, found in letters.items():
            if found:
                self._queue.put(lane, found)
        return Dispatched(len(letters["prompt"]), len(letters["patient"]))

    def recover(self, recovery: Recovery) -> int:
        """One page of a recovery; asks for the next. How many deliveries were begun; none where the endpoint is not
        enabled any more."""
        posted = self._endpoints.find(recovery.tenant, recovery.endpoint_id)
        if posted is None or not posted.endpoint.is_enabled:
            return 0
        begun, last, more = (self._again if recovery.kind == "recover" else self._missing)(recovery, posted)
        if more:
            self._recoveries.ask(recovery._replace(after=last))
        return begun

    def _again(self, recovery: Recovery, _posted: Posted) -> tuple[int, str, bool]:
        tenant, endpoint_id = recovery.tenant, recovery.endpoint_id
        found, more = self._deliveries.since(tenant, endpoint_id, recovery.after, PAGE)
        begun = [self._begun(each) for each in found if failed(each)]
        letters = [letter for letter in begun if letter is not None]
        if letters:
            self._queue.put("patient", letters)
        return len(letters), found[-1].id if found else recovery.after, more

    def _begun(self, delivery: Delivery) -> Letter | None:
        after = begun_anew(delivery, self._clock.now())
        try:
            self._deliveries.put(delivery, after)
        except StoreConflict:  # it is being tried right now, or was begun by another worker: it is under way
            return None
        return letter_of(after)

    def _missing(self, recovery: Recovery, posted: Posted) -> tuple[int, str, bool]:
        tenant, endpoint = recovery.tenant, posted.endpoint
        events, more = self._archive.since(tenant, recovery.after, PAGE)
        letters = [Letter(tenant, endpoint.id, event.id, event.type) for event in events if endpoint.takes(event.type)]
        known = self._deliveries.desk(letters).deliveries if letters else {}
        missing = [each for each in letters if delivery_id(endpoint.id, each.event_id) not in known]
        if missing:
            self._queue.put("patient", missing)
        return len(missing), events[-1].id if events else recovery.after, more


def failed(delivery: Delivery) -> bool:
    """Whether a delivery has not arrived although it was tried, or was given up."""
    return delivery.status == "failed" or (delivery.status == "pending" and delivery.tries > 0)


def letter_of(delivery: Delivery) -> Letter:
    """The letter that has a delivery tried as it stands."""
    return Letter(delivery.tenant, delivery.endpoint_id, delivery.event_id, delivery.event_type, delivery.version)


def delivery_of(letter: Letter, known: Delivery | None) -> Delivery:
    """The delivery that a letter is about: as it is kept, or the one before anything was tried."""
    return known or first(letter.tenant, letter.endpoint_id, letter.event_id, letter.event_type)
