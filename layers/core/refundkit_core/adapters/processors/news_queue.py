"""Processors' news on an SQS queue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from refundkit_core.application.records import ProcessorNews

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class SqsNewsQueue:
    """``ProcessorNewsQueue`` on one SQS queue; messages of one connection form a group, so that none starves others."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, news: ProcessorNews) -> None:
        self._client.send_message(
            QueueUrl=self._queue_url, MessageBody=message_of(news), MessageGroupId=news.connection_id
        )


def message_of(news: ProcessorNews) -> str:
    """News as a message's body: ids only."""
    return json.dumps(
        {
            "connectionId": news.connection_id,
            "organizationId": news.tenant.org_id,
            "environment": news.tenant.environment,
            "processor": news.processor,
            "externalEventId": news.external_event_id,
            "type": news.type,
            "chargeId": news.charge_id,
            "fraudWarning": news.fraud_warning,
        },
        separators=(",", ":"),
    )
