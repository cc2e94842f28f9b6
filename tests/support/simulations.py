"""Simulations in the integration tests: a past to try policies on, and the worker with its queue in the test's hand."""

from __future__ import annotations

import csv
import io
import json
from typing import Any
from urllib.request import urlopen

import boto3
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.support.functions import function_module

STRICT: dict[str, Any] = {
    "name": "Strict",
    "rules": [{"category": "shoes", "finalSale": True}, {"category": "default", "returnWindowDays": 30}],
    "globalLimits": {"autoApproveThreshold": 1500},
}
LAX: dict[str, Any] = {"name": "Lax", "rules": [{"category": "default"}]}


def policy_of(world: World, document: dict[str, Any], **asked: Any) -> str:
    """A published policy of the organization."""
    made = world.call("POST", "/v1/policies", document)[1]["data"]
    status, envelope, _ = world.call("POST", f"/v1/policies/{made['id']}/publish", asked)
    assert status == 200, envelope
    return str(made["id"])


def draft(world: World, policy_id: str, document: dict[str, Any]) -> None:
    """Write the policy's next draft."""
    status, envelope, _ = world.call("PUT", f"/v1/policies/{policy_id}", document)
    assert status == 200, envelope


def span(world: World) -> dict[str, str]:
    """A range that ends a moment from now, and is a day long."""
    from datetime import timedelta

    now = world.clock.now()
    return {"from": iso(now - timedelta(days=1)), "to": iso(now + timedelta(seconds=1))}


def simulated(world: World, policy_id: str, **asked: Any) -> dict[str, Any]:
    """A simulation of the last day that must be accepted."""
    world.clock.advance(seconds=1)
    headers = asked.pop("headers", None)
    body = {**span(world), **asked}
    status, envelope, _ = world.call("POST", f"/v1/policies/{policy_id}/simulate", body, headers=headers)
    assert status == 201, envelope
    made: dict[str, Any] = envelope["data"]
    return made


def shown(world: World, simulation_id: str) -> dict[str, Any]:
    """The simulation as ``GET`` shows it."""
    status, envelope, _ = world.call("GET", f"/v1/simulations/{simulation_id}")
    assert status == 200, envelope
    found: dict[str, Any] = envelope["data"]
    return found


def taken(world: World) -> list[str]:
    """The bodies of all messages that wait, which wait no more."""
    sqs, queue = boto3.client("sqs"), world.container.settings.simulation_queue_url
    bodies: list[str] = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            bodies.append(message["Body"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def handed(*bodies: str) -> list[str]:
    """Hand messages to the worker, one invocation each; those that come back."""
    back = []
    for body in bodies:
        record = {"messageId": "m-1", "body": body}
        answer = function_module("simulate").handler({"Records": [record]}, None)
        back += [body] * len(answer["batchItemFailures"])
    return back


def message(world: World, simulation_id: str, chunk: int) -> str:
    """What the worker gets."""
    tenant = world.tenant
    return json.dumps(
        {
            "organizationId": tenant.org_id,
            "environment": tenant.environment,
            "simulationId": simulation_id,
            "chunk": chunk,
        }
    )


def work(world: World, most: int = 50) -> int:
    """Work the queue off; how many messages that took."""
    worked = 0
    while bodies := taken(world):
        worked += len(bodies)
        assert worked <= most, "it does not end"
        assert handed(*bodies) == []
    return worked


def rows_at(world: World, found: dict[str, Any]) -> list[dict[str, str]]:
    """The rows of a completed simulation's file, read from where its URL says."""
    text = boto3.client("s3").get_object(
        Bucket=world.container.settings.reports_bucket, Key=found["csvUrl"].split("?")[0].partition(".com/")[2]
    )["Body"]
    return rows_of(text.read().decode())


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def read_url(url: str) -> str:
    """What stands at a URL."""
    with urlopen(url, timeout=10) as answer:
        body: bytes = answer.read()
    return body.decode()
