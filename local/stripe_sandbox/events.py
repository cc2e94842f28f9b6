"""Event objects: facts about what changed, kept for `GET /v1/events` and handed to the courier."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import Book, Json

if TYPE_CHECKING:
    from local.stripe_sandbox.state import Call, Scope


@dataclass(frozen=True)
class Origin:
    """The API request that caused a change; both None for what happened by itself."""

    request_id: str | None = None
    idempotency_key: str | None = None


def record_event(scope: Scope, api_version: str, kind: str, subject: Json, previous: Json | None) -> Json:
    """Store an event about `subject` as it stands now and queue its deliveries."""
    shown = {"object": copy.deepcopy(subject)}
    if previous is not None:
        shown["previous_attributes"] = copy.deepcopy(previous)
    book = scope.book
    targets = _interested_endpoints(scope, kind)
    event: Json = {
        "id": ids.new_id("evt"), "object": "event", "api_version": api_version, "created": scope.unix(),
        "data": shown, "livemode": book.livemode, "pending_webhooks": len(targets),
        "request": {"id": scope.origin.request_id, "idempotency_key": scope.origin.idempotency_key},
        "type": kind,
    }  # fmt: skip
    book.events.put(event)
    for owner, endpoint in targets:
        # Connect endpoints are told whose event it is; an account's own endpoints are not.
        sent = event if owner is book else event | {"account": book.account.id}
        scope.state.courier.post(
            account_id=book.account.id, endpoint=endpoint, secret=owner.endpoint_notes[endpoint["id"]].secret,
            event=sent, stored=event,
        )  # fmt: skip
    return event


def _interested_endpoints(scope: Scope, kind: str) -> list[tuple[Book, Json]]:
    book = scope.book
    listeners = [(book, False)]
    platform_id = book.account.connected_to
    platform = scope.state.accounts.get(platform_id) if platform_id else None
    if platform is not None:
        listeners.append((scope.state.book(platform, book.livemode), True))
    return [
        (owner, endpoint)
        for owner, connect in listeners
        for endpoint in owner.webhook_endpoints.all()
        if owner.endpoint_notes[endpoint["id"]].connect is connect
        and endpoint["status"] == "enabled"
        and ("*" in endpoint["enabled_events"] or kind in endpoint["enabled_events"])
    ]


def retrieve(call: Call) -> Json:
    """`GET /v1/events/{id}`."""
    return call.require(call.book.events, call.path_ids["id"])


def keep(call: Call, row: Json) -> bool:
    """The filters of `GET /v1/events`: `type` (a trailing `*` is a wildcard) or `types[]`."""
    wanted = call.given("types") or ([call.given("type")] if call.given("type") else [])
    kind: str = row["type"]
    return not wanted or any(kind.startswith(name[:-1]) if name.endswith("*") else kind == name for name in wanted)
