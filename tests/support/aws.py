"""The template's parts on an emulator: the table exactly as the template says, and the key and queues beside it."""

from __future__ import annotations

import boto3

from tests.support.template import resolved, resources


def create_parts() -> dict[str, str]:
    """Create table, key, bus and queues; returns the settings that name them."""
    described = resolved(resources("AWS::DynamoDB::Table")["Table"]["Properties"])
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    boto3.client("dynamodb").create_table(TableName="refundkit", **{name: described[name] for name in wanted})
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    boto3.client("events").create_event_bus(Name="refundkit")
    sqs = boto3.client("sqs")
    return {
        "REFUNDKIT_STAGE": "local",
        "REFUNDKIT_TABLE": "refundkit",
        "REFUNDKIT_KMS_KEY_ID": key,
        "REFUNDKIT_EVENT_BUS": "refundkit",
        "REFUNDKIT_EXECUTION_QUEUE_URL": sqs.create_queue(QueueName="execution")["QueueUrl"],
        "REFUNDKIT_PROCESSOR_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="news")["QueueUrl"],
        "REFUNDKIT_PARKED_EVENTS_QUEUE_URL": sqs.create_queue(QueueName="parked")["QueueUrl"],
    }
