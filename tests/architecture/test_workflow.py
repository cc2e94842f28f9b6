"""The state machine that waits for decisions: what it may do, how long it waits, and that it owns time only."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from refundkit_core.domain.approval_clock import RUNGS

from local.workflow_lint import definition, faults
from tests.support.template import resources

MACHINE = definition()
STATES = MACHINE["States"]
OWN = resources("AWS::Serverless::StateMachine")["RefundApproval"]["Properties"]


def test_a_linter_finds_nothing_in_it() -> None:
    assert faults(MACHINE) == []


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda machine: machine["States"]["AskForDay"].pop("Resource"), "'Resource' is a required property"),
        (lambda machine: machine["States"]["AskForDay"].update(TimeoutSeconds="a day"), "is not of type"),
        (lambda machine: machine["States"]["AskForHour"]["Catch"][0].update(Next="Nowhere"), "no state Nowhere"),
        (lambda machine: machine["States"].update(Idle={"Type": "Succeed"}), "Nothing leads to Idle"),
    ],
)
def test_the_linter_can_find_something(spoil: Callable[[Any], object], said: str) -> None:
    spoilt = copy.deepcopy(MACHINE)
    spoil(spoilt)

    assert [fault for fault in faults(spoilt) if said in fault]


def test_there_is_a_wait_for_every_rung_and_each_lasts_as_long_as_the_code_thinks() -> None:
    waits = {state["Parameters"]["MessageBody"]["rung"]: state["TimeoutSeconds"] for state in STATES.values()}

    assert waits == {rung: length.total_seconds() for rung, length in RUNGS.items()}


@pytest.mark.parametrize("name", STATES)
def test_every_state_only_tells_a_queue_where_it_waits(name: str) -> None:
    state = STATES[name]

    assert state["Resource"].endswith(":states:::sqs:sendMessage.waitForTaskToken")
    assert state["Parameters"]["QueueUrl"] == "https://sqs.us-east-1.amazonaws.com/123456789012/approvals"
    assert state["End"] is True
    assert set(state["Parameters"]["MessageBody"]) == {
        "organizationId.$", "environment.$", "approvalId.$", "taskToken.$", "rung", "since.$",
    }  # fmt: skip


@pytest.mark.parametrize("name", STATES)
def test_every_state_can_be_told_to_wait_for_any_other_time_and_asks_anew_when_its_own_is_over(name: str) -> None:
    leads = {caught["ErrorEquals"][0]: caught["Next"] for caught in STATES[name]["Catch"]}
    states_of = {state["Parameters"]["MessageBody"]["rung"]: other for other, state in STATES.items()}

    assert leads == {**states_of, "States.Timeout": name}
    caught_before_retry = {"MaxAttempts": 0, "ErrorEquals": [*RUNGS, "States.Timeout"]}
    assert STATES[name]["Retry"][0] == caught_before_retry


def test_it_is_a_standard_workflow_that_may_write_to_that_queue_and_nothing_else() -> None:
    assert OWN["Type"] == "STANDARD"
    assert OWN["DefinitionUri"] == "statemachine/refund_approval.asl.json"
    assert set(OWN["DefinitionSubstitutions"]) == {"Partition", "ApprovalQueueUrl"}
    (policy,) = OWN["Policies"]
    (statement,) = policy["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == {"Fn::GetAtt": ["ApprovalQueue", "Arn"]}
