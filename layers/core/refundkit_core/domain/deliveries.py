"""Deliveries: one event on its way to one endpoint, tried up to ten times over about 75 hours (decision 26)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from refundkit_core.domain.ids import hashed, time_of
from refundkit_core.domain.tenancy import Tenant

DeliveryStatus = Literal["pending", "delivered", "failed"]
FailedBecause = Literal["exhausted", "gone", "endpoint_disabled", "event_forgotten", "too_large"]

WAITS_S: Final[tuple[int, ...]] = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""Before each attempt: at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h."""
JITTER: Final = 0.1
"""A wait is up to a tenth longer than it must be, never shorter, so that those who failed together come apart."""
LONGEST_WAIT_S: Final = 86_400
"""How long a receiver can ask us to wait (``Retry-After``)."""
KEPT_FOR: Final = timedelta(days=30)
"""How long events and deliveries are kept."""
GONE: Final = 410
_KEPT_ATTEMPTS: Final = 20


class Attempt(NamedTuple):
    """One try. ``status`` is None where no answer came; then ``error`` says why. ``body`` is the answer's beginning."""

    at: datetime
    status: int | None
    latency_ms: int
    error: str | None = None
    body: str = ""

    @property
    def is_success(self) -> bool:
        """Any 2xx."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint. ``tries`` counts those since it was last begun anew; ``attempts`` shows all of late.

    ``sample`` is the payload of an event that never happened, sent to try an endpoint out.
    """

    id: str
    tenant: Tenant
    endpoint_id: str
    event_id: str
    event_type: str
    created_at: datetime
    status: DeliveryStatus = "pending"
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    next_attempt_at: datetime | None = None
    failed_because: FailedBecause | None = None
    sample: Mapping[str, Any] | None = None
    version: int = 0


def delivery_id(endpoint_id: str, event_id: str) -> str:
    """The one id of an event's delivery to an endpoint; it begins with the event's time."""
    return hashed("whd", time_of(event_id), endpoint_id, event_id)


def first(tenant: Tenant, endpoint_id: str, event_id: str, event_type: str) -> Delivery:
    """The delivery before anything was tried."""
    return Delivery(delivery_id(endpoint_id, event_id), tenant, endpoint_id, event_id, event_type, time_of(event_id))


def after_attempt(delivery: Delivery, attempt: Attempt, chance: float, retry_after_s: int | None = None) -> Delivery:
    """What becomes of a delivery by an attempt; ``chance`` in [0, 1) is for the jitter."""
    tried = replace(
        delivery,
        tries=delivery.tries + 1,
        attempts=(*delivery.attempts, attempt)[-_KEPT_ATTEMPTS:],
        next_attempt_at=None,
        failed_because=None,
        version=delivery.version + 1,
    )
    if attempt.is_success:
        return replace(tried, status="delivered")
    if attempt.status == GONE:
        return replace(tried, status="failed", failed_because="gone")
    if tried.tries >= len(WAITS_S):
        return replace(tried, status="failed", failed_because="exhausted")
    wait = WAITS_S[tried.tries] * (1 + JITTER * chance)
    asked = min(retry_after_s or 0, LONGEST_WAIT_S)
    ended = attempt.at + timedelta(milliseconds=attempt.latency_ms)
    return replace(tried, status="pending", next_attempt_at=ended + timedelta(seconds=max(wait, asked)))


def given_up(delivery: Delivery, because: FailedBecause) -> Delivery:
    """The delivery that is not tried any more."""
    return replace(
        delivery, status="failed", failed_because=because, next_attempt_at=None, version=delivery.version + 1
    )


def begun_anew(delivery: Delivery, now: datetime) -> Delivery:
    """The delivery with all its tries before it, the first one now; what was answered earlier is not kept."""
    earlier = tuple(attempt._replace(body="") for attempt in delivery.attempts)
    return replace(
        delivery,
        status="pending",
        tries=0,
        attempts=earlier,
        next_attempt_at=now,
        failed_because=None,
        version=delivery.version + 1,
    )
