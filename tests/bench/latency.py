"""Warm latency: our handler and a plain one in this process, turn by turn, against MiniStack's DynamoDB."""

from __future__ import annotations

import io
import json
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from refundkit_core.application.records import Connection
from refundkit_core.domain.ledger import TransactionRef, opened
from refundkit_core.domain.processor import ChargeSnapshot
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.entrypoints import container as containers
from refundkit_core.entrypoints import observability

from local.console import StepFailed, say
from local.deploy import start_emulator
from local.processes import Children
from local.settings import StackSettings, dummy_credentials, free_stack_settings
from tests.bench.environment import environment
from tests.bench.peers import PlainHandlers
from tests.bench.report import Figure, Section, columns, number
from tests.support.aws import create_parts
from tests.support.functions import function_module
from tests.support.requests import gateway_event

_ROUNDS = 150
_WARM_UP = 15
_ACCOUNT = "acct_bench"
_CONNECTION_ID = "con_00000000000000000000000001"
_CAPTURED = 1_000_000
Handler = Callable[[dict[str, Any], None], dict[str, Any]]


@dataclass
class Desk:
    """The two handlers over one table, each with a key and a refund that is there already."""

    ours: Handler
    plain: PlainHandlers
    key: str
    tenant: Tenant
    our_refund: str = ""
    plain_refund: str = ""

    def charge(self) -> str:
        """A charge with a fresh ledger at both: opening a refund of it calls no processor."""
        charge_id, now = f"ch_{uuid.uuid4().hex[:24]}", datetime.now(UTC)
        snapshot = ChargeSnapshot(charge_id, "usd", _CAPTURED, 0, 0, "none", now, "cus_1")
        ledger = opened(self.tenant, TransactionRef("stripe", _ACCOUNT, charge_id), snapshot, 0, now)
        containers.container().refunds.put_ledger(ledger, None, None)
        self.plain.add_ledger(charge_id, _CAPTURED)
        return charge_id


def measure() -> Section:
    """Medians of GET by id and POST, ours beside the plain peer."""
    section = Section("Warm latency in ms, beside a plain boto3 handler, on MiniStack's DynamoDB")
    with _desk() as desk:
        say(f"  ...  {_WARM_UP} + {_ROUNDS} rounds of four requests")
        for _ in range(_WARM_UP):
            _round(desk, turned=False)
        seen = [_round(desk, turned=bool(n % 2)) for n in range(_ROUNDS)]
    rows, verdicts = [], {}
    for method in ("GET", "POST"):
        ours, plain = ([one[f"{method} {who}"] for one in seen] for who in ("ours", "plain"))
        middle, beside = statistics.median(ours), statistics.median(plain)
        verdicts[method] = {
            "ours_ms": middle,
            "plain_ms": beside,
            "ours_p95_ms": _p95(ours),
            "plain_p95_ms": _p95(plain),
        }
        rows.append([method, *(number(each, 2) for each in (middle, _p95(ours), beside, _p95(plain), middle / beside))])
        section.figures.append(
            Figure(
                f"warm {method} of a refund",
                f"{middle:.1f} ms",
                f"plain boto3 {beside:.1f} ms",
                f"{middle / beside:.2f} x",
            )
        )
    section.lines = [
        *columns(("request", "ours, median", "ours, p95", "plain, median", "plain, p95", "ratio of medians"), rows),
        "",
        f"  {_ROUNDS} rounds, turn by turn. GET: one update of the key and one query each. POST: ours reads the ledger",
        "  as well (four calls, the plain one makes three), for it decides before it writes. Most of it is the",
        "  emulator's time.",
    ]
    section.record = {"rounds": _ROUNDS, **verdicts}
    return section


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


@contextmanager
def _emulator(state: Path) -> Iterator[StackSettings]:
    settings = free_stack_settings(state)
    settings.logs.mkdir(parents=True)
    children = Children(settings.logs)
    try:
        say("  ...  MiniStack")
        start_emulator(settings, children)
        yield settings
    finally:
        children.stop_all()


@contextmanager
def _desk() -> Iterator[Desk]:
    """The handlers with their parts on the emulator. Our container is the real one, read from the environment."""
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="refundkit-bench-"))
        settings = stack.enter_context(_emulator(Path(scratch)))
        stack.enter_context(environment(dummy_credentials(settings)))
        parts = create_parts()
        stack.enter_context(environment({**dummy_credentials(settings), **parts}))
        logger = observability.build_logger("bench", io.StringIO())
        stack.enter_context(patch.object(observability, "logger", lambda: logger))
        containers.own_container.cache_clear()
        stack.callback(containers.own_container.cache_clear)
        container = containers.container()
        organization = container.provision.create_organization("acme", "Ada", "ada@example.com")
        tenant = Tenant(organization.org_id, "test")
        connection = Connection(_CONNECTION_ID, tenant, "stripe", _ACCOUNT, "sk_test_bench", ("whsec_bench",), "active")
        container.connections.put(connection, datetime.now(UTC))
        _lift_rate_limit(container, organization.test_key)
        plain = PlainHandlers(os.environ["REFUNDKIT_TABLE"])
        plain.add_key(organization.test_key)
        desk = Desk(function_module("refunds").handler, plain, organization.test_key, tenant)
        charge = desk.charge()
        desk.our_refund = _post(desk, desk.ours, charge)[0]
        desk.plain_refund = _post(desk, desk.plain.post, charge)[0]
        yield desk


def _lift_rate_limit(container: containers.Container, key: str) -> None:
    from refundkit.api_keys import hash_api_key
    from refundkit_core.adapters.dynamodb import keys

    at = keys.api_key(hash_api_key(key))
    container.table.update(at, "SET per_minute = :often", "attribute_exists(pk)", {":often": 1_000_000})


def _round(desk: Desk, *, turned: bool) -> dict[str, float]:
    """One GET and one POST of each, ours first or last; every POST on a charge of its own."""
    charge = desk.charge()
    jobs: list[tuple[str, Callable[[], float]]] = [
        ("GET ours", lambda: _get(desk, desk.ours, desk.our_refund)),
        ("GET plain", lambda: _get(desk, desk.plain.get, desk.plain_refund)),
        ("POST ours", lambda: _post(desk, desk.ours, charge)[1]),
        ("POST plain", lambda: _post(desk, desk.plain.post, charge)[1]),
    ]
    return {name: job() for name, job in (reversed(jobs) if turned else jobs)}


def _get(desk: Desk, handler: Handler, refund_id: str) -> float:
    event = gateway_event("GET", f"/v1/refunds/{refund_id}", key=desk.key)
    return _timed(handler, event, 200)[1]


def _post(desk: Desk, handler: Handler, charge: str) -> tuple[str, float]:
    body = {"transactionId": charge, "amount": 100, "reason": "product_defective", "metadata": {"orderId": "order_1"}}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    answer, took_ms = _timed(handler, gateway_event("POST", "/v1/refunds", body, key=desk.key, headers=headers), 201)
    return str(json.loads(answer["body"])["data"]["id"]), took_ms


def _timed(handler: Handler, event: dict[str, Any], status: int) -> tuple[dict[str, Any], float]:
    began = time.perf_counter()
    answer = handler(event, None)
    took_ms = (time.perf_counter() - began) * 1000
    if answer["statusCode"] != status:
        raise StepFailed(f"a request was answered with {answer['statusCode']}: {answer['body']}")
    return answer, took_ms
