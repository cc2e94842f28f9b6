"""The queue of what people are told: the bus fills it, and so do the pages, where somebody needs a code."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

    from refundkit_core.domain.tenancy import Tenant


class SqsPost:
    """``Post`` on one SQS queue. Nothing in a message names a person."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def ask_for_code(self, tenant: Tenant, approval_id: str, member_id: str, void_version: int) -> None:
        self._put(
            {
                "letter": "code",
                "organizationId": tenant.org_id,
                "environment": tenant.environment,
                "approvalId": approval_id,
                "memberId": member_id,
                "voidVersion": void_version,
            }
        )

    def ask_for_sign_in(self, person: str) -> None:
        self._put({"letter": "sign_in", "person": person})

    def _put(self, message: dict[str, Any]) -> None:
        self._client().send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(message))
