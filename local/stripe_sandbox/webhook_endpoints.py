"""Webhook endpoints: where events go. The signing secret is answered once, on creation."""

from __future__ import annotations

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import EndpointNotes, Json
from local.stripe_sandbox.deliveries import is_loopback_url
from local.stripe_sandbox.errors import invalid
from local.stripe_sandbox.params import (
    Spec,
    boolean,
    listing,
    merged_metadata,
    metadata,
    optional_text,
    text,
    words,
)  # fmt: skip
from local.stripe_sandbox.state import Call

CREATE = Spec(
    {
        "url": text(), "enabled_events": words, "description": optional_text, "metadata": metadata,
        "api_version": text(), "connect": boolean,
    },
    required=("enabled_events", "url"),
)  # fmt: skip
RETRIEVE = Spec()
LIST = listing()
UPDATE = Spec(
    {"url": text(), "enabled_events": words, "description": optional_text, "metadata": metadata,
     "disabled": boolean}
)  # fmt: skip
DELETE = Spec()


def create(call: Call) -> Json:
    """`POST /v1/webhook_endpoints`."""
    secret = f"whsec_{ids.random_text(32)}"
    endpoint: Json = {
        "id": ids.new_id("we"), "object": "webhook_endpoint", "api_version": call.given("api_version"),
        "application": None, "created": call.unix(), "description": call.given("description"),
        "enabled_events": call.params["enabled_events"], "livemode": call.book.livemode,
        "metadata": merged_metadata({}, call.given("metadata", {})), "status": "enabled",
        "url": _own_machine(call.params["url"]),
    }  # fmt: skip
    call.book.webhook_endpoints.put(endpoint)
    call.book.endpoint_notes[endpoint["id"]] = EndpointNotes(secret, call.given("connect", False))
    return endpoint | {"secret": secret}


def _own_machine(url: str) -> str:
    if not is_loopback_url(url):
        raise invalid(
            "Invalid URL: this sandbox posts to http and https on loopback addresses only, "
            "such as http://127.0.0.1:8000/webhooks.",
            "url",
            "url_invalid",
        )
    return url


def retrieve(call: Call) -> Json:
    """`GET /v1/webhook_endpoints/{id}`."""
    return call.require(call.book.webhook_endpoints, call.path_ids["id"])


def update(call: Call) -> Json:
    """`POST /v1/webhook_endpoints/{id}`."""
    endpoint = retrieve(call)
    changes: Json = {name: call.params[name] for name in ("enabled_events", "description") if name in call.params}
    if "url" in call.params:
        changes["url"] = _own_machine(call.params["url"])
    if "metadata" in call.params:
        changes["metadata"] = merged_metadata(endpoint["metadata"], call.params["metadata"])
    if "disabled" in call.params:
        changes["status"] = "disabled" if call.params["disabled"] else "enabled"
    endpoint |= changes
    return endpoint


def delete(call: Call) -> Json:
    """`DELETE /v1/webhook_endpoints/{id}`."""
    endpoint = retrieve(call)
    call.book.webhook_endpoints.delete(endpoint["id"])
    return {"id": endpoint["id"], "object": "webhook_endpoint", "deleted": True}
