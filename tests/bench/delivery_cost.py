"""What a delivery of one event to one webhook endpoint bills: from the bus's rule to the receiver's answer."""

from __future__ import annotations

import json
import statistics
from functools import cache
from typing import Any, NamedTuple

from tests.bench import prices
from tests.bench.environment import memory_mb
from tests.bench.journey import Journey, refund
from tests.bench.operations import bill_of, usage_of, writes_of
from tests.bench.prices import Usage
from tests.bench.report import Figure, columns, number
from tests.bench.wire import Uncounted
from tests.bench.world import World, open_world
from tests.support.webhook_receiver import WebhookReceiver

OWN = ("dispatch_webhooks", "deliver_webhook")
_QUEUES = ("WebhooksQueue", "PromptDeliveriesQueue")
_RECEIVER_MS = 100
_ROUNDS = 8


class Counted(NamedTuple):
    """The invocations and messages of one event's way, and what they bill."""

    journey: Journey
    usage: Usage


@cache
def counted() -> Counted:
    """One event that its only endpoint takes at the first try; every message alone in its batch: the dearest case."""
    with open_world() as world, WebhookReceiver() as receiver:
        body = {"url": receiver.url("/hooks"), "events": ["refund.completed"]}
        made = world.request("POST", "/v1/webhook-endpoints", body).answer
        if made["statusCode"] != 201:
            raise Uncounted(f"the endpoint was refused: {made['body']}")
        journeys = [_delivery(world) for _ in range(_ROUNDS)]
        if len(receiver.requests) != _ROUNDS:
            raise Uncounted(f"{len(receiver.requests)} of {_ROUNDS} events arrived")
    cpu = {
        name: statistics.median(each.cpu_ms for one in journeys for each in one.invocations if each.function == name)
        for name in OWN
    }
    return Counted(journeys[-1], usage_of(journeys[-1], cpu))


def _delivery(world: World) -> Journey:
    """Of a refund's way, the part that sends its last event."""
    whole = refund(world, world.charge()["id"])[1]
    own = Journey()
    for each in whole.invocations:
        asked = json.dumps([call.params for call in each.calls], default=str)
        if each.function in OWN and "refund.completed" in asked:
            own.invocations.append(each)
    own.queued += _QUEUES
    if [each.function for each in own.invocations] != list(OWN):
        raise Uncounted(f"the event's way is {[each.function for each in own.invocations]}")
    return own


def lines() -> list[str]:
    """Its operations and its bill."""
    journey, usage = counted()
    rows: list[list[Any]] = [
        [each.function, f"{call.service} {call.operation}", number(call.read_units, 1)]
        for each in journey.invocations
        for call in each.calls
    ]
    requests = number(usage.of["sqs_requests"])
    return [
        "Calls of one event to one endpoint, taken at the first try, alone in its batches, workers warm",
        *columns(("function", "call", "read units"), rows),
        "",
        "Every write",
        *writes_of(journey),
        "",
        "The bill of a million deliveries",
        *bill_of(usage),
        "",
        f"  {requests} requests of SQS: two messages, each sent, received and deleted. Full batches share invocations,",
        "  the reads of the endpoint and its gate, and the gate's two writes. The receiver's own time is not in it:",
        f"  {_RECEIVER_MS} ms are {_waiting_usd():.2f} USD more.",
    ]


def figures() -> list[Figure]:
    """The price of a million."""
    usage = counted().usage
    units = f"{usage.of['dynamodb_write_units']:.0f} write units each"
    return [Figure("cost of a million webhook deliveries", f"{prices.total(prices.bill(usage)):.2f} USD", units, "")]


def _waiting_usd() -> float:
    gb_s = prices.gb_seconds(_RECEIVER_MS, memory_mb("deliver_webhook"))
    return prices.total(prices.bill(Usage({"lambda_wait_gb_s": gb_s})))
