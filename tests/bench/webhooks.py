"""Webhooks on the whole stack: what two endpoints in trouble do to three that are well, and what a delivery bills.

The events are put on the bus as ``adapters.events`` puts them, not made by refunds: a thousand refunds would keep the
processors of this machine busier than their deliveries, and what is measured are the deliveries. ``created`` is taken
the moment before, so that a time is from commit to arrival but for the stream's share (section ``paid`` has that).
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Signal
from threading import Lock
from typing import Any, Final, NamedTuple

from refundkit_core.adapters.events import EventBridgeBus
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.tenancy import Tenant

from local.console import StepFailed, say
from local.deploy import aws_session
from local.http_json import call
from local.settings import free_stack_settings
from local.stack import Stack
from local.warm import headers_for
from tests.bench import delivery_cost
from tests.bench.report import Figure, Section, columns, number
from tests.support.webhook_receiver import Answer, Turn, WebhookReceiver, hang, status

EVENTS: Final = 1_000
_BURST: Final = 200
_A_CALL: Final = 10
_HEALTHY: Final = ("one", "two", "three")
_SLOW_S: Final = 3.0
_WAIT_S: Final = 240.0
_STEADY_PER_S: Final = 15
_AT_ONCE: Final = 1_000_000


class Arrivals:
    """The answer of a receiver that is well: at once. Keeps when each event came first, on the wall clock."""

    def __init__(self, count: int) -> None:
        self.at: dict[str, float] = {}
        self.complete = Signal()
        self._count = count
        self._lock = Lock()

    def __call__(self, turn: Turn) -> None:
        with self._lock:
            self.at.setdefault(turn.request.headers["webhook-id"], time.time())
            if len(self.at) >= self._count:
                self.complete.set()
        status(200)(turn)


class Run(NamedTuple):
    """What the endpoints that are well saw of one run, in seconds; ``took_s`` is from the first event to the last."""

    took_s: float
    p50_s: float
    p95_s: float
    slowest_s: float


def measure() -> Section:
    """Send the events to three endpoints, and then, of another organization, to the like and two in trouble."""
    section = Section(f"{EVENTS} events to each webhook endpoint on the whole local stack, and what a delivery bills")
    with tempfile.TemporaryDirectory(prefix="refundkit-bench-") as scratch:
        say("  ...  the whole stack")
        with Stack(free_stack_settings(Path(scratch))) as running:
            burst = _run(running, "burst", _BURST, _AT_ONCE, {})
            say(f"  ...  twice {EVENTS} events, {_STEADY_PER_S} a second")
            alone = _run(running, "alone", EVENTS, _STEADY_PER_S, {})
            beside = _run(running, "beside", EVENTS, _STEADY_PER_S, {"dead": hang(), "slow": _answer_slowly})
    rows = [
        _row(f"three that are well, {_BURST} events at once", _BURST, burst),
        _row("three that are well", EVENTS, alone),
        _row(f"beside one that hangs and one that takes {_SLOW_S:.0f} s", EVENTS, beside),
    ]
    ratio = beside.p95_s / alone.p95_s
    section.lines = [
        *columns(("endpoints", "events", "events/s", "p50 ms", "p95 ms", "slowest ms"), rows),
        "",
        f"  Of the three that are well; each of them got every event, each time. Pace: {_STEADY_PER_S} a second.",
        "  The emulator's latencies, not AWS's, and six workers where AWS has fifty.",
        "",
        *delivery_cost.lines(),
    ]
    runs = {"burst": burst._asdict(), "alone": alone._asdict(), "beside": beside._asdict()}
    section.record = {**runs, "events": EVENTS, "per_s": _STEADY_PER_S, "p95_ratio": ratio}
    section.figures = [
        Figure(
            "webhooks: p95 from commit to three endpoints, beside one that hangs and a slow one",
            f"{beside.p95_s * 1000:.0f} ms",
            f"without these {alone.p95_s * 1000:.0f} ms",
            f"{ratio:.2f} x",
        ),
        *delivery_cost.figures(),
    ]
    return section


def _row(name: str, count: int, run: Run) -> list[str]:
    return [name, number(count), number(count / run.took_s), *(number(each * 1000) for each in run[1:])]


def _run(stack: Stack, name: str, count: int, per_s: float, troubled: dict[str, Answer]) -> Run:
    described = stack.seed_organization(name, few=True)
    well = {path: Arrivals(count) for path in _HEALTHY}
    answers: dict[str, Answer] = {**well, **troubled}
    with WebhookReceiver() as receiver, ExitStack() as to_do:
        for path, answer in answers.items():
            receiver.answers(f"/{path}", answer)
            made = _subscribe(stack, described["test_key"], receiver.url(f"/{path}"))
            to_do.callback(_unsubscribe, stack, described["test_key"], made)
        created = _publish(stack, Tenant(described["org_id"], "test"), count, per_s)
        deadline = time.monotonic() + _WAIT_S
        for path, arrivals in well.items():
            if not arrivals.complete.wait(deadline - time.monotonic()):
                raise StepFailed(f"{len(arrivals.at)} of {count} events reached endpoint {path} within {_WAIT_S} s")
        if any(arrivals.at.keys() != created.keys() for arrivals in well.values()):
            raise StepFailed("an endpoint got an event that was never made")
    waits = sorted(at - created[made] for arrivals in well.values() for made, at in arrivals.at.items())
    last = max(at for arrivals in well.values() for at in arrivals.at.values())
    return Run(last - min(created.values()), statistics.median(waits), waits[int(len(waits) * 0.95)], waits[-1])


def _answer_slowly(turn: Turn) -> None:
    turn.stopping.wait(_SLOW_S)
    status(200)(turn)


def _publish(stack: Stack, tenant: Tenant, count: int, per_s: float) -> dict[str, float]:
    """Put the events on the bus, so many a second; when each was made, by its id."""
    client = aws_session().client("events", endpoint_url=stack.settings.aws_url)
    bus = EventBridgeBus(client, stack.record["outputs"]["EventBusName"])
    created: dict[str, float] = {}
    began, at_once = time.monotonic(), 1 if per_s < _AT_ONCE else _A_CALL
    for start in range(0, count, at_once):
        time.sleep(max(0.0, began + start / per_s - time.monotonic()))
        events = [_event(tenant, number_of) for number_of in range(start, min(start + at_once, count))]
        created |= {each.id: each.created_at.timestamp() for each in events}
        if bus.publish(events):
            raise StepFailed("the bus refused events")
    return created


def _event(tenant: Tenant, count: int) -> Event:
    now, refund = datetime.now(UTC), f"ref_{count:026d}"
    payload: dict[str, Any] = {
        "refundId": refund,
        "transactionId": "ch_3QbSample0000000000000001",
        "amount": 1_200,
        "currency": "usd",
        "processor": "stripe",
        "externalRefundId": "re_3QbSample0000000000000001",
        "status": "completed",
        "statusDetail": None,
        "reason": "product_defective",
    }
    return Event(event_id(refund, 3, now), tenant, refund, 3, "refund.completed", True, now, payload)


def _subscribe(stack: Stack, key: str, url: str) -> str:
    body = {"url": url, "events": ["refund.*"]}
    made = call("POST", f"{stack.settings.api_base}/v1/webhook-endpoints", body, headers_for(key))
    if made.status != 201:
        raise StepFailed(f"an endpoint was refused: {made.body}")
    return str(made.body["data"]["id"])


def _unsubscribe(stack: Stack, key: str, endpoint_id: str) -> None:
    call("DELETE", f"{stack.settings.api_base}/v1/webhook-endpoints/{endpoint_id}", headers=headers_for(key))
