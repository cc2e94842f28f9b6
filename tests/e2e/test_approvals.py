"""Approvals on the whole stack: the real state machine waits, people decide, and money moves once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from local.deploy import aws_session
from local.stack import Stack
from tests.e2e.merchant import Merchant, eventually, new_merchant

pytestmark = pytest.mark.stack

BOT = {"name": "Bot", "owner": {"type": "agent", "id": "refund-bot"}, "scopes": ["refunds:read", "refunds:write"]}


class Workflow:
    """The state machine of the stack, as its operator sees it."""

    def __init__(self, stack: Stack, client: Any) -> None:
        self._client = client
        self._machine = stack.record["outputs"]["RefundApprovalArn"]

    def execution(self, approval_id: str) -> dict[str, Any]:
        """The execution of an approval; fails where there is none, or more than one of its name."""
        pages = self._client.get_paginator("list_executions").paginate(stateMachineArn=self._machine)
        found = [each for page in pages for each in page["executions"] if each["name"] == approval_id]
        assert len(found) <= 1, found
        return found[0] if found else {}

    def begun(self, approval_id: str) -> bool:
        return bool(self.execution(approval_id))

    def ended(self, approval_id: str) -> bool:
        return bool(self.execution(approval_id).get("status") == "SUCCEEDED")

    def waits(self, approval_id: str) -> list[str]:
        """The states that were entered, in order: each is one billed transition, and the end is one more."""
        arn = self.execution(approval_id)["executionArn"]
        history = self._client.get_execution_history(executionArn=arn)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in history if "stateEnteredEventDetails" in each]


class House:
    """A merchant where a person looks at every refund of 100 USD or more, and an agent that asks."""

    def __init__(self, merchant: Merchant) -> None:
        self.merchant = merchant
        self.settle({"requireReviewAbove": 10_000})
        self.bot = self.asks("POST", "/api-keys", BOT)["key"]

    def asks(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        answer = self.merchant.call(method, path, body, key=key)
        assert answer.status in (200, 201), answer
        return answer.body["data"]

    def settle(self, settings: dict[str, Any]) -> None:
        self.asks("PUT", "/settings/approvals", settings)

    def waiting(self, amount: int = 35_000) -> dict[str, Any]:
        charge = self.merchant.charge(amount)
        body = {"transactionId": charge, "amount": amount, "reason": "product_defective"}
        refund: dict[str, Any] = self.asks("POST", "/refunds", body, key=self.bot)
        assert refund["status"] == "pending_approval"
        return refund


@pytest.fixture
def house(stack: Stack) -> House:
    return House(new_merchant(stack, "house"))


@pytest.fixture(scope="module")
def workflow(stack: Stack) -> Iterator[Workflow]:
    with closing(aws_session().client("stepfunctions", endpoint_url=stack.settings.aws_url)) as client:
        yield Workflow(stack, client)


def test_a_refund_waits_in_the_workflow_until_it_is_approved_and_is_paid_once(house: House, workflow: Workflow) -> None:
    refund = house.waiting()
    approval = refund["approvalId"]
    eventually(lambda: workflow.begun(approval), 30, lambda: "the workflow did not begin")

    decided = house.asks("POST", f"/approvals/{approval}/approve", {"comment": "Seen the photo"})

    assert decided["status"] == "approved"
    house.merchant.refund_in(refund["id"], "completed")
    (paid,) = house.merchant.at_the_processor(refund["transactionId"])
    assert paid["amount"] == 35_000
    eventually(lambda: workflow.ended(approval), 30, lambda: json.dumps(workflow.execution(approval), default=str))
    assert workflow.waits(approval) == ["AskForDay"]


def test_a_rejection_ends_the_workflow_and_frees_the_money(house: House, workflow: Workflow) -> None:
    refund = house.waiting()
    approval = refund["approvalId"]
    house.asks("POST", f"/approvals/{approval}/reject", {"reason": "Signed for"})

    assert house.merchant.refund_in(refund["id"], "rejected")["statusDetail"] == "Signed for"
    eventually(
        lambda: not workflow.begun(approval) or workflow.ended(approval), 30, lambda: str(workflow.execution(approval))
    )
    assert house.merchant.at_the_processor(refund["transactionId"]) == []


def test_a_question_moves_the_workflow_to_another_wait_and_the_answer_back(house: House, workflow: Workflow) -> None:
    house.settle({"requireReviewAbove": 10_000, "infoDeadlineMinutes": 60})
    refund = house.waiting()
    approval = refund["approvalId"]
    eventually(lambda: workflow.begun(approval), 30, lambda: "the workflow did not begin")

    house.asks("POST", f"/approvals/{approval}/request-info", {"question": "A photo?"})
    eventually(
        lambda: workflow.waits(approval) == ["AskForDay", "AskForHour"], 30, lambda: str(workflow.waits(approval))
    )
    house.asks("POST", f"/refunds/{refund['id']}/info", {"answer": "Here", "amount": 20_000}, key=house.bot)
    house.asks("POST", f"/approvals/{approval}/approve", {})

    house.merchant.refund_in(refund["id"], "completed")
    assert [paid["amount"] for paid in house.merchant.at_the_processor(refund["transactionId"])] == [20_000]
    eventually(lambda: workflow.ended(approval), 30, lambda: str(workflow.waits(approval)))


@pytest.mark.slow
def test_nobody_decides_and_the_emulators_own_timer_expires_it(house: House, workflow: Workflow) -> None:
    levels = [{"name": "Quick", "deadlineMinutes": 1}]
    house.settle({"requireReviewAbove": 10_000, "levels": levels})
    refund = house.waiting()
    approval = refund["approvalId"]

    assert house.merchant.refund_in(refund["id"], "rejected", timeout_s=150)["statusDetail"] == "approval_expired"

    eventually(lambda: workflow.ended(approval), 30, lambda: str(workflow.waits(approval)))
    history = house.asks("GET", f"/approvals/{approval}")["history"]
    assert [entry["type"] for entry in history] == ["approval.pending", "approval.expired"]
    assert workflow.waits(approval)[:2] == ["AskForDay", "AskForMinute"]
    assert house.merchant.at_the_processor(refund["transactionId"]) == []
