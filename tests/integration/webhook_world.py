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

NOWHERE = "http://127.0.0.1:9/webhooks"
"""Nobody listens there; tests resolve no name."""
ENDPOINTS = "/v1/webhook-endpoints"


class Webhooks:
    """The handlers of webhooks, called as API, bus and queues call them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._numbers = itertools.count(1)

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

    def opened(self, **fields: Any) -> Event:
        """A refund is opened; the event of it."""
        refund = self.world.refund(self.world.charge()["id"], **fields)
        return self.told(refund["id"])[0]

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

    def waiting(self) -> list[dict[str, Any]]:
        """The letters that wait now; they stay."""
        settings = self.world.container.settings
        urls = (settings.prompt_deliveries_queue_url, settings.patient_deliveries_queue_url)
        return [json.loads(body) for url in urls for body in self._received(url)]

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
