"""Show what was delivered and what was not, and have it delivered again; and list the events themselves."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.dispatch_event import letter_of
from refundkit_core.application.manage_webhooks import insist_on_enabled
from refundkit_core.application.paging import Paging
from refundkit_core.application.webhook_ports import DeliveryFilter, Recovery, RecoveryKind
from refundkit_core.domain.deliveries import KEPT_FOR, begun_anew
from refundkit_core.domain.errors import Detail, Invalid, NotFound, StoreConflict
from refundkit_core.domain.ids import is_id, ulid

if TYPE_CHECKING:
    from refundkit_core.application.ports import AuditTrail, Clock, Ids, OrganizationStore
    from refundkit_core.application.records import Page, Slice
    from refundkit_core.application.webhook_ports import (
        DeliveryQueue,
        DeliveryStore,
        EndpointStore,
        EventArchive,
        PublicEvent,
        RecoveryQueue,
    )
    from refundkit_core.domain.deliveries import Delivery
    from refundkit_core.domain.tenancy import Tenant
    from refundkit_core.domain.webhooks import EndpointStatus

_MAX_TRIES: Final = 10
_PREFIX: Final[dict[RecoveryKind, str]] = {"recover": "whd", "replay_missing": "evt"}


class ReadDeliveries:
    """The use cases behind ``/v1/webhook-endpoints/{id}/deliveries``, ``…/recover`` and ``…/replay-missing``."""

    def __init__(
        self,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        queue: DeliveryQueue,
        recoveries: RecoveryQueue,
        organizations: OrganizationStore,
        trail: AuditTrail,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._queue = queue
        self._recoveries = recoveries
        self._paging = Paging(organizations, "deliveries")
        self._trail = trail
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids

    def page(self, tenant: Tenant, endpoint_id: str, wanted: DeliveryFilter, part: Slice) -> Page[Delivery]:
        """One page of an endpoint's deliveries, newest event first. Raises NotFound; Invalid for a foreign cursor."""
        self._status(tenant, endpoint_id)
        scope = (endpoint_id, wanted.status, wanted.event_type)

        def shown(delivery: Delivery) -> bool:
            return wanted.status in (None, delivery.status) and wanted.event_type in (None, delivery.event_type)

        position = self._paging.position(tenant, part, *scope)
        return self._paging.sealed(tenant, self._deliveries.page(tenant, endpoint_id, shown, position), *scope)

    def show(self, tenant: Tenant, endpoint_id: str, delivery_id: str) -> Delivery:
        """One delivery. Raises NotFound."""
        self._status(tenant, endpoint_id)
        known = is_id("whd", delivery_id)
        found = self._deliveries.find(tenant, endpoint_id, delivery_id) if known else None
        if found is None:
            raise NotFound("No such delivery")
        return found

    def retry(self, tenant: Tenant, endpoint_id: str, delivery_id: str, idempotency_key: str | None) -> Delivery:
        """Try a delivery now, one that arrived too, with all its tries before it. It keeps its event's id. The same
        idempotency key again shows what became of it.

        Raises:
            NotFound: no such endpoint or delivery.
            EndpointDisabled: nothing is sent to the endpoint.
        """
        insist_on_enabled(self._status(tenant, endpoint_id))
        for attempt in range(1, _MAX_TRIES + 1):
            found = self.show(tenant, endpoint_id, delivery_id)
            if self._was_asked(found, idempotency_key):
                return found
            after = begun_anew(found, self._clock.now())
            try:
                self._deliveries.put(found, after)
            except StoreConflict:  # it is being tried just now
                self._ids.pause(attempt)
                continue
            self._queue.put("patient", [letter_of(after)])
            return after
        raise StoreConflict("The delivery kept changing")

    def _was_asked(self, delivery: Delivery, idempotency_key: str | None) -> bool:
        """Whether something became of the delivery since it was first to be retried under this key."""
        if idempotency_key is None:
            return False
        tenant, name = delivery.tenant, f"retry {delivery.id} {idempotency_key}"
        said = self._deliveries.once(tenant, delivery.endpoint_id, name, str(delivery.version), self._clock.now())
        return delivery.version > int(said)

    def begin(self, kind: RecoveryKind, tenant: Tenant, endpoint_id: str, since: datetime, by: By) -> None:
        """Have everything since a time delivered that failed (``recover``) or was never tried (``replay_missing``).

        Raises:
            NotFound: no such endpoint.
            EndpointDisabled: nothing is sent to it.
            Invalid: ``since`` is to come, or longer ago than anything is kept.
        """
        insist_on_enabled(self._status(tenant, endpoint_id))
        now = self._clock.now()
        if not now - KEPT_FOR <= since <= now:
            raise Invalid("Events are kept for 30 days", (Detail("since", "A time within the last 30 days"),))
        self._trail.put(self._auditor.entry(by, f"webhooks {kind.replace('_', '-')}", endpoint_id, tenant))
        self._recoveries.ask(Recovery(kind, tenant, endpoint_id, ulid(_PREFIX[kind], since, bytes(10))))

    def _status(self, tenant: Tenant, endpoint_id: str) -> EndpointStatus:
        """The endpoint's status. Raises NotFound; a malformed id costs no read."""
        found = self._endpoints.outline(tenant, endpoint_id) if is_id("whe", endpoint_id) else None
        if found is None or found.status == "deleted":
            raise NotFound("No such webhook endpoint")
        return found.status


class ReadEvents:
    """The use cases behind ``/v1/events``."""

    def __init__(self, archive: EventArchive, organizations: OrganizationStore, clock: Clock) -> None:
        self._archive = archive
        self._paging = Paging(organizations, "events")
        self._clock = clock

    def page(self, tenant: Tenant, event_type: str | None, part: Slice) -> Page[PublicEvent]:
        """One page of the last 30 days, newest first. Raises Invalid for a foreign cursor."""

        def shown(event: PublicEvent) -> bool:
            return event_type in (None, event.type)

        position = self._paging.position(tenant, part, event_type)
        found = self._archive.page(tenant, self._clock.now() - KEPT_FOR, shown, position)
        return self._paging.sealed(tenant, found, event_type)

    def show(self, tenant: Tenant, event_id: str) -> PublicEvent:
        """One event. Raises NotFound; a malformed id costs no read."""
        found = self._archive.find(tenant, event_id) if is_id("evt", event_id) else None
        if found is None or found.created_at < self._clock.now() - KEPT_FOR:
            raise NotFound("No such event within the last 30 days")
        return found
