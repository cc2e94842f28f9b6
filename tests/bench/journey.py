"""One refund from intake to its final status: whatever a step causes is carried on, as the template wires it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.bench.patterns import matches
from tests.bench.wire import Call, Uncounted
from tests.bench.world import Invocation, World
from tests.support.template import resources

_MAX_STEPS = 80
Step = tuple[str, Mapping[str, Any]]


@dataclass
class Journey:
    """What happened: every invocation, the messages that queues took in, the workflow's billed transitions."""

    invocations: list[Invocation] = field(default_factory=list)
    queued: list[str] = field(default_factory=list)
    requests: int = 0
    transitions: int = 0
    waits_for: dict[str, Any] = field(default_factory=dict)


def refund(world: World, transaction_id: str, amount_minor: int = 1200) -> tuple[str, Journey]:
    """Open a refund, follow it until nothing moves, then let Stripe's webhook in and follow that.

    Raises:
        Uncounted: a step was refused, or the refund did not get through.
    """
    journey = Journey()
    body = {
        "transactionId": transaction_id,
        "amount": amount_minor,
        "reason": "product_defective",
        "metadata": {"orderId": f"order_{uuid.uuid4().hex[:12]}"},
    }
    opened = world.request("POST", "/v1/refunds", body, headers={"Idempotency-Key": str(uuid.uuid4())})
    if opened.answer["statusCode"] != 201:
        raise Uncounted(f"the refund was refused: {opened.answer['body']}")
    refund_id = json.loads(opened.answer["body"])["data"]["id"]
    journey.requests += 1
    follow(world, opened, journey)
    to_the_end(world, refund_id, journey)
    return refund_id, journey


def to_the_end(world: World, refund_id: str, journey: Journey) -> None:
    """Let Stripe's webhook in and follow it. Raises Uncounted where the refund did not get through."""
    told = webhook(world, refund_id)
    if told.answer["statusCode"] != 200:
        raise Uncounted(f"the webhook was refused: {told.answer['body']}")
    journey.requests += 1
    follow(world, told, journey)
    shown = json.loads(world.request("GET", f"/v1/refunds/{refund_id}").answer["body"])
    if shown["data"]["status"] != "completed":
        raise Uncounted(f"the refund ended as {shown['data']['status']}")


def webhook(world: World, refund_id: str) -> Invocation:
    """Stripe's event about that refund, signed, through the front door."""
    found = world.stripe("GET", "/_sandbox/refunds?limit=1000")
    rows = found["data"] if isinstance(found, dict) else found
    ours = next((row for row in rows if row["metadata"].get("refundkit_refund_id") == refund_id), None)
    if ours is None:
        raise Uncounted("the refund never reached Stripe")
    event = {
        "id": f"evt_{uuid.uuid4().hex[:24]}",
        "object": "event",
        "type": "refund.updated",
        "livemode": False,
        "created": int(time.time()),
        "data": {"object": ours},
    }
    body, sent_at = json.dumps(event), int(time.time())
    secret = world.connection.webhook_secret.encode()
    digest = hmac.new(secret, f"{sent_at}.{body}".encode(), hashlib.sha256).hexdigest()
    path = f"/v1/processors/stripe/webhook/{world.connection.connection_id}"
    return world.request("POST", path, body, key=None, headers={"stripe-signature": f"t={sent_at},v1={digest}"})


def follow(world: World, first: Invocation, journey: Journey) -> None:
    """Run everything that an invocation sets off, and what that sets off."""
    journey.invocations.append(first)
    waiting = deque(_caused(world, first, journey))
    while waiting:
        function, event = waiting.popleft()
        if len(journey.invocations) >= _MAX_STEPS:
            raise Uncounted(f"a refund took over {_MAX_STEPS} invocations")
        done = world.invoke(function, event)
        if isinstance(done.answer, dict) and done.answer.get("batchItemFailures"):
            raise Uncounted(f"{function} gave a message back: {done.log_lines}")
        journey.invocations.append(done)
        waiting.extend(_caused(world, done, journey))


def _caused(world: World, invocation: Invocation, journey: Journey) -> list[Step]:
    """What the calls of an invocation set off: stream records, rules of the bus, messages in queues."""
    steps: list[Step] = []
    for call in invocation.calls:
        if call.failed:
            continue
        steps.extend(_streamed(call))
        queued: list[tuple[str, str]] = _waited(call, journey)
        if call.operation == "PutEvents":
            queued += [each for entry in call.params["Entries"] for each in _routed(entry)]
        elif call.operation == "SendMessage":
            queued += [(world.queues[call.params["QueueUrl"]], call.params["MessageBody"])]
        elif call.operation == "SendMessageBatch":
            queue = world.queues[call.params["QueueUrl"]]
            queued += [(queue, entry["MessageBody"]) for entry in call.params["Entries"]]
        for queue, body in queued:
            journey.queued.append(queue)
            record = {"messageId": str(uuid.uuid4()), "body": body, "attributes": {}}
            event = {"Records": [{**record, "eventSourceARN": world.arn_of(queue)}]}
            steps.extend((function, event) for function in _consumers(queue))
    return steps


def _waited(call: Call, journey: Journey) -> list[tuple[str, str]]:
    """What the approvals' workflow does when it is begun, told to wait anew, or ended: each is one transition, and
    every wait is a message of its own."""
    if call.operation not in ("StartExecution", "SendTaskFailure", "SendTaskSuccess"):
        return []
    journey.transitions += 1
    if call.operation == "SendTaskSuccess":
        return []
    rung = call.params.get("error", "Day")
    if call.operation == "StartExecution":
        journey.waits_for = json.loads(call.params["input"])
    token = {"taskToken": uuid.uuid4().hex * 16, "rung": rung, "since": datetime.now(UTC).isoformat()}
    return [("ApprovalQueue", json.dumps({**journey.waits_for, **token}))]


def _streamed(call: Call) -> Iterator[Step]:
    """A batch of one for each record that a stream's filter lets through: the dearest case."""
    for write in call.writes:
        if write.operation == "ConditionCheck" or write.after is None:
            continue
        pk, sk = write.key
        record = {
            "eventID": uuid.uuid4().hex,
            "eventName": "INSERT" if write.before is None else "MODIFY",
            "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "NewImage": dict(write.after)},
        }
        for function, source, properties in _sources():
            if source != ["Table", "StreamArn"]:
                continue
            filters = properties.get("FilterCriteria", {}).get("Filters", [{"Pattern": "{}"}])
            if any(matches(json.loads(each["Pattern"]), record) for each in filters):
                yield function, {"Records": [record]}


def _routed(entry: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The queues that the bus's rules feed with an event, and the message that each gets."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": json.loads(entry["Detail"]),
    }
    body = json.dumps(event, separators=(",", ":"))
    reached: list[tuple[str, str]] = []
    for rule in resources("AWS::Events::Rule").values():
        if "EventPattern" in rule["Properties"] and matches(rule["Properties"]["EventPattern"], event):
            arns = [target["Arn"] for target in rule["Properties"]["Targets"]]
            reached.extend(
                (arn["Fn::GetAtt"][0], body) for arn in arns if isinstance(arn, dict) and "Fn::GetAtt" in arn
            )
    return reached


def _consumers(queue: str) -> list[str]:
    return [function for function, source, _ in _sources() if source == [queue, "Arn"]]


def _sources() -> Iterator[tuple[str, list[str], Mapping[str, Any]]]:
    """What wakes a function besides requests: the function, the source's resource and attribute, the properties."""
    functions = resources("AWS::Serverless::Function")
    folders = {name: made["Properties"]["CodeUri"].removeprefix("functions/") for name, made in functions.items()}
    for mapping in resources("AWS::Lambda::EventSourceMapping").values():
        properties = mapping["Properties"]
        yield folders[properties["FunctionName"]["Ref"]], properties["EventSourceArn"]["Fn::GetAtt"], properties
    for name, made in functions.items():
        for event in made["Properties"].get("Events", {}).values():
            source = event["Properties"].get("Queue") or event["Properties"].get("Stream")
            if isinstance(source, dict):
                yield folders[name], source["Fn::GetAtt"], event["Properties"]
