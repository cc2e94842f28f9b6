"""Webhook endpoints: where a tenant's events go, what signs them, and how an endpoint has been doing.

Product decisions 24 to 26; the schedule of retries is in ``deliveries``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from refundkit_core.domain.event_types import subscribes
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

EndpointStatus = Literal["enabled", "disabled", "deleted"]
DisabledBecause = Literal["asked", "gone", "failing"]
"""Somebody asked for it; the receiver answered 410; or nothing has arrived there for five days."""

OVERLAP: Final = timedelta(hours=24)
"""How long a secret still signs after another one has taken its place."""
MAX_SECRETS: Final = 4
GIVEN_UP_AFTER: Final = timedelta(days=5)
"""Unbroken failure for so long disables an endpoint."""
SLOW_FROM_MS: Final = 2_000
SLOW_FOR: Final = timedelta(minutes=10)
"""An answer that took so long puts the endpoint aside for so long: its deliveries wait in a queue of their own."""
MOST_WORKERS: Final = 4
"""That send to one endpoint at a time, with up to ten deliveries each; half as many where it is in trouble."""
HELD_FOR: Final = timedelta(seconds=45)
"""How long a worker can hold an endpoint's slot: longer than it lives; who holds one for longer has died."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A signing secret (``whsec_…``), and until when it signs; None: until another takes its place."""

    text: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint of a tenant. ``patterns`` are what it subscribes to (``*``, ``refund.*``, ``refund.completed``).

    ``headers`` are its owner's own, sent with every delivery; ``rate_limit`` is deliveries a second, None: no limit.
    ``api_version`` is that of the day when it was made: what it is sent keeps that shape.
    """

    id: str
    tenant: Tenant
    url: str
    patterns: tuple[str, ...]
    api_version: str
    secrets: tuple[Secret, ...]
    created_at: datetime
    updated_at: datetime
    version: int = 1
    status: EndpointStatus = "enabled"
    disabled_because: DisabledBecause | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    rate_limit: int | None = None
    fingerprint: str | None = None

    @property
    def is_enabled(self) -> bool:
        """Whether anything is sent to it."""
        return self.status == "enabled"

    def takes(self, event_type: str) -> bool:
        """Whether it subscribes to events of this type, and is enabled."""
        return self.is_enabled and subscribes(self.patterns, event_type)

    def signing(self, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        return tuple(secret.text for secret in self.standing(now).secrets)

    def standing(self, now: datetime) -> Endpoint:
        """The endpoint without the secrets that sign no more."""
        return replace(self, secrets=tuple(each for each in self.secrets if each.until is None or now <= each.until))


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint has been doing: since when nothing has arrived there, and until when it counts as slow.

    ``waited_for`` are the moments since which workers wait for its answers now; they pass, and do not tell two apart.
    """

    failing_since: datetime | None = None
    slow_until: datetime | None = None
    waited_for: tuple[datetime, ...] = field(default=(), compare=False)

    def is_troubled(self, now: datetime) -> bool:
        """Whether its deliveries shall wait where they hold up nobody else's."""
        if self.failing_since is not None or (self.slow_until is not None and now < self.slow_until):
            return True
        slow = timedelta(milliseconds=SLOW_FROM_MS)  # what is slow shows before its answer has come, or none
        return any(slow <= now - since < HELD_FOR for since in self.waited_for)

    def is_given_up(self, now: datetime) -> bool:
        """Whether it has failed for so long that nothing more is sent."""
        return self.failing_since is not None and now - self.failing_since >= GIVEN_UP_AFTER


def changed(endpoint: Endpoint, now: datetime, **what: Any) -> Endpoint:
    """The endpoint after a change: a version later."""
    return replace(endpoint, version=endpoint.version + 1, updated_at=now, **what)


def rotated(endpoint: Endpoint, secret: str, now: datetime) -> Endpoint:
    """The endpoint with a new secret; the ones before go on signing for a day beside it."""
    until = now + OVERLAP
    before = [
        replace(each, until=until if each.until is None else each.until) for each in endpoint.standing(now).secrets
    ]
    return changed(endpoint, now, secrets=(Secret(secret), *before[: MAX_SECRETS - 1]))


def disabled(endpoint: Endpoint, because: DisabledBecause, now: datetime) -> Endpoint:
    """The endpoint, to which nothing is sent any more."""
    return changed(endpoint, now, status="disabled", disabled_because=because)


def enabled(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The endpoint, to which events are sent again."""
    return changed(endpoint, now, status="enabled", disabled_because=None)


def deleted(endpoint: Endpoint, now: datetime) -> Endpoint:
    """The endpoint without what was secret of it: it is forgotten soon."""
    return changed(endpoint, now, status="deleted", secrets=(), headers={})


def of_disabling(endpoint: Endpoint, failing_since: datetime | None) -> Event:
    """The event of an endpoint that was disabled because it did not take what it was sent."""
    return Event(
        id=event_id(endpoint.id, endpoint.version, endpoint.updated_at),
        tenant=endpoint.tenant,
        subject=endpoint.id,
        version=endpoint.version,
        type="webhook.disabled",
        public=True,
        created_at=endpoint.updated_at,
        payload={
            "endpointId": endpoint.id,
            "reason": endpoint.disabled_because,
            "failingSince": None if failing_since is None else iso(failing_since),
        },
        tell=True,
    )
