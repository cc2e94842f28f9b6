"""A merchant's webhook endpoint on the running stack, and the receiver behind it, which trusts nothing it is sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from refundkit.webhook_signature import verify
from standardwebhooks import Webhook

from tests.e2e.merchant import Merchant, eventually
from tests.support.webhook_receiver import Received, WebhookReceiver

ARRIVES_WITHIN_S = 30.0


class Subscriber:
    """One endpoint, made through the API, at one path of a receiver."""

    def __init__(self, merchant: Merchant, receiver: WebhookReceiver, path: str, patterns: Iterable[str]) -> None:
        self.merchant = merchant
        self.path = path
        self._receiver = receiver
        made = self.asks("POST", "/webhook-endpoints", {"url": receiver.url(path), "events": list(patterns)})
        self.id = str(made["id"])
        self.secret = str(made["secret"])

    def asks(self, method: str, path: str, body: Any = None) -> Any:
        """The data of an answer that must be good."""
        answer = self.merchant.call(method, path, body)
        assert answer.status in (200, 201, 202), answer
        return answer.body["data"]

    def does(self, verb: str, body: Any = None) -> Any:
        """One of the routes below the endpoint."""
        return self.asks("POST", f"/webhook-endpoints/{self.id}/{verb}", body)

    def shown(self) -> dict[str, Any]:
        """The endpoint as it stands."""
        return dict(self.asks("GET", f"/webhook-endpoints/{self.id}"))

    def shown_once(self, status: str) -> dict[str, Any]:
        """The endpoint once it has a status."""
        eventually(lambda: self.shown()["status"] == status, 20, lambda: str(self.shown()))
        return self.shown()

    def log(self, event_id: str, attempts: int) -> dict[str, Any]:
        """What the log tells of an event's delivery once it shows so many attempts, a moment after each."""
        seen: list[dict[str, Any]] = []

        def shows() -> bool:
            page = self.asks("GET", f"/webhook-endpoints/{self.id}/deliveries?limit=100")
            seen[:] = [each for each in page if each["eventId"] == event_id]
            return bool(seen) and len(seen[0]["attempts"]) >= attempts

        eventually(shows, 20, lambda: f"the log has {seen}")
        (delivery,) = seen
        return delivery

    @property
    def posts(self) -> tuple[Received, ...]:
        """What came, in its order."""
        return self._here(self._receiver.requests)

    def after_posts(self, count: int, timeout_s: float = ARRIVES_WITHIN_S) -> tuple[Received, ...]:
        """What came, once there are ``count``."""
        return self._here(self._receiver.wait_until(lambda all_of: len(self._here(all_of)) >= count, timeout_s))

    def hears(self, kind: str, subject: str, timeout_s: float = ARRIVES_WITHIN_S) -> Received:
        """The first post of an event of that type in whose data ``subject`` stands, once it is there."""

        def tells(post: Received) -> bool:
            told = json.loads(post.body)
            return bool(told["type"] == kind and subject in told["data"].values())

        try:
            found = self._receiver.wait_until(lambda all_of: any(map(tells, self._here(all_of))), timeout_s)
        except TimeoutError:
            pytest.fail(f"no {kind} of {subject} at {self.path}: {[json.loads(each.body) for each in self.posts]}")
        return next(filter(tells, self._here(found)))

    def _here(self, requests: Iterable[Received]) -> tuple[Received, ...]:
        return tuple(each for each in requests if each.path == self.path)


def event_in(post: Received, *secrets: str) -> dict[str, Any]:
    """What a post tells, once our verifier and another project's have accepted it, under each of ``secrets``."""
    for secret in secrets:
        assert verify(post.body, post.headers, secret).event_id == post.headers["webhook-id"]
        Webhook(secret).verify(post.body.decode(), dict(post.headers))
    told: dict[str, Any] = json.loads(post.body)
    assert told["id"] == post.headers["webhook-id"]
    return told


def faults_of(told: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """What a JSON Schema has against an event."""
    return [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(schema).iter_errors(told)]
