"""Webhooks of a world: endpoints, events as the bus tells them, and the queues' workers, one letter at a time."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
from refundkit_core.adapters.events import detail_of
from refundkit_core.domain.events import Event

from tests.integration.conftest import World
from tests.support.functions import function_module
from tests.support.template import resources

NOWHERE = "http://127.0.0.1:9/webhooks"
"""Nobody listens there; tests resolve no name."""
ENDPOINTS = "/v1/webhook-endpoints"


class Webhooks:
    """The handlers of webhooks, called as API, bus and queues call them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)
        self._published: set[str] = set()

    def endpoint(self, url: str = NOWHERE, *events: str, **more: Any) -> dict[str, Any]:
        """A new endpoint, for everything unless ``events`` say otherwise."""
        body = {"url": url, "events": list(events) or ["*"], **more}
        made: dict[str, Any] = self.asks("POST", ENDPOINTS, body)
        return made

    def asks(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """What stands in the answer to a request that must be accepted."""
        status, envelope, _ = self.world.call(method, path, body, **options)
        assert status < 300, envelope
        return envelope["data"]

    def of(self, endpoint: dict[str, Any], action: str = "") -> str:
        """The path of an endpoint, or of something that is done with it."""
        return f"{ENDPOINTS}/{endpoint['id']}{action}"

    def deliveries(self, endpoint: dict[str, Any], query: str = "", **options: Any) -> list[dict[str, Any]]:
        """The endpoint's deliveries, newest first."""
        found: list[dict[str, Any]] = self.asks("GET", self.of(endpoint, f"/deliveries{query}"), **options)
        return found

    def told(self, refund_id: str) -> list[Event]:
        """The events of a refund, which the stream gives to the bus."""
        return list(self.world.container.refunds.timeline(self.world.tenant, refund_id))

    def dispatch(self, *events: Event) -> None:
        """The bus hands over what the webhooks' rule lets through."""
        bodies = [json.dumps({"detail": json.loads(detail_of(event))}) for event in events if event.public]
        self._take("dispatch_webhooks", [self._record(body) for body in bodies])

    def work(self) -> int:
        """Work off what waits in the queues now, what a recovery asks for too; how many messages there were."""
        settings = self.world.container.settings
        done = 0
        while messages := self._received(settings.webhooks_queue_url):
            for message in messages:
                self._take("dispatch_webhooks", [self._record(message)])
            done += len(messages)
        lanes = {
            settings.prompt_deliveries_queue_url: settings.prompt_deliveries_queue_arn,
            settings.patient_deliveries_queue_url: settings.patient_deliveries_queue_arn,
        }
        for url, arn in lanes.items():
            while messages := self._received(url):
                for message in messages:  # moto loses writes of several threads: one letter a batch
                    self._take("deliver_webhook", [self._record(message, arn)])
                done += len(messages)
        return done

    def wired(self) -> Webhooks:
        """The bus with the template's rules for webhooks and for notifications, each into its queue."""
        bus, sqs, settings = boto3.client("events"), boto3.client("sqs"), self.world.container.settings
        for rule, url in (("WebhooksRule", settings.webhooks_queue_url), ("NotifyRule", settings.notify_queue_url)):
            pattern = resources("AWS::Events::Rule")[rule]["Properties"]["EventPattern"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            bus.put_rule(Name=rule, EventBusName=settings.event_bus, EventPattern=json.dumps(pattern))
            bus.put_targets(Rule=rule, EventBusName=settings.event_bus, Targets=[{"Id": "queue", "Arn": arn}])
        return self

    def publish(self) -> None:
        """The table's stream gives every event to its consumer, once, and that to the bus."""
        records = []
        for item in boto3.client("dynamodb").scan(TableName="refundkit")["Items"]:
            keys = {name: item[name] for name in ("pk", "sk")}
            if item["sk"]["S"].startswith("EVENT#") and str(keys) not in self._published:
                self._published.add(str(keys))
                records.append({"dynamodb": {"Keys": keys, "NewImage": item}})
        self._take("publish_events", records)

    def flow(self) -> int:
        """From what is stored to what is sent: stream, bus, dispatch, delivery. How many messages were worked off."""
        self.publish()
        return self.work()

    def later(self, **by: float) -> None:
        """Time passes, the sweep puts what is overdue, and the workers work."""
        self.world.clock.advance(**by)
        now = int(self.world.clock.now().timestamp())
        self.world.stripe("POST", "/_sandbox/clock", {"now": now})
        function_module("sweep").handler({}, None)
        self.work()

    def commands(self) -> list[tuple[str, str]]:
        """What was done to webhooks, oldest first: commands and their targets."""
        trail = self.world.container.trail.of(self.world.tenant)
        return [(entry.command, entry.target) for entry in trail if entry.command.startswith("webhooks ")]

    def _received(self, url: str) -> list[str]:
        sqs, bodies = boto3.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def _record(self, body: str, arn: str = "") -> dict[str, Any]:
        return {"messageId": f"m-{next(self._numbers)}", "body": body, "eventSourceARN": arn}

    def _take(self, function: str, records: list[dict[str, Any]]) -> None:
        answer = function_module(function).handler({"Records": records}, None)
        assert answer == {"batchItemFailures": []}
