"""The simulation queue: whoever has worked off a chunk puts the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class SqsSimulationQueue:
    """``SimulationQueue`` on one SQS queue; an organization's messages form a group, so that none starves others."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, tenant: Tenant, simulation_id: str, chunk: int) -> None:
        message = {
            "organizationId": tenant.org_id,
            "environment": tenant.environment,
            "simulationId": simulation_id,
            "chunk": chunk,
        }
        self._client().send_message(
            QueueUrl=self._queue_url,
            MessageBody=json.dumps(message, separators=(",", ":")),
            MessageGroupId=tenant.org_id,
        )
