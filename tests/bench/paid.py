"""From commit to paid: how long a refund takes through stream, bus, queue and worker of the whole stack."""

from __future__ import annotations

import statistics
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from local.console import say
from local.http_json import call
from local.settings import free_stack_settings
from local.stack import Stack
from local.warm import headers_for, wait_for_final
from tests.bench.report import Figure, Section, columns, number

_REFUNDS: Final = 25
_WAIT_S: Final = 20.0


def measure() -> Section:
    """Milliseconds from a refund's first event to its last, one refund after the other, on a warm stack."""
    section = Section("From commit to paid at the sandbox, on the whole local stack, one refund at a time")
    with tempfile.TemporaryDirectory(prefix="refundkit-bench-") as scratch:
        say("  ...  the whole stack")
        with Stack(free_stack_settings(Path(scratch))) as running:
            described = running.record
            taken_ms = sorted(_one(described, number_of) for number_of in range(_REFUNDS))
    median, p95 = statistics.median(taken_ms), taken_ms[int(len(taken_ms) * 0.95)]
    rows = [(_REFUNDS, number(median), number(p95), number(taken_ms[-1]))]
    section.lines = columns(("refunds", "median ms", "p95 ms", "slowest ms"), rows)
    section.lines += [
        "",
        "  The emulator's latencies, not AWS's; the order of magnitude of our own part is what it shows.",
    ]
    section.record = {"refunds": _REFUNDS, "median_ms": median, "p95_ms": p95, "slowest_ms": taken_ms[-1]}
    section.figures = [Figure("from commit to paid", f"{number(median)} ms", f"p95 {number(p95)} ms", "")]
    return section


def _one(described: dict[str, Any], count: int) -> float:
    """Open one refund of the large sample charge and wait until it is paid; milliseconds between its events."""
    api, key = str(described["api_base"]), str(described["test_key"])
    body = {"transactionId": described["transactions"]["large_usd"], "amount": 100 + count, "reason": "other"}
    opened = call("POST", f"{api}/v1/refunds", body, headers_for(key)).body["data"]
    wait_for_final(api, key, str(opened["id"]), _WAIT_S)
    timeline = call("GET", f"{api}/v1/refunds/{opened['id']}/events", headers=headers_for(key)).body["data"]
    first, last = (datetime.fromisoformat(timeline[at]["createdAt"]) for at in (0, -1))
    return (last - first).total_seconds() * 1000
