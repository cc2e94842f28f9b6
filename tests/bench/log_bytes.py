"""The bytes that we log for a request or a message."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tests.bench.journey import refund
from tests.bench.report import Figure, Section, columns, within
from tests.bench.world import Invocation, World, open_world

CEILING_BYTES = 400


def measure() -> Section:
    """Run each route and each worker once, and weigh what they logged."""
    section = Section("Log bytes of a request or message, ours only")
    with open_world() as world:
        seen = {name: _bytes(invocation.log_lines) for name, invocation in _everything(world)}
    lines = {name: len(weights) for name, weights in seen.items()}
    rows: list[list[Any]] = [
        [name, lines[name], sum(weights), within(sum(weights), CEILING_BYTES)] for name, weights in sorted(seen.items())
    ]
    section.lines = [
        *columns(("what", "lines", "bytes", f"<= {CEILING_BYTES}"), rows),
        "",
        "  The newline counts. CloudWatch adds about 26 bytes a line. Lambda's own lines are switched off.",
    ]
    heaviest = max(rows, key=lambda row: int(row[2]))
    section.record = {"bytes": {row[0]: row[2] for row in rows}, "ceiling": CEILING_BYTES}
    section.figures = [
        Figure(f"log bytes, heaviest: {heaviest[0]}", str(heaviest[2]), f"ceiling {CEILING_BYTES}", heaviest[3])
    ]
    return section


def _bytes(lines: Iterable[str]) -> list[int]:
    return [len(line.encode()) + 1 for line in lines]


def _everything(world: World) -> Iterable[tuple[str, Invocation]]:
    charge = world.charge()
    refund_id, journey = refund(world, charge["id"])
    for invocation in journey.invocations:
        yield _named(invocation), invocation
    key = {"Idempotency-Key": "4c1b0f4e-5b7a-4a59-9f0e-0c4d1f9a7b11"}
    body = {"transactionId": charge["id"], "amount": 100, "reason": "product_defective"}
    calls: list[tuple[str, str, Any, dict[str, Any]]] = [
        ("POST", "/v1/refunds", body, {"headers": key}),
        ("POST", "/v1/refunds", body, {"headers": key}),
        ("POST", "/v1/refunds", {**body, "amount": 101}, {"headers": key}),
        ("POST", "/v1/refunds", {**body, "amount": 99_999}, {}),
        ("POST", "/v1/refunds", {}, {}),
        ("POST", "/v1/refunds", body, {"key": "rk_test_wrong"}),
        ("GET", "/v1/refunds", None, {}),
        ("GET", f"/v1/refunds/{refund_id}", None, {}),
        ("GET", f"/v1/refunds/{refund_id}/events", None, {}),
        ("GET", "/v1/refunds/ref_00000000000000000000000000", None, {}),
        ("GET", "/v1/health", None, {"key": None}),
        ("GET", "/nowhere", None, {}),
    ]
    for method, path, sent, options in calls:
        invocation = world.request(method, path, sent, **options)
        yield _named(invocation), invocation


def _named(invocation: Invocation) -> str:
    """The route and its outcome as our own line tells them, or the worker's name."""
    for line in invocation.log_lines:
        said = json.loads(line)
        if said.get("message") == "request":
            return " ".join(str(part) for part in (said["route"], said["status"], said.get("code", "")) if part)
    return f"{invocation.function} message"
