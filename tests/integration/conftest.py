"""The real adapters and handlers on moto, the Stripe sandbox over HTTP, and the clock in the test's hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.session import Session, get_session
from moto import mock_aws
from refundkit_core.adapters import mailbox
from refundkit_core.application.provision import NewConnection, NewOrganization
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.entrypoints import container as containers
from refundkit_core.entrypoints import observability
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.settings import Settings

from local.stripe_sandbox import SandboxServer
from tests.support.aws import create_parts
from tests.support.clock import FixedClock
from tests.support.functions import function_module
from tests.support.http import post_json
from tests.support.moto_state import made_once
from tests.support.openapi import check_answer
from tests.support.requests import gateway_event


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer(port=0) as server:
        yield server


@dataclass
class World:
    """One organization on a fresh table, its sandbox account, and the handlers."""

    container: Container
    clock: FixedClock
    sandbox: SandboxServer
    organization: NewOrganization
    connection: NewConnection

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.organization.org_id, "test")

    def stripe(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """Call the sandbox's control or API with JSON."""
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key or self.sandbox.test_key}"}
        request = Request(self.sandbox.url + path, payload, headers, method=method)
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def charge(self, **fields: Any) -> Any:
        """A sample charge; 5,000 usd, captured, now, unless told otherwise."""
        created = int(self.clock.now().timestamp())
        return self.stripe(
            "POST", "/_sandbox/charges", {"amount": 5000, "currency": "usd", "created": created, **fields}
        )

    def call(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        """One HTTP request through the function that serves it: status, envelope, headers; all of it as documented."""
        key = options.pop("key", self.organization.test_key)
        event = gateway_event(method, path, body, key=key, **options)
        answer = function_module(event.pop("function")).handler(event, None)
        if "{proxy+}" not in event["resource"]:
            check_answer(method, event["resource"], answer["statusCode"], answer["body"], answer["headers"])
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    def refund(self, transaction_id: str, **fields: Any) -> dict[str, Any]:
        """Open a refund of 2,000 that must be accepted."""
        body = {"transactionId": transaction_id, "reason": "product_defective", **fields}
        if "full" not in fields:
            body.setdefault("amount", 2000)
        status, envelope, _ = self.call("POST", "/v1/refunds", body)
        assert status == 201, envelope
        opened: dict[str, Any] = envelope["data"]
        return opened

    def execute(self, refund_id: str) -> dict[str, Any]:
        """Hand the refund's execution message to the worker."""
        detail = {
            "organizationId": self.tenant.org_id,
            "environment": self.tenant.environment,
            "data": {"refundId": refund_id},
        }
        record = {"messageId": "m-1", "body": json.dumps({"detail": detail})}
        answer: dict[str, Any] = function_module("execute_refund").handler({"Records": [record]}, None)
        return answer

    def sweep_and_work(self, minutes: int) -> None:
        """Let time pass here and at the sandbox, sweep, and work off the execution queue."""
        self.clock.advance(minutes=minutes)
        self.stripe("POST", "/_sandbox/clock", {"now": int(self.clock.now().timestamp())})
        function_module("sweep").handler({}, None)
        sqs, queue = boto3.client("sqs"), self.container.settings.execution_queue_url
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                record = {"messageId": message["MessageId"], "body": message["Body"]}
                function_module("execute_refund").handler({"Records": [record]}, None)
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    def reconnect(self) -> None:
        """Connect the sandbox account anew, as after its credentials expired."""
        self.connection = self.container.provision.connect(
            self.organization.org_id, "test", "stripe", self.sandbox.test_key, "http://127.0.0.1:9/api"
        )
        self.container.connections.forget(self.tenant, "stripe")

    def shown(self, refund_id: str) -> dict[str, Any]:
        """The refund as ``GET`` shows it."""
        status, envelope, _ = self.call("GET", f"/v1/refunds/{refund_id}")
        assert status == 200, envelope
        found: dict[str, Any] = envelope["data"]
        return found

    def paid_at_stripe(self, refund_id: str) -> list[dict[str, Any]]:
        """Refunds at the sandbox that carry our id."""
        found = self.stripe("GET", "/_sandbox/refunds")
        rows: list[dict[str, Any]] = found["data"] if isinstance(found, dict) else found
        return [row for row in rows if row["metadata"].get("refundkit_refund_id") == refund_id]


@cache
def one_session() -> Session:
    """One session for all worlds: reading the services' descriptions is most of what a new one costs."""
    return get_session()


@contextmanager
def made_world(sandbox: SandboxServer) -> Iterator[World]:
    """A world of its own while the context lasts."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setenv("POWERTOOLS_SERVICE_NAME", "test")
        clock = FixedClock()
        patch.setattr(containers, "_session", one_session)
        patch.setattr(mailbox, "_WAIT_S", 0)  # one process holds all of an emulated queue

        def made() -> tuple[Settings, NewOrganization]:
            settings = Settings.parse({**create_parts(), "REFUNDKIT_STRIPE_API_BASE": sandbox.url})
            provision = Container(settings, clock).provision
            return settings, provision.create_organization("acme", "Ada", "ada@example.com")

        settings, organization = made_once("acme", made)
        container = Container(settings, clock)
        patch.setattr(containers, "own_container", lambda: container)
        post_json(f"{sandbox.url}/_sandbox/reset", {}, sandbox.test_key)
        now = {"now": int(clock.now().timestamp())}
        post_json(f"{sandbox.url}/_sandbox/clock", now, sandbox.test_key)
        connection = container.provision.connect(
            organization.org_id, "test", "stripe", sandbox.test_key, "http://127.0.0.1:9/api"
        )
        yield World(container, clock, sandbox, organization, connection)


@pytest.fixture
def world(sandbox_server: SandboxServer) -> Iterator[World]:
    with made_world(sandbox_server) as made:
        yield made


@pytest.fixture(scope="module")
def _shared(sandbox_server: SandboxServer) -> Iterator[World]:
    with made_world(sandbox_server) as made:
        yield made


@pytest.fixture
def shared(_shared: World) -> World:
    """One world for the tests of a module that change nothing in it; each has a minute of its own."""
    _shared.clock.advance(minutes=1)
    return _shared


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[], list[dict[str, Any]]]:
    """The log lines written since the last look."""
    stream = io.StringIO()
    logger = observability.build_logger(request.node.name, stream)
    monkeypatch.setattr(observability, "logger", lambda: logger)

    def read() -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        stream.seek(0)
        stream.truncate()
        return lines

    return read
