"""The handlers on moto and the Stripe sandbox: every function with a container of its own, as Lambda's workers have."""

from __future__ import annotations

import io
import json
import os
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any
from unittest.mock import patch
from urllib.request import Request, urlopen

from moto import mock_aws
from refundkit_core.application.provision import NewConnection, NewOrganization
from refundkit_core.entrypoints import container as containers
from refundkit_core.entrypoints import observability
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.settings import Settings

from local.stripe_sandbox import SandboxServer
from tests.bench.environment import environment, functions
from tests.bench.wire import Call, Recorder, Uncounted
from tests.support.aws import create_parts
from tests.support.functions import function_module
from tests.support.requests import gateway_event

_AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True)
class Invocation:
    """One call of one function: its answer, its AWS calls, its CPU time without the emulator's, its log lines."""

    function: str
    answer: Any
    calls: list[Call]
    cpu_ms: float
    log_lines: list[str]
    stripe_calls: int


@dataclass
class World:
    """One organization with a connection; ``invoke`` runs a function."""

    recorder: Recorder
    sandbox: SandboxServer
    queues: dict[str, str]
    organization: NewOrganization = field(init=False)
    connection: NewConnection = field(init=False)
    _containers: dict[str, Container] = field(default_factory=dict)

    def container(self) -> Container:
        """The container of the function that runs now."""
        name = self.recorder.function
        if name not in self._containers:
            self._containers[name] = Container(Settings.parse(os.environ))
        return self._containers[name]

    def logger(self) -> Any:
        """The logger of the function that runs now."""
        return _log_of(self.recorder.function)[0]

    def arn_of(self, queue: str) -> str:
        """The ARN of a queue of that logical id; one that no function writes to goes by its logical id."""
        names = [url.rpartition("/")[2] for url, logical_id in self.queues.items() if logical_id == queue]
        return f"arn:aws:sqs:us-east-1:123456789012:{(names or [queue])[0]}"

    def forget_workers(self) -> None:
        """From now on every function starts cold: no opened secrets, no clients."""
        self._containers.clear()

    def invoke(self, function: str, event: Mapping[str, Any]) -> Invocation:
        """Run one function on one event. Raises Uncounted where it makes a call that nothing here can count."""
        recorder, handler = self.recorder, function_module(function).handler
        recorder.function, seen, asked = function, len(recorder.calls), self._stripe_requests()
        stream = _log_of(function)[1]
        began, aside_before = time.thread_time(), recorder.aside_s
        answer = handler(event, None)
        cpu_s = time.thread_time() - began - (recorder.aside_s - aside_before)
        recorder.function = "-"
        if recorder.unknown:
            raise Uncounted(f"{function} called {', '.join(sorted(recorder.unknown))} of DynamoDB")
        lines = stream.getvalue().splitlines()
        stream.seek(0)
        stream.truncate()
        stripe_calls = self._stripe_requests() - asked
        return Invocation(function, answer, recorder.calls[seen:], cpu_s * 1000, lines, stripe_calls)

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> Invocation:
        """One HTTP request through the function that serves it."""
        key = options.pop("key", self.organization.test_key)
        event = gateway_event(method, path, body, key=key, **options)
        event["requestContext"]["requestId"] = str(uuid.uuid4())
        return self.invoke(event.pop("function"), event)

    def stripe(self, method: str, path: str, body: Any = None) -> Any:
        """Call the sandbox with JSON."""
        payload = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.sandbox.test_key}"}
        with urlopen(Request(self.sandbox.url + path, payload, headers, method=method), timeout=10) as answer:
            return json.load(answer)

    def charge(self) -> Any:
        """A sample charge of 5,000 usd of a customer's, behind a payment intent, made now."""
        customer = {"name": "Mary", "email": "mary@shop.example"}
        wanted = {"amount": 5000, "currency": "usd", "payment_intent": True, "customer": customer}
        return self.stripe("POST", "/_sandbox/charges", wanted)

    def _stripe_requests(self) -> int:
        found = self.stripe("GET", "/_sandbox/requests?limit=10000")
        return len(found["data"] if isinstance(found, dict) else found)


@cache
def _log_of(function: str) -> tuple[Any, io.StringIO]:
    """A function's logger, named as the template names it, and what it writes to; loggers outlive a world."""
    stream = io.StringIO()
    service = functions()[function]["Variables"].get("POWERTOOLS_SERVICE_NAME", "refundkit")
    return observability.build_logger(service, stream), stream


@contextmanager
def open_world() -> Iterator[World]:
    """A fresh world on moto; whatever was patched is as before when it ends."""
    with ExitStack() as stack:
        stack.enter_context(environment(_AWS))
        stack.enter_context(mock_aws())
        parts = create_parts()
        sandbox = stack.enter_context(SandboxServer(port=0))
        stack.enter_context(environment({**_AWS, **parts, "REFUNDKIT_STRIPE_API_BASE": sandbox.url}))
        recorder = Recorder(parts["REFUNDKIT_TABLE"])
        stack.enter_context(recorder.installed())
        world = World(recorder, sandbox, _queues(parts))
        for module in _users_of_the_container():
            stack.enter_context(patch.object(module, "container", world.container))
        stack.enter_context(patch.object(observability, "logger", world.logger))
        provision = world.container().provision
        world.organization = provision.create_organization("acme", "Ada", "ada@example.com")
        world.connection = provision.connect(
            world.organization.org_id, "test", "stripe", sandbox.test_key, "http://127.0.0.1:9/api"
        )
        recorder.lift_rate_limits()
        recorder.calls.clear()
        yield world


def _users_of_the_container() -> list[ModuleType]:
    """The modules that hold the name ``container`` of the process's container, the functions' own among them."""
    own = [function_module(name) for name in functions()]
    ours = [module for name, module in sys.modules.items() if name.startswith("refundkit_core.entrypoints")]
    return [each for each in (*own, *ours) if getattr(each, "container", None) is containers.container]


def _queues(parts: Mapping[str, str]) -> dict[str, str]:
    """The URL of each queue that the functions know to its logical id in the template."""
    variables = functions()["refunds"]["Variables"]
    return {url: variables[name]["Ref"] for name, url in parts.items() if name.endswith("QUEUE_URL")}
