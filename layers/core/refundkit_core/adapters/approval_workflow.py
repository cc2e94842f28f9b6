"""The state machine that waits for decisions, on Step Functions, and the queue that feeds its keeper."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

    from refundkit_core.application.approval_ports import Woken
    from refundkit_core.domain.approval_clock import Rung
    from refundkit_core.domain.tenancy import Tenant

_BEGUN: Final = "ExecutionAlreadyExists"
_NOBODY: Final = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})


class StepFunctionsWorkflow:
    """``Workflow`` on one state machine; an execution is named after its approval, so that it begins once."""

    def __init__(self, client: Callable[[], Any], state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, tenant: Tenant, approval_id: str) -> None:
        about = {"organizationId": tenant.org_id, "environment": tenant.environment, "approvalId": approval_id}
        try:
            self._client().start_execution(stateMachineArn=self._arn, name=approval_id, input=json.dumps(about))
        except ClientError as exc:
            if _code(exc) != _BEGUN:
                raise

    def end(self, token: str) -> Woken:
        return self._told(lambda: self._client().send_task_success(taskToken=token, output='{"closed":true}'))

    def wait_anew(self, token: str, rung: Rung) -> Woken:
        return self._told(lambda: self._client().send_task_failure(taskToken=token, error=rung))

    @staticmethod
    def _told(call: Callable[[], object]) -> Woken:
        try:
            call()
        except ClientError as exc:
            if _code(exc) in _NOBODY:
                return "nobody_waits"
            raise
        return "woken"


class SqsApprovalQueue:
    """``ApprovalQueue`` on one SQS queue."""

    def __init__(self, client: Callable[[], SQSClient], queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, tenant: Tenant, approval_id: str, delay_s: int) -> None:
        self._client().send_message(
            QueueUrl=self._queue_url, MessageBody=message_of(tenant, approval_id), DelaySeconds=delay_s
        )


def message_of(tenant: Tenant, approval_id: str) -> str:
    """What the keeper reads: the part of the bus's event that names the approval."""
    about = {"organizationId": tenant.org_id, "environment": tenant.environment, "data": {"approvalId": approval_id}}
    return json.dumps({"detail": about}, separators=(",", ":"))


def _code(exc: ClientError) -> str:
    return str(exc.response.get("Error", {}).get("Code", ""))
