"""Queues as a person works on them: SQS read by hand, and what parked messages say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.records import DeadLetter
from refundkit_core.application.redrive import DeadLetterQueues
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import parse_iso

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

_HIDDEN_S: Final = 120
_A_BATCH: Final = 10
_FIFO: Final = ".fifo"
_WAIT_S: Final = 1
"""A long poll asks every server: only then does an empty answer mean an empty queue."""


class QueueUrls(Protocol):
    """The settings that name queues."""

    @property
    def execution_queue_url(self) -> str: ...
    @property
    def execution_dead_letter_queue_url(self) -> str: ...
    @property
    def processor_events_queue_url(self) -> str: ...
    @property
    def processor_events_dead_letter_queue_url(self) -> str: ...
    @property
    def simulation_queue_url(self) -> str: ...
    @property
    def simulation_dead_letter_queue_url(self) -> str: ...
    @property
    def approval_queue_url(self) -> str: ...
    @property
    def approval_dead_letter_queue_url(self) -> str: ...
    @property
    def audit_queue_url(self) -> str: ...
    @property
    def audit_dead_letter_queue_url(self) -> str: ...
    @property
    def notify_queue_url(self) -> str: ...
    @property
    def notify_dead_letter_queue_url(self) -> str: ...
    @property
    def webhooks_queue_url(self) -> str: ...
    @property
    def webhooks_dead_letter_queue_url(self) -> str: ...
    @property
    def patient_deliveries_queue_url(self) -> str: ...
    @property
    def deliveries_dead_letter_queue_url(self) -> str: ...
    @property
    def parked_events_queue_url(self) -> str: ...
    @property
    def undelivered_events_queue_url(self) -> str: ...


class SqsMailbox:
    """``DeadLetters`` on one SQS queue."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def receive(self) -> Sequence[DeadLetter]:
        answer = self._client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=_A_BATCH,
            VisibilityTimeout=_HIDDEN_S,
            WaitTimeSeconds=_WAIT_S,
            MessageSystemAttributeNames=["MessageGroupId"],
        )
        return [
            DeadLetter(found["Body"], found["ReceiptHandle"], found.get("Attributes", {}).get("MessageGroupId"))
            for found in answer.get("Messages", ())
        ]

    def send(self, letter: DeadLetter) -> None:
        group: dict[str, Any] = {} if letter.group is None else {"MessageGroupId": letter.group}
        if self._queue_url.endswith(_FIFO):  # by its receipt: the queue would drop a copy of what it has just had
            group["MessageDeduplicationId"] = hashlib.sha256(letter.receipt.encode()).hexdigest()
        self._client.send_message(QueueUrl=self._queue_url, MessageBody=letter.body, **group)

    def remove(self, letter: DeadLetter) -> None:
        self._client.delete_message(QueueUrl=self._queue_url, ReceiptHandle=letter.receipt)


def dead_letter_queues(client: SQSClient, settings: QueueUrls) -> DeadLetterQueues:
    """All queues that a person moves messages between."""
    return DeadLetterQueues(
        execution=SqsMailbox(client, settings.execution_dead_letter_queue_url),
        processor_events=SqsMailbox(client, settings.processor_events_dead_letter_queue_url),
        simulation=SqsMailbox(client, settings.simulation_dead_letter_queue_url),
        approvals=SqsMailbox(client, settings.approval_dead_letter_queue_url),
        audit=SqsMailbox(client, settings.audit_dead_letter_queue_url),
        notifications=SqsMailbox(client, settings.notify_dead_letter_queue_url),
        webhooks=SqsMailbox(client, settings.webhooks_dead_letter_queue_url),
        deliveries=SqsMailbox(client, settings.deliveries_dead_letter_queue_url),
        parked=SqsMailbox(client, settings.parked_events_queue_url),
        undelivered=SqsMailbox(client, settings.undelivered_events_queue_url),
        to_execution=SqsMailbox(client, settings.execution_queue_url),
        to_processor_events=SqsMailbox(client, settings.processor_events_queue_url),
        to_simulation=SqsMailbox(client, settings.simulation_queue_url),
        to_approvals=SqsMailbox(client, settings.approval_queue_url),
        to_audit=SqsMailbox(client, settings.audit_queue_url),
        to_notifications=SqsMailbox(client, settings.notify_queue_url),
        to_webhooks=SqsMailbox(client, settings.webhooks_queue_url),
        to_deliveries=SqsMailbox(client, settings.patient_deliveries_queue_url),
    )


class ParkedBodies:
    """``ParkedEvents``: the event as it was to leave, or the key of the item that holds it."""

    def __init__(self, table: Callable[[], Table]) -> None:
        self._table = table

    def read(self, body: str) -> Event | None:
        try:
            parked = json.loads(body)
            return self._stored(parked["unreadable"]) if "unreadable" in parked else _event_of_detail(parked)
        except (KeyError, ValueError, TypeError):
            return None

    def _stored(self, key: str) -> Event | None:
        pk, _, sk = key.rpartition(" ")
        item = self._table().get(Key(pk, sk))
        return None if item is None else event_of(item)


def _event_of_detail(detail: dict[str, Any]) -> Event:
    """The event whose ``detail_of`` this is, enough of it to leave again unchanged."""
    return Event(
        id=detail["id"],
        tenant=Tenant(detail["organizationId"], detail["environment"]),
        subject=detail["data"].get("refundId", ""),
        version=0,
        type=detail["type"],
        public=detail["public"],
        created_at=parse_iso(detail["created"]),
        payload=detail["data"],
        tell=detail.get("tell", False),
    )
