"""The execution queue: the bus fills it, and so do the sweep and whoever must wait a moment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class SqsExecutionQueue:
    """``ExecutionQueue`` on one SQS queue; an organization's messages form a group, so that none starves others."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, tenant: Tenant, refund_id: str, delay_s: int) -> None:
        self._client().send_message(
            QueueUrl=self._queue_url,
            MessageBody=message_of(tenant, refund_id),
            DelaySeconds=delay_s,
            MessageGroupId=tenant.org_id,
        )


def message_of(tenant: Tenant, refund_id: str) -> str:
    """What the worker reads: the part of the bus's event that names the refund."""
    detail = {"organizationId": tenant.org_id, "environment": tenant.environment, "data": {"refundId": refund_id}}
    return json.dumps({"detail": detail}, separators=(",", ":"))
