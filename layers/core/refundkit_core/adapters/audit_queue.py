"""The audit queue: first in, first out within an organization, so that one worker at a time extends its chain."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from refundkit_core.application.audit_ports import Mention
from refundkit_core.domain.errors import StoreConflict

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

STACK: Final = "stack"
_A_BATCH: Final = 10


class SqsAuditQueue:
    """``AuditQueue`` on one FIFO queue, ten messages a call."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, mentions: Sequence[Mention]) -> None:
        once = list(dict.fromkeys(mentions))
        for start in range(0, len(once), _A_BATCH):
            entries = [_entry(number, each) for number, each in enumerate(once[start : start + _A_BATCH])]
            answer = self._client().send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            if answer.get("Failed"):
                raise StoreConflict("The audit queue did not take all that it was given")


def message_of(mention: Mention) -> str:
    """What the worker reads: ids only."""
    return json.dumps(
        {
            "organizationId": mention.chain,
            "environment": mention.environment,
            "kind": mention.kind,
            "id": mention.id,
            "at": mention.at,
        },
        separators=(",", ":"),
    )


def _entry(number: int, mention: Mention) -> SendMessageBatchRequestEntryTypeDef:
    return {
        "Id": str(number),
        "MessageBody": message_of(mention),
        "MessageGroupId": mention.chain or STACK,
        "MessageDeduplicationId": mention.id,
    }
