"""Events on their way out: the EventBridge bus, and the queue where refused ones wait for a person."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from refundkit_core.domain.events import API_VERSION, Event
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef
    from mypy_boto3_sqs.client import SQSClient

SOURCE: Final = "refundkit"
_MAX_ENTRIES: Final = 10


def detail_of(event: Event) -> str:
    """The event as it stands on the bus: document 002's payload, and whose it is beside it."""
    return json.dumps(
        {
            "id": event.id,
            "type": event.type,
            "created": iso(event.created_at),
            "apiVersion": API_VERSION,
            "organizationId": event.tenant.org_id,
            "environment": event.tenant.environment,
            "public": event.public,
            "tell": event.tell,
            "data": event.payload,
        },
        separators=(",", ":"),
    )


class EventBridgeBus:
    """``EventBus`` on one EventBridge bus, ten events a call."""

    def __init__(self, client: EventBridgeClient, bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def publish(self, events: Sequence[Event]) -> Sequence[Event]:
        refused: list[Event] = []
        for start in range(0, len(events), _MAX_ENTRIES):
            batch = events[start : start + _MAX_ENTRIES]
            answer = self._client.put_events(Entries=[self._entry(event) for event in batch])
            refused.extend(event for event, entry in zip(batch, answer["Entries"], strict=True) if "ErrorCode" in entry)
        return refused

    def _entry(self, event: Event) -> PutEventsRequestEntryTypeDef:
        return {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": detail_of(event),
            "EventBusName": self._bus_name,
            "Time": event.created_at,
        }


class SqsParkingLot:
    """``ParkingLot`` on one SQS queue."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def park(self, event: Event) -> None:
        self._client().send_message(QueueUrl=self._queue_url, MessageBody=detail_of(event))

    def park_unreadable(self, key: str) -> None:
        self._client().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps({"unreadable": key}))
