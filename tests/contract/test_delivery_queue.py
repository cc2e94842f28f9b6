"""Where deliveries wait: what is sent to SQS and to EventBridge Scheduler, and that it is read as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from refundkit_core.adapters.delivery_queue import (
    LONGEST_DELAY_S,
    SqsDeliveryQueue,
    SqsRecoveryQueue,
    Waiting,
    letter_in,
    message_of,
)
from refundkit_core.application.webhook_ports import Letter, Recovery
from refundkit_core.domain.deliveries import delivery_id
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.tenancy import Tenant

from tests.support.aws import create_parts
from tests.support.builders import TENANT
from tests.support.clock import START

ENDPOINT = "whe_00000000000000000000000001"
EVENT = "evt_01KAG4D7T22B4D6F8H0K2N4Q6S"
LETTER = Letter(TENANT, ENDPOINT, EVENT, "refund.completed", 3)
WAITING = Waiting("prompt", "patient", "arn:patient", "group", "arn:role", "arn:dead")


class Queues(NamedTuple):
    """The queue of deliveries, and what it is made of."""

    queue: SqsDeliveryQueue
    waiting: Waiting

    def messages(self, url: str) -> list[dict[str, Any]]:
        """All that can be received now."""
        sqs, found = boto3.client("sqs"), []
        while got := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [json.loads(message["Body"]) for message in got]
        return found

    def delayed(self, url: str) -> int:
        """How many wait for their time."""
        found = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        return int(found["Attributes"]["ApproximateNumberOfMessagesDelayed"])

    def schedules(self) -> list[str]:
        """The names of all schedules of the group."""
        found = boto3.client("scheduler").list_schedules(GroupName=self.waiting.schedule_group)["Schedules"]
        return [schedule["Name"] for schedule in found]


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        made = create_parts()
        waiting = Waiting(
            made["REFUNDKIT_PROMPT_DELIVERIES_QUEUE_URL"],
            made["REFUNDKIT_PATIENT_DELIVERIES_QUEUE_URL"],
            made["REFUNDKIT_PATIENT_DELIVERIES_QUEUE_ARN"],
            made["REFUNDKIT_DELIVERY_SCHEDULE_GROUP"],
            made["REFUNDKIT_DELIVERY_SCHEDULE_ROLE_ARN"],
            made["REFUNDKIT_DELIVERIES_DEAD_LETTER_QUEUE_ARN"],
        )
        yield Queues(SqsDeliveryQueue(lambda: boto3.client("sqs"), lambda: boto3.client("scheduler"), waiting), waiting)


class Recorder:
    """A client that keeps what it is asked, and answers ``answer`` or raises it."""

    def __init__(self, answer: Any = None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._answer = answer if answer is not None else {}

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> Any:
            self.calls.append((name, arguments))
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


def recorded(answer: Any = None) -> tuple[Recorder, SqsDeliveryQueue]:
    """A queue of deliveries over one recorder, which stands for both services."""
    recorder = Recorder(answer)
    return recorder, SqsDeliveryQueue(lambda: recorder, lambda: recorder, WAITING)  # type: ignore[arg-type, return-value]


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "CreateSchedule")


def test_letters_go_to_the_queue_of_their_lane_in_batches_of_ten(queues: Queues) -> None:
    prompt = [LETTER._replace(version=number) for number in range(23)]
    queues.queue.put("prompt", prompt)
    queues.queue.put("patient", [LETTER])

    read = [letter_in(message) for message in queues.messages(queues.waiting.prompt_url)]
    assert sorted(read) == prompt
    assert [letter_in(message) for message in queues.messages(queues.waiting.patient_url)] == [LETTER]

    recorder, queue = recorded()
    queue.put("prompt", prompt)
    assert [len(call["Entries"]) for _, call in recorder.calls] == [10, 10, 3]
    for name, call in recorder.calls:
        assert (name, call["QueueUrl"]) == ("send_message_batch", "prompt")
        assert len({entry["Id"] for entry in call["Entries"]}) == len(call["Entries"])
        assert {entry["MessageGroupId"] for entry in call["Entries"]} == {ENDPOINT}


def test_nothing_is_sent_where_there_is_nothing() -> None:
    recorder, queue = recorded()
    queue.put("prompt", [])
    assert recorder.calls == []


def test_a_batch_that_is_not_taken_whole_is_a_conflict() -> None:
    _, queue = recorded({"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "InternalError"}]})
    with pytest.raises(StoreConflict):
        queue.put("patient", [LETTER, LETTER])


def test_what_comes_within_a_quarter_of_an_hour_waits_in_the_queue_and_what_comes_later_in_a_schedule(
    queues: Queues,
) -> None:
    queues.queue.later(LETTER, START + timedelta(seconds=900), START)
    assert queues.delayed(queues.waiting.patient_url) == 1
    assert queues.schedules() == []

    queues.queue.later(LETTER, START + timedelta(seconds=901), START)
    assert queues.delayed(queues.waiting.patient_url) == 1
    assert queues.schedules() == [f"{delivery_id(ENDPOINT, EVENT)}-3"]
    assert queues.messages(queues.waiting.prompt_url) == []


@pytest.mark.parametrize(("wait_s", "delay_s"), [(-60.0, 0), (0.0, 0), (0.001, 1), (5.0, 5), (5.2, 6), (899.5, 900)])
def test_a_delay_is_whole_seconds_and_never_too_short(wait_s: float, delay_s: int) -> None:
    recorder, queue = recorded()
    queue.later(LETTER, START + timedelta(seconds=wait_s), START)

    assert recorder.calls == [
        (
            "send_message",
            {
                "QueueUrl": "patient",
                "MessageBody": message_of(LETTER),
                "MessageGroupId": ENDPOINT,
                "DelaySeconds": delay_s,
            },
        )
    ]


def test_a_schedule_puts_the_letter_into_the_patient_queue_once_and_is_gone(queues: Queues) -> None:
    queues.queue.later(LETTER, START + timedelta(hours=2, milliseconds=1), START)

    (name,) = queues.schedules()
    made = boto3.client("scheduler").get_schedule(Name=name, GroupName=queues.waiting.schedule_group)
    assert made["ScheduleExpression"] == "at(2026-11-20T14:00:01)"
    assert made["ActionAfterCompletion"] == "DELETE"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    target = made["Target"]
    assert target["Arn"] == queues.waiting.patient_arn
    assert target["RoleArn"] == queues.waiting.schedule_role_arn
    assert target["DeadLetterConfig"] == {"Arn": queues.waiting.dead_letter_arn}
    assert target["RetryPolicy"]["MaximumEventAgeInSeconds"] <= 86_400  # more is refused
    assert letter_in(json.loads(target["Input"])) == LETTER


def test_the_same_letter_is_scheduled_once_another_version_or_turn_beside_it(queues: Queues) -> None:
    at = START + timedelta(hours=2)
    for _ in range(2):
        queues.queue.later(LETTER, at, START)
    queues.queue.later(LETTER._replace(version=4), at, START)
    queues.queue.later(LETTER._replace(has_turn=True), at, START)

    known = delivery_id(ENDPOINT, EVENT)
    assert sorted(queues.schedules()) == [f"{known}-3", f"{known}-3-turn", f"{known}-4"]


def test_that_it_is_there_is_no_failure_and_everything_else_is() -> None:
    at = START + timedelta(hours=2)
    _, there = recorded(refused("ConflictException"))
    there.later(LETTER, at, START)

    for code in ("ThrottlingException", "ServiceQuotaExceededException", "ResourceNotFoundException"):
        _, broken = recorded(refused(code))
        with pytest.raises(ClientError, match=code):
            broken.later(LETTER, at, START)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001 - it gets its zone below
def test_no_schedule_is_before_its_time_nor_a_second_after_it(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    recorder, queue = recorded()
    queue.later(LETTER, at, at - timedelta(seconds=LONGEST_DELAY_S + 1))

    ((_, call),) = recorder.calls
    said = datetime.strptime(call["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC)
    assert timedelta(0) <= said - at < timedelta(seconds=1)
    assert call["GroupName"] == "group"
    assert len(call["Name"]) <= 64  # as long as a name may be


TEXT = st.text(min_size=1)
LETTERS = st.builds(
    Letter,
    st.builds(Tenant, TEXT, st.sampled_from(["test", "live"])),
    TEXT,
    TEXT,
    TEXT,
    st.integers(0, 10_000),
    st.booleans(),
)


@given(LETTERS)
def test_a_letter_is_read_as_it_was_written(letter: Letter) -> None:
    assert letter_in(json.loads(message_of(letter))) == letter


def test_what_is_no_letter_is_refused() -> None:
    for message in ({}, {"organizationId": "org_1"}, {"recovery": "recover"}):
        with pytest.raises(KeyError):
            letter_in(message)


def test_a_recovery_waits_in_the_webhooks_queue(queues: Queues) -> None:
    url = boto3.client("sqs").get_queue_url(QueueName="webhooks")["QueueUrl"]
    SqsRecoveryQueue(lambda: boto3.client("sqs"), url).ask(Recovery("replay_missing", TENANT, ENDPOINT, EVENT))

    assert queues.messages(url) == [
        {
            "recovery": "replay_missing",
            "organizationId": TENANT.org_id,
            "environment": TENANT.environment,
            "endpointId": ENDPOINT,
            "after": EVENT,
        }
    ]
