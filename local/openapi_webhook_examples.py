"""Examples of webhooks and events for the API's description: data only, of the same shop."""

from __future__ import annotations

from typing import Any, Final

Route = tuple[str, str]
ENDPOINTS: Final = "/v1/webhook-endpoints"
_ONE: Final = f"{ENDPOINTS}/{{id}}"
_DELIVERIES: Final = f"{_ONE}/deliveries"
_DELIVERY: Final = f"{_DELIVERIES}/{{deliveryId}}"

ENDPOINT: Final = "whe_01KAG6B2D4F6H8K0N2Q4S6V8X0"
DELIVERY: Final = "whd_01KAG4D7T26V8X0Z2B4D6F8H0K"
EVENT: Final = "evt_01KAG4D7T22B4D6F8H0K2N4Q6S"
_SAMPLE: Final = "evt_01KAG6D2F4H6K8N0Q2S4V6X8Z0"
_MADE_AT: Final = "2026-11-20T11:05:00.000Z"
_COMPLETED_AT: Final = "2026-11-20T12:00:01.482Z"

_ENDPOINT: Final[dict[str, Any]] = {
    "id": ENDPOINT,
    "url": "https://shop.example/webhooks/refundkit",
    "environment": "test",
    "events": ["refund.*", "dispute.opened"],
    "description": "The shop's order system",
    "metadata": {"team": "orders"},
    "headerNames": ["x-gateway-key"],
    "rateLimit": 20,
    "status": "enabled",
    "disabledBecause": None,
    "failingSince": None,
    "apiVersion": "2026-11-01",
    "previousSecretExpiresAt": None,
    "createdAt": _MADE_AT,
    "updatedAt": _MADE_AT,
}
_DISABLED: Final = {
    **_ENDPOINT,
    "status": "disabled",
    "disabledBecause": "asked",
    "updatedAt": "2026-11-20T16:10:00.000Z",
}
_ARRIVED: Final[dict[str, Any]] = {
    "at": "2026-11-20T12:00:07.094Z",
    "statusCode": 200,
    "latencyMs": 84,
    "error": None,
    "responseBody": "",
}
_DELIVERED: Final[dict[str, Any]] = {
    "id": DELIVERY,
    "endpointId": ENDPOINT,
    "eventId": EVENT,
    "eventType": "refund.completed",
    "status": "delivered",
    "failedBecause": None,
    "isSample": False,
    "createdAt": _COMPLETED_AT,
    "nextAttemptAt": None,
    "attempts": [
        {
            "at": "2026-11-20T12:00:01.731Z",
            "statusCode": 503,
            "latencyMs": 120,
            "error": None,
            "responseBody": "Back in a minute",
        },
        _ARRIVED,
    ],
}
_AGAIN: Final[dict[str, Any]] = {
    **_DELIVERED,
    "status": "pending",
    "nextAttemptAt": "2026-11-20T16:30:00.000Z",
    "attempts": [{**attempt, "responseBody": ""} for attempt in _DELIVERED["attempts"]],
}
_TEST: Final[dict[str, Any]] = {
    **_DELIVERED,
    "id": "whd_01KAG6D2F46V8X0Z2B4D6F8H0K",
    "eventId": _SAMPLE,
    "status": "pending",
    "isSample": True,
    "createdAt": "2026-11-20T11:06:00.000Z",
    "nextAttemptAt": "2026-11-20T11:06:00.000Z",
    "attempts": [],
}
_EVENT: Final[dict[str, Any]] = {
    "id": EVENT,
    "type": "refund.completed",
    "created": _COMPLETED_AT,
    "apiVersion": "2026-11-01",
    "data": {
        "refundId": "ref_01KAG4D6F8H0K2N4Q6S8V0X2Z4",
        "transactionId": "ch_3SVbXkLkdIwHu7ix0aB1cD2e",
        "amount": 2000,
        "currency": "usd",
        "processor": "stripe",
        "externalRefundId": "re_3SVbXkLkdIwHu7ix0fG3hJ4k",
        "status": "completed",
        "statusDetail": None,
        "reason": "product_defective",
    },
}
_EVENT_TYPE: Final[dict[str, Any]] = {
    "type": "refund.completed",
    "description": "The processor paid a refund.",
    "apiVersion": "2026-11-01",
    "jsonSchema": {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "refund.completed",
        "type": "object",
        "properties": {"id": {"type": "string"}, "type": {"const": "refund.completed"}},
    },
    "example": _EVENT,
}
_SINCE: Final[dict[str, Any]] = {"since": "2026-11-18T00:00:00Z"}
_STARTED: Final[dict[str, Any]] = {"endpointId": ENDPOINT, "since": "2026-11-18T00:00:00.000Z", "status": "started"}

LIMIT_REACHED: Final = (
    "There are twenty webhook endpoints in this environment: delete one first.",
    "No more than 20 webhook endpoints: delete one first",
)
"""When ``webhook_endpoint_limit_reached`` comes, and an error that has it."""
DISABLED: Final = (
    "Nothing is sent to a disabled endpoint: enable it first.",
    "This webhook endpoint is disabled: enable it first",
)
"""When ``webhook_endpoint_disabled`` comes, and an error that has it."""

REQUESTS: Final[dict[Route, dict[str, dict[str, Any]]]] = {
    ("POST", ENDPOINTS): {
        "Everything": {"url": "https://shop.example/webhooks/refundkit", "events": ["*"]},
        "Some events, through a gateway": {
            "url": "https://shop.example/webhooks/refundkit",
            "events": ["refund.*", "dispute.opened"],
            "description": "The shop's order system",
            "metadata": {"team": "orders"},
            "headers": {"x-gateway-key": "example-gateway-key"},
            "rateLimit": 20,
        },
    },
    ("PATCH", _ONE): {
        "Another address": {"url": "https://shop.example/webhooks/refundkit/v2"},
        "Everything, as fast as it comes": {"events": ["*"], "rateLimit": None},
    },
    ("POST", f"{_ONE}/test"): {"A paid refund": {"type": "refund.completed"}},
    ("POST", f"{_ONE}/recover"): {"Since the receiver was down": _SINCE},
    ("POST", f"{_ONE}/replay-missing"): {"Since before it was made": _SINCE},
}

ANSWERS: Final[dict[Route, Any]] = {
    ("POST", ENDPOINTS): {**_ENDPOINT, "secret": "whsec_RXhhbXBsZUV4YW1wbGVFeGFtcGxlRXhhbXBsZQ=="},
    ("GET", ENDPOINTS): [_ENDPOINT],
    ("GET", _ONE): _ENDPOINT,
    ("PATCH", _ONE): {
        **_ENDPOINT,
        "url": "https://shop.example/webhooks/refundkit/v2",
        "updatedAt": "2026-11-20T16:00:00.000Z",
    },
    ("DELETE", _ONE): {**_ENDPOINT, "status": "deleted", "headerNames": [], "updatedAt": "2026-11-20T18:30:00.000Z"},
    ("POST", f"{_ONE}/enable"): {**_ENDPOINT, "updatedAt": "2026-11-20T16:20:00.000Z"},
    ("POST", f"{_ONE}/disable"): _DISABLED,
    ("POST", f"{_ONE}/rotate-secret"): {
        **_ENDPOINT,
        "previousSecretExpiresAt": "2026-11-21T16:25:00.000Z",
        "updatedAt": "2026-11-20T16:25:00.000Z",
        "secret": "whsec_QW5vdGhlckV4YW1wbGVBbm90aGVyRXhhbXBsZQ==",
    },
    ("POST", f"{_ONE}/test"): _TEST,
    ("GET", _DELIVERIES): [_DELIVERED],
    ("GET", _DELIVERY): _DELIVERED,
    ("POST", f"{_DELIVERY}/retry"): _AGAIN,
    ("POST", f"{_ONE}/recover"): _STARTED,
    ("POST", f"{_ONE}/replay-missing"): _STARTED,
    ("GET", "/v1/events"): [_EVENT],
    ("GET", "/v1/events/{id}"): _EVENT,
    ("GET", "/v1/event-types"): [_EVENT_TYPE],
}
