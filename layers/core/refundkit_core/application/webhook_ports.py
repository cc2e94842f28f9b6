"""What webhooks need of the outside: endpoints, deliveries and events kept, the queues between, and gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.webhooks import MOST_WORKERS, Endpoint, Health

if TYPE_CHECKING:
    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.records import Page, Position
    from refundkit_core.domain.deliveries import Delivery, DeliveryStatus
    from refundkit_core.domain.events import Event

Lane = Literal["prompt", "patient"]
"""Which queue a delivery waits in: ``patient`` is for endpoints in trouble and for everything that was tried before, so
that what hangs there holds up nothing that would arrive. What only waits for its turn waits where it is."""


class PublicEvent(NamedTuple):
    """An event as it is sent and listed: document 002's payload in parts, and the version that it was made for."""

    id: str
    type: str
    created_at: datetime
    api_version: str
    payload: Mapping[str, Any]


class Letter(NamedTuple):
    """What waits in a queue: a delivery to be tried as it stood at ``version`` (0: nothing is kept of it yet).

    ``has_turn`` says that its place within the endpoint's rate was given to it before.
    """

    tenant: Tenant
    endpoint_id: str
    event_id: str
    event_type: str
    version: int = 0
    has_turn: bool = False


class Posted(NamedTuple):
    """An endpoint and how it has been doing."""

    endpoint: Endpoint
    health: Health


class Subscription(NamedTuple):
    """What an enabled endpoint subscribes to, and how it has been doing; nothing of it that is secret."""

    endpoint_id: str
    patterns: tuple[str, ...]
    health: Health


@dataclass(frozen=True, slots=True)
class Desk:
    """All that a batch of letters needs, read at once: by endpoint id, delivery id and event id."""

    endpoints: Mapping[str, Posted] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    events: Mapping[str, PublicEvent] = field(default_factory=dict)


class EndpointStore(Protocol):
    """Endpoints of a tenant, their secrets and own headers sealed. All reads are consistent."""

    def find(self, tenant: Tenant, endpoint_id: str) -> Posted | None:
        """An endpoint, a deleted one too."""

    def outline(self, tenant: Tenant, endpoint_id: str) -> Endpoint | None:
        """An endpoint, a deleted one too, without its secrets and headers: nothing of it is opened."""

    def all(self, tenant: Tenant) -> Sequence[Posted]:
        """Every endpoint that is not deleted, oldest first."""

    def subscriptions(self, tenant: Tenant) -> Sequence[Subscription]:
        """Of all enabled endpoints."""

    def add(self, endpoint: Endpoint, audit: AuditEntry) -> None:
        """Store a new endpoint.

        Raises:
            TooManyEndpoints: the tenant has as many as it may have.
            StoreConflict: it exists, the organization is deleted, or no answer came.
        """

    def change(self, before: Endpoint, after: Endpoint, audit: AuditEntry, event: Event | None = None) -> None:
        """Store an endpoint in place of the version before, with the event of it. Enabled again, it starts healthy.

        Raises:
            StoreConflict: somebody else was faster, or no answer came.
        """


class Pass(NamedTuple):
    """Leave to send to an endpoint: ``turns`` are when, in the order of the letters that asked (now or later)."""

    tenant: Tenant
    endpoint_id: str
    slot: int
    until: datetime
    turns: Sequence[datetime]


class Gates(Protocol):
    """How many workers send to one endpoint at a time, and how many deliveries a second."""

    def enter(self, endpoint: Endpoint, newcomers: int, now: datetime, most: int = MOST_WORKERS) -> Pass | None:
        """Take one of the endpoint's first ``most`` slots, and a turn for each of ``newcomers``; None: all are taken.

        A slot that is not given back, since its worker died, is free again after less than a minute.
        """

    def leave(self, taken: Pass, before: Health, after: Health) -> None:
        """Give a slot back, and keep how the endpoint is doing. Never raises for a slot that was lost meanwhile."""


class DeliveryStore(Protocol):
    """Deliveries and the events that they are of, kept for 30 days. All reads are consistent but ``page``."""

    def desk(self, letters: Sequence[Letter]) -> Desk:
        """What these letters need, in as few reads as can be."""

    def put(self, before: Delivery | None, after: Delivery) -> None:
        """Store a delivery in place of the version before (None: there is none). Raises StoreConflict."""

    def find(self, tenant: Tenant, endpoint_id: str, delivery_id: str) -> Delivery | None: ...

    def page(
        self, tenant: Tenant, endpoint_id: str, shown: Callable[[Delivery], bool], part: Position
    ) -> Page[Delivery]:
        """One page of an endpoint's deliveries, newest event first."""

    def since(self, tenant: Tenant, endpoint_id: str, after: str, limit: int) -> tuple[Sequence[Delivery], bool]:
        """Up to ``limit`` deliveries behind the id ``after``, oldest first, and whether there may be more."""

    def once(self, tenant: Tenant, endpoint_id: str, name: str, value: str, now: datetime) -> str:
        """What was first said under ``name`` within 30 days: ``value``, unless something else was said before."""

    def overdue(self, until: datetime, limit: int) -> Sequence[Delivery]:
        """Deliveries whose time came before ``until`` and that the sweep was not to leave alone, earliest first."""

    def put_off(self, delivery: Delivery, look: datetime) -> None:
        """Let the sweep look at a delivery at ``look``, where nothing happened to it; its own time stays."""


class EventArchive(Protocol):
    """Public events of the last 30 days."""

    def put(self, tenant: Tenant, event: PublicEvent) -> None:
        """Keep an event; keeping it again changes nothing."""

    def find(self, tenant: Tenant, event_id: str) -> PublicEvent | None: ...

    def page(
        self, tenant: Tenant, since: datetime, shown: Callable[[PublicEvent], bool], part: Position
    ) -> Page[PublicEvent]:
        """One page, newest first, not before ``since``."""

    def since(self, tenant: Tenant, after: str, limit: int) -> tuple[Sequence[PublicEvent], bool]:
        """Up to ``limit`` events behind the id ``after``, oldest first, and whether there may be more."""


class DeliveryQueue(Protocol):
    """The queues that deliveries wait in. A letter may come twice."""

    def put(self, lane: Lane, letters: Sequence[Letter]) -> None:
        """For now. Raises StoreConflict where not all were taken."""

    def later(self, letter: Letter, at: datetime, now: datetime, lane: Lane = "patient") -> None:
        """For a time to come, never before it; putting the same letter again for the same time is harmless.

        What waits for longer than a queue can hold it comes by the patient one.
        """


RecoveryKind = Literal["recover", "replay_missing"]


class Recovery(NamedTuple):
    """Work through an endpoint's past: deliveries that failed, or events that were never tried, behind ``after``."""

    kind: RecoveryKind
    tenant: Tenant
    endpoint_id: str
    after: str


class RecoveryQueue(Protocol):
    """Where recoveries wait, a page of the past each."""

    def ask(self, recovery: Recovery) -> None: ...


class DeliveryFilter(NamedTuple):
    """Which deliveries a list shows; None does not filter."""

    status: DeliveryStatus | None = None
    event_type: str | None = None
