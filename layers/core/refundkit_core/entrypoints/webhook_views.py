"""Webhook endpoints, deliveries and events between the wire and the use cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from refundkit.contracts import webhooks as wire

from refundkit_core.application.manage_webhooks import Shown, WantedEndpoint
from refundkit_core.application.webhook_ports import DeliveryFilter, PublicEvent
from refundkit_core.domain.deliveries import Attempt, Delivery
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call

_NAMES = {
    "url": "url",
    "events": "patterns",
    "description": "description",
    "metadata": "metadata",
    "headers": "headers",
    "rate_limit": "rate_limit",
}


def wanted_endpoint_from(call: Call) -> WantedEndpoint:
    """The endpoint in a ``POST /v1/webhook-endpoints``."""
    body: wire.CreateWebhookEndpointRequest = call.body
    return WantedEndpoint(body.url, tuple(body.events), body.description, body.metadata, body.headers, body.rate_limit)


def endpoint_changes_from(call: Call) -> dict[str, Any]:
    """What a ``PATCH`` is to change, as the endpoint calls it."""
    body: wire.ChangeWebhookEndpointRequest = call.body
    changes = {_NAMES[name]: getattr(body, name) for name in body.model_fields_set}
    if "patterns" in changes:
        changes["patterns"] = tuple(changes["patterns"])
    for name in ("metadata", "headers"):
        if name in changes:
            changes[name] = changes[name] or {}
    return changes


def endpoint_view(shown: Shown) -> wire.WebhookEndpointView:
    """An endpoint as the wire shows it."""
    return wire.WebhookEndpointView(**_endpoint(shown))


def created_endpoint_view(shown: Shown) -> wire.CreatedWebhookEndpointView:
    """The same with its secret, where this is the answer that shows it."""
    return wire.CreatedWebhookEndpointView(**_endpoint(shown), secret=shown.secret)


def _endpoint(shown: Shown) -> dict[str, Any]:
    endpoint, health = shown.posted
    before = [each.until for each in endpoint.secrets if each.until is not None]
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "environment": endpoint.tenant.environment,
        "events": list(endpoint.patterns),
        "description": endpoint.description,
        "metadata": dict(endpoint.metadata),
        "header_names": sorted(endpoint.headers),
        "rate_limit": endpoint.rate_limit,
        "status": endpoint.status,
        "disabled_because": endpoint.disabled_because,
        "failing_since": iso(health.failing_since) if health.failing_since else None,
        "api_version": endpoint.api_version,
        "previous_secret_expires_at": iso(max(before)) if before else None,
        "created_at": iso(endpoint.created_at),
        "updated_at": iso(endpoint.updated_at),
    }


def delivery_filter_from(call: Call) -> DeliveryFilter:
    """Which deliveries are asked for."""
    query: wire.ListDeliveriesQuery = call.query
    return DeliveryFilter(query.status, query.type)


def delivery_view(call: Call, delivery: Delivery) -> wire.DeliveryView:
    """A delivery as the caller may see it: what receivers answered is shown to owners only."""
    may_read_answers = call.caller.member_role == "owner"
    due, kind = delivery.next_attempt_at, delivery.event_type
    return wire.DeliveryView.model_validate(
        {
            "id": delivery.id,
            "endpoint_id": delivery.endpoint_id,
            "event_id": delivery.event_id,
            "event_type": kind,
            "status": delivery.status,
            "failed_because": delivery.failed_because,
            "is_sample": delivery.sample is not None,
            "created_at": iso(delivery.created_at),
            "next_attempt_at": iso(due) if due else None,
            "attempts": [_attempt(attempt, may_read_answers) for attempt in delivery.attempts],
        }
    )


def _attempt(attempt: Attempt, may_read: bool) -> wire.AttemptView:
    return wire.AttemptView(
        at=iso(attempt.at),
        status_code=attempt.status,
        latency_ms=attempt.latency_ms,
        error=attempt.error,
        response_body=attempt.body if may_read else None,
    )


def event_view(event: PublicEvent) -> wire.EventView:
    """An event as it is sent."""
    return wire.EventView.model_validate(
        {
            "id": event.id,
            "type": event.type,
            "created": iso(event.created_at),
            "api_version": event.api_version,
            "data": dict(event.payload),
        }
    )


def recovery_view(call: Call, since: datetime) -> wire.RecoveryView:
    """A recovery that was begun."""
    return wire.RecoveryView(endpoint_id=call.path["id"], since=iso(since), status="started")


def event_type_views() -> list[wire.EventTypeView]:
    """Every type of events, as the newest version of the API tells it."""
    from refundkit.contracts.events import API_VERSION, EVENT_TYPES, event_schema

    return [
        wire.EventTypeView.model_validate(
            {
                "type": name,
                "description": kind.description,
                "api_version": API_VERSION,
                "json_schema": event_schema(API_VERSION, name),
                "example": dict(kind.example),
            }
        )
        for name, kind in EVENT_TYPES.items()
    ]


def sample_of(event_type: str) -> Mapping[str, Any]:
    """The payload of the example of an event type."""
    from refundkit.contracts.events import EVENT_TYPES

    payload: Mapping[str, Any] = EVENT_TYPES[event_type].example["data"]
    return payload
