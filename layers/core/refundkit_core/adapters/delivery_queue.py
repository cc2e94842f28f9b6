"""The queues of webhook deliveries on SQS, and one-time schedules for what waits longer than a queue can hold it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from botocore.exceptions import ClientError

from refundkit_core.application.webhook_ports import Lane, Letter, Recovery
from refundkit_core.domain.deliveries import delivery_id
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

LONGEST_DELAY_S: Final = 900
"""What a queue can hold a message back for."""
_A_BATCH: Final = 10
_THERE: Final = "ConflictException"


class Waiting(NamedTuple):
    """Where letters wait: the queues by their URLs, and what one-time schedules need to put into the patient one."""

    prompt_url: str
    patient_url: str
    patient_arn: str
    schedule_group: str
    schedule_role_arn: str
    dead_letter_arn: str


class SqsDeliveryQueue:
    """``DeliveryQueue`` on two SQS queues and EventBridge Scheduler, whose precision is a minute.

    Messages are grouped by endpoint: the queues then give no endpoint's messages precedence over another's. Those that
    a schedule puts are in no group.
    """

    def __init__(self, sqs: Callable[[], SQSClient], scheduler: Callable[[], Any], waiting: Waiting) -> None:
        self._sqs = sqs
        self._scheduler = scheduler
        self._waiting = waiting

    def put(self, lane: Lane, letters: Sequence[Letter]) -> None:
        for start in range(0, len(letters), _A_BATCH):
            entries = [_entry(number, each) for number, each in enumerate(letters[start : start + _A_BATCH])]
            answer = self._sqs().send_message_batch(QueueUrl=self._url(lane), Entries=entries)
            if answer.get("Failed"):
                raise StoreConflict("The queue did not take all that it was given")

    def later(self, letter: Letter, at: datetime, now: datetime, lane: Lane = "patient") -> None:
        wait_s = max(0, math.ceil((at - now).total_seconds()))
        if wait_s > LONGEST_DELAY_S:
            self._schedule(letter, at)
            return
        self._sqs().send_message(
            QueueUrl=self._url(lane),
            MessageBody=message_of(letter),
            MessageGroupId=letter.endpoint_id,
            DelaySeconds=wait_s,
        )

    def _url(self, lane: Lane) -> str:
        return self._waiting.prompt_url if lane == "prompt" else self._waiting.patient_url

    def _schedule(self, letter: Letter, at: datetime) -> None:
        """One schedule a letter, by its name: asked for again, it is there."""
        second = datetime.fromtimestamp(math.ceil(at.timestamp()), UTC)
        turn = "-turn" if letter.has_turn else ""
        try:
            self._scheduler().create_schedule(
                Name=f"{delivery_id(letter.endpoint_id, letter.event_id)}-{letter.version}{turn}",
                GroupName=self._waiting.schedule_group,
                ScheduleExpression=f"at({second:%Y-%m-%dT%H:%M:%S})",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._waiting.patient_arn,
                    "RoleArn": self._waiting.schedule_role_arn,
                    "Input": message_of(letter),
                    "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400},
                    "DeadLetterConfig": {"Arn": self._waiting.dead_letter_arn},
                },
            )
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") != _THERE:
                raise


class SqsRecoveryQueue:
    """``RecoveryQueue``: the queue that the bus feeds."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def ask(self, recovery: Recovery) -> None:
        tenant = recovery.tenant
        message = {
            "recovery": recovery.kind,
            "organizationId": tenant.org_id,
            "environment": tenant.environment,
            "endpointId": recovery.endpoint_id,
            "after": recovery.after,
        }
        self._client().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message, separators=(",", ":")))


def message_of(letter: Letter) -> str:
    """What the deliverer reads: ids only."""
    told: dict[str, Any] = {
        "organizationId": letter.tenant.org_id,
        "environment": letter.tenant.environment,
        "endpointId": letter.endpoint_id,
        "eventId": letter.event_id,
        "eventType": letter.event_type,
        "version": letter.version,
    }
    return json.dumps({**told, **({"hasTurn": True} if letter.has_turn else {})}, separators=(",", ":"))


def letter_in(message: Mapping[str, Any]) -> Letter:
    """The letter that :func:`message_of` wrote. Raises KeyError for anything else."""
    return Letter(
        Tenant(message["organizationId"], message["environment"]),
        message["endpointId"],
        message["eventId"],
        message["eventType"],
        message["version"],
        message.get("hasTurn", False),
    )


def _entry(number: int, letter: Letter) -> SendMessageBatchRequestEntryTypeDef:
    return {"Id": str(number), "MessageBody": message_of(letter), "MessageGroupId": letter.endpoint_id}
