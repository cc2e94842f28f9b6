"""The template's parts on an emulator: the table exactly as the template says, and key, queues and bucket beside it."""

from __future__ import annotations

import boto3

from tests.support.template import resolved, resources


def create_parts() -> dict[str, str]:
    """Create table, key, bus, queues and bucket; returns the settings that name them."""
    described = resolved(resources("AWS::DynamoDB::Table")["Table"]["Properties"])
    wanted = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
    boto3.client("dynamodb").create_table(TableName="refundkit", **{name: described[name] for name in wanted})
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    boto3.client("events").create_event_bus(Name="refundkit")
    sqs = boto3.client("sqs")
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
        "REFUNDKIT_REPORTS_BUCKET": _bucket("refundkit-reports"),
    }


def _bucket(name: str) -> str:
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket=name)
    return name
