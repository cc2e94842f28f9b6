"""The template's parts on an emulator: the table exactly as the template says, and key, queues and bucket beside it."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import boto3

from tests.support.moto_state import made_once
from tests.support.template import resolved, resources


def _client(service: str, region_name: str | None = None) -> Any:
    """A client for what the environment names: making one takes longer than all that it is used for here."""
    named = ("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return _made(service, region_name, tuple(os.environ.get(name) for name in named))


@cache
def _made(service: str, region_name: str | None, _environment: tuple[str | None, ...]) -> Any:
    return boto3.client(service, region_name=region_name)  # type: ignore[call-overload]


def create_parts() -> dict[str, str]:
    """Create table, key, bus, queues and bucket; returns the settings that name them."""
    return _create_parts() if os.environ.get("AWS_ENDPOINT_URL") else {**made_once("parts", _create_parts)}


def _create_parts() -> dict[str, str]:
    described = resolved(resources("AWS::DynamoDB::Table")["Table"]["Properties"])
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    _client("dynamodb").create_table(TableName="refundkit", **{name: described[name] for name in wanted})
    key = _client("kms").create_key()["KeyMetadata"]["Arn"]
    _client("events").create_event_bus(Name="refundkit")
    sqs = _client("sqs")
    return {
        "REFUNDKIT_STAGE": "local",
        "REFUNDKIT_PUBLIC_API_BASE": "http://127.0.0.1:9/api",
        "REFUNDKIT_TABLE": "refundkit",
        "REFUNDKIT_KMS_KEY_ID": key,
        "REFUNDKIT_EVENT_BUS": "refundkit",
        "REFUNDKIT_EXECUTION_QUEUE_URL": sqs.create_queue(QueueName="execution")["QueueUrl"],
        "REFUNDKIT_PROCESSOR_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="news")["QueueUrl"],
        "REFUNDKIT_PARKED_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="parked")["QueueUrl"],
        "REFUNDKIT_UNDELIVERED_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="undelivered")["QueueUrl"],
        "REFUNDKIT_EXECUTION_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="execution-dead")["QueueUrl"],
        "REFUNDKIT_PROCESSOR_EVENTS_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="news-dead")["QueueUrl"],
        "REFUNDKIT_SIMULATION_QUEUE_URL": sqs.create_queue(QueueName="simulation")["QueueUrl"],
        "REFUNDKIT_SIMULATION_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="simulation-dead")["QueueUrl"],
        "REFUNDKIT_APPROVAL_QUEUE_URL": sqs.create_queue(QueueName="approvals")["QueueUrl"],
        "REFUNDKIT_APPROVAL_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="approvals-dead")["QueueUrl"],
        "REFUNDKIT_AUDIT_QUEUE_URL": _fifo_queue("audit"),
        "REFUNDKIT_AUDIT_DEAD_LETTER_QUEUE_URL": _fifo_queue("audit-dead"),
        "REFUNDKIT_APPROVAL_STATE_MACHINE_ARN": _state_machine("refund-approval"),
        "REFUNDKIT_NOTIFY_QUEUE_URL": sqs.create_queue(QueueName="notify")["QueueUrl"],
        "REFUNDKIT_NOTIFY_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="notify-dead")["QueueUrl"],
        "REFUNDKIT_WEBHOOKS_QUEUE_URL": sqs.create_queue(QueueName="webhooks")["QueueUrl"],
        "REFUNDKIT_WEBHOOKS_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="webhooks-dead")["QueueUrl"],
        "REFUNDKIT_PROMPT_DELIVERIES_QUEUE_URL": sqs.create_queue(QueueName="prompt-deliveries")["QueueUrl"],
        "REFUNDKIT_PROMPT_DELIVERIES_QUEUE_ARN": queue_arn("prompt-deliveries"),
        "REFUNDKIT_PATIENT_DELIVERIES_QUEUE_URL": sqs.create_queue(QueueName="patient-deliveries")["QueueUrl"],
        "REFUNDKIT_PATIENT_DELIVERIES_QUEUE_ARN": queue_arn("patient-deliveries"),
        "REFUNDKIT_DELIVERIES_DEAD_LETTER_QUEUE_URL": sqs.create_queue(QueueName="deliveries-dead")["QueueUrl"],
        "REFUNDKIT_DELIVERIES_DEAD_LETTER_QUEUE_ARN": queue_arn("deliveries-dead"),
        "REFUNDKIT_DELIVERY_SCHEDULE_GROUP": _schedule_group("refundkit-deliveries"),
        "REFUNDKIT_DELIVERY_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/deliveries",
        "REFUNDKIT_MAIL_FROM": _sender("refunds@mail.example"),
        "REFUNDKIT_REPORTS_BUCKET": _bucket("refundkit-reports"),
    }


def queue_arn(name: str) -> str:
    """The ARN of a queue of these."""
    return f"arn:aws:sqs:us-east-1:123456789012:{name}"


def _schedule_group(name: str) -> str:
    _client("scheduler").create_schedule_group(Name=name)
    return name


def _fifo_queue(name: str) -> str:
    made = _client("sqs").create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})
    return str(made["QueueUrl"])


def _state_machine(name: str) -> str:
    """A state machine that waits: moto runs none, and tests look at what it is told."""
    wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": True}}}
    role = "arn:aws:iam::123456789012:role/states"
    made = _client("stepfunctions").create_state_machine(name=name, definition=json.dumps(wait), roleArn=role)
    return str(made["stateMachineArn"])


def _sender(address: str) -> str:
    """An address that mails may be sent from."""
    _client("sesv2").create_email_identity(EmailIdentity=address)
    return address


def _bucket(name: str) -> str:
    s3 = _client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=name)
    return name
