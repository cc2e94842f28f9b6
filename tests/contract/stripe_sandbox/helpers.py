"""What the sandbox tests share: an SDK client that checks every answer, control calls, a webhook receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import monotonic
from typing import Any

import pytest
import requests
import stripe

from local.stripe_sandbox import SandboxServer

from .annotations import problems_of

DEADLINE_S = 10.0


class CheckedHttpClient(stripe.RequestsClient):
    """The SDK's transport; every object that comes back must be as the SDK's annotations say."""

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **rest: Any) -> Any:
        answer = super().request(method, url, headers, post_data, **rest)
        body, status = answer[0], answer[1]
        if status == 200:
            shown = json.loads(body)
            assert problems_of(shown) == [], f"{method} {url}"
        return answer


class Merchant:
    """One account of the sandbox with SDK clients for both modes, and control calls in its name."""

    def __init__(self, sandbox: SandboxServer, name: str, **more: str) -> None:
        self.sandbox = sandbox
        made = control(sandbox, "POST", "/_sandbox/accounts", {"name": name, **more})
        self.id: str = made["id"]
        self.test_key: str = made["test_secret_key"]
        self.live_key: str = made["live_secret_key"]
        self.test = sdk(sandbox, self.test_key)
        self.live = sdk(sandbox, self.live_key)

    def charge(self, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """A sample charge."""
        made: dict[str, Any] = control(self.sandbox, "POST", "/_sandbox/charges", fields, key=key or self.test_key)
        assert problems_of(made) == []
        return made

    def fault(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Arm a fault for this account."""
        wanted = {"kind": kind, "operation": "refunds.create", "account": self.id, **fields}
        armed: dict[str, Any] = control(self.sandbox, "POST", "/_sandbox/faults", wanted)
        return armed

    def requests(self, **query: Any) -> list[dict[str, Any]]:
        """What this account asked for, newest first."""
        asked: list[dict[str, Any]] = control(
            self.sandbox, "GET", "/_sandbox/requests", query={"account": self.id, **query}
        )["data"]
        return asked


def sdk(sandbox: SandboxServer, key: str, timeout_s: float = DEADLINE_S, **options: Any) -> Any:
    """`client.v1` of the official SDK, pointed at the sandbox, without retries."""
    client = stripe.StripeClient(
        key,
        base_addresses={"api": sandbox.url},
        max_network_retries=0,
        http_client=CheckedHttpClient(timeout=timeout_s),
        **options,
    )
    return client.v1


def error_of(caught: pytest.ExceptionInfo[stripe.StripeError]) -> stripe.ErrorObject:
    """The error object of an SDK exception."""
    assert caught.value.error is not None
    return caught.value.error


def control_answer(
    sandbox: SandboxServer,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    key: str | None = None,
    query: dict[str, Any] | None = None,
) -> tuple[int, Any]:
    """Status and JSON of a control call."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = requests.request(method, sandbox.url + path, json=body, headers=headers, params=query, timeout=DEADLINE_S)
    return answer.status_code, answer.json()


def control(sandbox: SandboxServer, method: str, path: str, body: Any = None, **rest: Any) -> Any:
    """JSON of a control call that must succeed."""
    status, answer = control_answer(sandbox, method, path, body, **rest)
    assert status == 200, answer
    return answer


def wait_for(condition: Callable[[], Any]) -> Any:
    """The first true value of a condition, asked again and again until a deadline."""
    pause = threading.Event()
    deadline = monotonic() + DEADLINE_S
    while monotonic() < deadline:
        value = condition()
        if value:
            return value
        pause.wait(0.005)
    raise AssertionError("the condition never came true")


def at_once(count: int, action: Callable[[int], Any]) -> list[Any]:
    """Run an action in that many threads, all let go at the same moment; results or exceptions."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(index: int) -> None:
        barrier.wait(DEADLINE_S)
        try:
            results[index] = action(index)
        except Exception as exc:
            results[index] = exc

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S * 2)
    return results


class Inbox:
    """A webhook receiver: what arrived, and what it answers."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.answers: list[int] = []
        self.url = ""

    def events(self) -> list[dict[str, Any]]:
        """The bodies that arrived."""
        return [json.loads(body) for body, _ in self.received]


@contextmanager
def webhook_inbox() -> Iterator[Inbox]:
    """A receiver on a free port of this machine."""
    inbox = Inbox()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.received.append((body, self.headers["Stripe-Signature"]))
            self.send_response(inbox.answers.pop(0) if inbox.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    inbox.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
