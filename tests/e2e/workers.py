"""Our handlers in this process, as several workers over one table: MiniStack's DynamoDB, and Stripe's sandbox."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from unittest.mock import patch

from refundkit.api_keys import hash_api_key
from refundkit_core.adapters.dynamodb import keys
from refundkit_core.application.ports import Clock
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.entrypoints import container as containers
from refundkit_core.entrypoints import observability
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.settings import Settings

from local.deploy import start_emulator
from local.http_json import call
from local.processes import Children
from local.settings import dummy_credentials, free_stack_settings
from local.stripe_sandbox import SandboxServer
from tests.bench.environment import environment
from tests.support.aws import create_parts
from tests.support.functions import function_module
from tests.support.requests import gateway_event

_WORKERS = 4
_TOGETHER_S = 30.0
_Result = TypeVar("_Result")


class Said(NamedTuple):
    """What the API answered."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def code(self) -> str | None:
        """The error's code, None where there is none."""
        return self.body["error"] and str(self.body["error"]["code"])


class Workers:
    """Several containers, as Lambda's workers each have one; every thread is one of them."""

    def __init__(self, settings: Settings, sandbox: SandboxServer) -> None:
        self.settings = settings
        self.sandbox = sandbox
        self.containers = [Container(settings) for _ in range(_WORKERS)]
        self._own = threading.local()
        provision = self.containers[0].provision
        organization = provision.create_organization("acme", "Ada", "ada@example.com")
        self.key = organization.test_key
        self.tenant = Tenant(organization.org_id, "test")
        provision.connect(organization.org_id, "test", "stripe", sandbox.test_key, "http://127.0.0.1:9/api")
        self._warm()

    def mine(self) -> Container:
        """This thread's container."""
        return getattr(self._own, "container", self.containers[0])

    def set_clock(self, clock: Clock) -> None:
        """New workers that tell the time by ``clock``."""
        self.containers = [Container(self.settings, clock) for _ in range(_WORKERS)]
        self._warm()

    def _warm(self) -> None:
        """What a worker has done before its second request."""
        for each in self.containers:
            each.connections.of(self.tenant, "stripe")
            each.organizations.secret(self.tenant.org_id)

    def admit(self, per_minute: int) -> None:
        """How often a minute the key may ask."""
        at = keys.api_key(hash_api_key(self.key))
        values = {":often": per_minute}
        self.containers[0].table.update(at, "SET per_minute = :often", "attribute_exists(pk)", values)

    def at_once(self, acts: Sequence[Callable[[], _Result]]) -> list[_Result]:
        """Run all ``acts`` at the same moment, each in a thread of its own, spread over the workers."""
        barrier = threading.Barrier(len(acts))

        def run(number: int) -> _Result:
            self._own.container = self.containers[number % len(self.containers)]
            barrier.wait(_TOGETHER_S)
            return acts[number]()

        with ThreadPoolExecutor(len(acts)) as pool:
            return list(pool.map(run, range(len(acts)), timeout=_TOGETHER_S))

    def charge(self, amount: int = 5_000, **fields: Any) -> dict[str, Any]:
        body = {"amount": amount, "currency": "usd", **fields}
        headers = {"Authorization": f"Bearer {self.sandbox.test_key}"}
        answer = call("POST", f"{self.sandbox.url}/_sandbox/charges", body, headers)
        assert answer.status < 300, answer
        return dict(answer.body)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Said:
        return self.ask_with(self.key, method, path, body, **headers)

    def ask_with(self, key: str, method: str, path: str, body: Any = None, **headers: str) -> Said:
        """A request with another key than the organization's first."""
        event = gateway_event(method, path, body, key=key, headers=headers)
        answer = function_module(event.pop("function")).handler(event, None)
        return Said(answer["statusCode"], json.loads(answer["body"]), answer["headers"])

    def refund(self, transaction_id: str, amount: int, key: str | None = None) -> Said:
        body = {"transactionId": transaction_id, "amount": amount, "reason": "product_defective"}
        return self.ask("POST", "/v1/refunds", body, **({"idempotency-key": key} if key else {}))

    def execute(self, refund_id: str) -> Any:
        """Hand the refund's message to the execution function."""
        detail = {"organizationId": self.tenant.org_id, "environment": "test", "data": {"refundId": refund_id}}
        record = {"messageId": "m-1", "body": json.dumps({"detail": detail})}
        return function_module("execute_refund").handler({"Records": [record]}, None)

    def status(self, refund_id: str) -> str:
        """The refund's status in the store."""
        head = self.containers[0].refunds.head(self.tenant, refund_id)
        assert head is not None
        return head.status

    def events(self, refund_id: str) -> list[str]:
        """The types of the refund's public events, oldest first."""
        return [event.type for event in self.containers[0].refunds.timeline(self.tenant, refund_id) if event.public]

    def ledger(self, charge_id: str) -> Ledger:
        reference = TransactionRef("stripe", self.sandbox.account.id, charge_id)
        found = self.containers[0].refunds.ledger(self.tenant, reference)
        assert found is not None
        return found

    def sums(self, charge_id: str) -> tuple[int, int, int]:
        """Reserved, refunded and available of the charge's ledger."""
        ledger = self.ledger(charge_id)
        return ledger.reserved_minor, ledger.refunded_minor, ledger.available_minor

    def at_stripe(self, charge_id: str) -> list[int]:
        """The amounts of the charge's refunds at the sandbox."""
        answer = call("GET", f"{self.sandbox.url}/_sandbox/refunds?charge={charge_id}")
        assert answer.status == 200, answer
        return sorted(row["amount"] for row in answer.body["data"])


@contextmanager
def workers_on_emulator(state: Path) -> Iterator[Workers]:
    """MiniStack and the sandbox on free ports, the template's table, and our handlers over them."""
    settings = free_stack_settings(state)
    settings.logs.mkdir(parents=True)
    children = Children(settings.logs)
    with ExitStack() as stack:
        stack.callback(children.stop_all)
        start_emulator(settings, children)
        sandbox = stack.enter_context(SandboxServer(port=0))
        with environment(dummy_credentials(settings)):
            parts = create_parts()
        stack.enter_context(environment({**dummy_credentials(settings), **parts}))
        logger = observability.build_logger("races", io.StringIO())
        stack.enter_context(patch.object(observability, "logger", lambda: logger))
        workers = Workers(Settings.parse({**parts, "REFUNDKIT_STRIPE_API_BASE": sandbox.url}), sandbox)
        stack.enter_context(patch.object(containers, "own_container", workers.mine))
        yield workers
