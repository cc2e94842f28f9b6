"""Webhook endpoints, their deliveries, and events on the wire."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import Field, field_validator

from refundkit.contracts.base import Time, TimeInput, Wire
from refundkit.contracts.envelope import PageQuery

MAX_URL: Final = 2_048
MAX_HEADERS: Final = 10
MAX_HEADERS_BYTES: Final = 2_000

EventName = Literal[
    "approval.decided",
    "approval.escalated",
    "approval.expired",
    "approval.pending",
    "dispute.closed",
    "dispute.opened",
    "dispute.risk_flagged",
    "policy.published",
    "refund.approved",
    "refund.cancelled",
    "refund.completed",
    "refund.failed",
    "refund.initiated",
    "refund.processing",
    "refund.rejected",
    "webhook.disabled",
]
EventPattern = Literal["*", "approval.*", "dispute.*", "policy.*", "refund.*", "webhook.*", EventName]
DeliveryStatusView = Literal["pending", "delivered", "failed"]

Url = Annotated[str, Field(min_length=1, max_length=MAX_URL, json_schema_extra={"format": "uri"})]
Patterns = Annotated[list[EventPattern], Field(min_length=1, max_length=40, json_schema_extra={"uniqueItems": True})]
Description = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.\-]{1,40}$")]
_Value = Annotated[str, Field(max_length=500)]
Metadata = Annotated[dict[_Name, _Value], Field(max_length=20)]
_HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9\-]{1,64}$")]
_HeaderValue = Annotated[str, Field(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,510}[\x21-\x7e])?$")]
Headers = Annotated[dict[_HeaderName, _HeaderValue], Field(max_length=MAX_HEADERS)]
RateLimit = Annotated[int, Field(ge=1, le=1_000)]

_OURS: Final = re.compile(
    r"(?i)(webhook-.*|x-refundkit-.*|content-.*|host|connection|transfer-encoding|te|trailer|upgrade|expect|user-agent"
    r"|accept-encoding|keep-alive|proxy-.*|cookie|range|if-.*)"
)


def _own(headers: dict[str, str] | None) -> dict[str, str] | None:
    """What can stand beside our own headers."""
    if not headers:
        return headers
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("A header is named twice")
    if any(_OURS.fullmatch(name) for name in headers):
        raise ValueError("content-*, webhook-*, x-refundkit-*, host, user-agent and the like are not yours")
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS_BYTES:
        raise ValueError(f"All headers together are {MAX_HEADERS_BYTES} bytes at most")
    return headers


def _once(patterns: list[EventPattern] | None) -> list[EventPattern] | None:
    if patterns and len(set(patterns)) < len(patterns):
        raise ValueError("An event type is named twice")
    return patterns


class CreateWebhookEndpointRequest(Wire):
    """A new endpoint, for the events of the environment of the key that asks."""

    url: Url
    """Where events are posted: https, port 443, a public address."""
    events: Patterns
    """What it gets: event types, families such as `refund.*`, or `*`."""
    description: Description | None = None
    metadata: Metadata | None = None
    """Yours to keep with it; it is sent nowhere."""
    headers: Headers | None = None
    """Sent with every delivery, such as a gateway's key; kept encrypted, never shown."""
    rate_limit: RateLimit | None = None
    """Deliveries a second at most; no limit where omitted."""

    _checked_headers = field_validator("headers")(_own)
    _checked_events = field_validator("events")(_once)


class ChangeWebhookEndpointRequest(Wire):
    """What to change of an endpoint: what is named; null removes."""

    url: Url | None = None
    events: Patterns | None = None
    description: Description | None = None
    metadata: Metadata | None = None
    headers: Headers | None = None
    """All of them anew: those that are left out are forgotten."""
    rate_limit: RateLimit | None = None

    _checked_headers = field_validator("headers")(_own)
    _checked_events = field_validator("events")(_once)

    @field_validator("url", "events")
    @classmethod
    def _is_there(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("Cannot be removed: leave it out, or give another")
        return value


class WebhookEndpointView(Wire):
    """An endpoint as it stands."""

    id: str
    url: str
    environment: Literal["test", "live"]
    events: list[EventPattern]
    description: str | None
    metadata: dict[str, str]
    header_names: list[str]
    """Its own headers; their values are never shown."""
    rate_limit: int | None
    status: Literal["enabled", "disabled", "deleted"]
    disabled_because: Literal["asked", "gone", "failing"] | None
    """`gone`: the receiver answered 410. `failing`: nothing has arrived for five days."""
    failing_since: Time | None
    """Since when nothing has arrived there."""
    api_version: str
    """The shape of what it gets: the version of the day when it was made."""
    previous_secret_expires_at: Time | None
    """Until when a secret from before a rotation signs as well."""
    created_at: Time
    updated_at: Time


class CreatedWebhookEndpointView(WebhookEndpointView):
    """An endpoint with its new secret."""

    secret: str | None
    """`whsec_…`, which signs what is sent: shown here and never again; null where the request was a repetition."""


class TestWebhookEndpointRequest(Wire):
    """Which event to send a sample of."""

    type: EventName


class RecoverRequest(Wire):
    """From when on."""

    since: TimeInput
    """Within the last 30 days."""


class RecoveryView(Wire):
    """What was begun: it goes on by itself, and shows in the deliveries."""

    endpoint_id: str
    since: Time
    status: Literal["started"]


class AttemptView(Wire):
    """One try."""

    at: Time
    status_code: int | None
    """Null where no answer came."""
    latency_ms: int
    error: str | None
    """Why no answer came, or not all of it: `refused_address`, `unresolvable`, `connect_failed`, `tls_failed`,
    `timed_out`, `closed_early` or `malformed_answer`."""
    response_body: str | None
    """The first 1,024 bytes of the answer; shown to owners only."""


class DeliveryView(Wire):
    """One event on its way to one endpoint."""

    id: str
    endpoint_id: str
    event_id: str
    event_type: EventName
    status: DeliveryStatusView
    failed_because: Literal["exhausted", "gone", "endpoint_disabled", "event_forgotten", "too_large"] | None
    is_sample: bool
    created_at: Time
    """When the event happened."""
    next_attempt_at: Time | None
    attempts: list[AttemptView]
    """Oldest first; the latest twenty."""


class ListDeliveriesQuery(PageQuery):
    """Filters and paging of an endpoint's deliveries."""

    status: DeliveryStatusView | None = None
    type: EventName | None = None


class ListEventsQuery(PageQuery):
    """Filter and paging of ``GET /v1/events``."""

    type: EventName | None = None


class EventView(Wire):
    """An event, as it is sent (document 002)."""

    id: str
    type: EventName
    created: Time
    api_version: str
    data: dict[str, Any]


class EventTypeView(Wire):
    """A type of events: what it tells, the JSON Schema of all that is sent, and an example."""

    type: EventName
    description: str
    api_version: str
    json_schema: dict[str, Any]
    example: dict[str, Any]
