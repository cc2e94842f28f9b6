"""A merchant's programs, as the tests of the whole stack play them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from local.http_json import Answer, call
from local.stack import Stack

Condition = Callable[[], Any]
STEP_S = 0.2


class Merchant:
    """An organization of the running stack, and what its programs can ask."""

    def __init__(self, described: dict[str, Any], api_base: str, stripe_url: str) -> None:
        self.described = described
        self.api = f"{api_base}/v1"
        self.stripe_url = stripe_url
        self.key = str(described["test_key"])
        self.stripe_key = str(described["stripe_secret_key"])

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = None, **headers: str) -> Answer:
        """A request with this merchant's test key, or another."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return call(method, self.api + path, body, {"Authorization": f"Bearer {key or self.key}", **named})

    def charge(self, amount: int = 5_000, currency: str = "usd", **fields: Any) -> str:
        """A new charge at the sandbox; its id."""
        body = {"amount": amount, "currency": currency, **fields}
        headers = {"Authorization": f"Bearer {self.stripe_key}"}
        answer = call("POST", f"{self.stripe_url}/_sandbox/charges", body, headers)
        assert answer.status < 300, answer
        return str(answer.body["id"])

    def refund(self, charge: str, amount: int, key: str | None = None) -> Answer:
        """Ask for a refund, under an idempotency key of its own unless one is given."""
        body = {"transactionId": charge, "amount": amount, "reason": "product_defective"}
        return self.call("POST", "/refunds", body, Idempotency_Key=key or uuid.uuid4().hex)

    def at_the_processor(self, charge: str) -> list[dict[str, Any]]:
        """The refunds of a charge that the sandbox has."""
        headers = {"Authorization": f"Bearer {self.stripe_key}"}
        answer = call("GET", f"{self.stripe_url}/v1/refunds?charge={charge}&limit=100", headers=headers)
        assert answer.status == 200, answer
        return list(answer.body["data"])

    def refund_in(self, refund_id: str, status: str, timeout_s: float = 20) -> dict[str, Any]:
        """The refund once it has a status; fails with the refund as it stands when it never has."""

        seen: dict[str, Any] = {}

        def read() -> bool:
            answer = self.call("GET", f"/refunds/{refund_id}")
            if answer.status == 429:
                return False
            assert answer.status == 200, answer
            seen.update(answer.body["data"])
            return bool(seen["status"] == status)

        eventually(read, timeout_s, lambda: f"{refund_id} is {seen}")
        return seen


def eventually(condition: Condition, timeout_s: float, story: Callable[[], str]) -> Any:
    """What `condition` gives once it is true; fails with the story after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {timeout_s} s: {story()}")
        time.sleep(STEP_S)
    return found


def new_merchant(stack: Stack, name: str) -> Merchant:
    """An organization of its own, made as `make org` makes it."""
    described = stack.seed_organization(name, few=True)
    return Merchant(described, stack.record["api_base"], stack.record["stripe_sandbox_url"])
