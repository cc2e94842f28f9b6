"""The workflow waits for decisions: started once, ended always, and time passes with it or without it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.application.approval_ports import WaitingToken
from refundkit_core.domain.approval_clock import GRACE, RUNGS, SLACK, rung_for
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.routing import ApprovalSettings, Level

from tests.support.approvals import OWNER, ApprovalDesk
from tests.support.builders import TENANT

HOUR_S = 3600


def begun(settings: ApprovalSettings | None = None) -> tuple[ApprovalDesk, Refund]:
    desk = ApprovalDesk(settings)
    refund = desk.waiting()
    desk.told()
    return desk, refund


def approval_of(refund: Refund) -> str:
    assert refund.approval_id is not None
    return refund.approval_id


def test_a_workflow_begins_with_its_approval_and_ends_with_the_decision_in_two_transitions() -> None:
    desk, refund = begun()
    assert desk.workflow.waiting == [refund.approval_id]

    desk.says(refund)
    desk.told()

    (execution,) = desk.workflow.executions.values()
    assert (execution.ended, execution.transitions) == (True, 2)
    assert desk.approval(refund).next_look_at is None


def test_it_begins_once_however_often_it_is_told() -> None:
    desk, refund = begun()
    for _ in range(3):
        desk.told()

    assert len(desk.workflow.executions) == 1
    assert desk.workflow.executions[approval_of(refund)].transitions == 1


def test_what_was_decided_before_it_began_is_not_waited_for() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.says(refund)

    desk.told()

    assert desk.workflow.executions == {}
    assert desk.approval(refund).next_look_at is None


def test_a_decision_between_start_and_token_ends_the_waiting_when_the_token_comes() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    desk.watch.look(TENANT, refund.approval_id or "")
    desk.says(refund)

    desk.work()

    assert desk.workflow.waiting == []


def test_reminders_escalation_and_expiry_come_when_they_are_due() -> None:
    desk, refund = begun()

    desk.let_pass(24)
    assert desk.history(refund)[1:] == ["approval.reminded"]
    desk.let_pass(24)
    assert desk.history(refund)[2:] == ["approval.escalated"]
    assert (desk.approval(refund).status, desk.approval(refund).level) == ("escalated", 1)
    desk.let_pass(48)
    assert desk.history(refund)[3:] == ["approval.reminded", "approval.reminded"]
    assert desk.now(refund).status == "pending_approval"
    desk.let_pass(24)

    after = desk.now(refund)
    assert (after.status, after.status_detail) == ("rejected", "approval_expired")
    assert desk.approval(refund).status == "expired"
    assert desk.sums == (0, 0, 5000)
    assert desk.workflow.waiting == []
    assert desk.workflow.executions[approval_of(refund)].transitions <= 7
    assert [entry.command for entry in desk.store.audited] == ["approval escalate", "approval expire"]
    assert {entry.actor for entry in desk.store.audited} == {"program"}


def test_an_unanswered_question_expires() -> None:
    desk, refund = begun()
    desk.route.request_info(desk.move(refund), "request_evidence")
    desk.told()

    desk.let_pass(7 * 24)

    assert (desk.now(refund).status, desk.now(refund).status_detail) == ("rejected", "info_not_given")
    assert desk.workflow.waiting == []


def test_an_escalation_by_hand_begins_the_next_levels_time() -> None:
    levels = (Level("A", 48 * HOUR_S), Level("B", 2 * HOUR_S, ("owner",)))
    desk, refund = begun(ApprovalSettings(levels=levels, version=1))
    desk.route.escalate(desk.move(refund))
    desk.told()
    assert desk.workflow.executions[approval_of(refund)].rung == "Hour"

    desk.let_pass(2)

    assert desk.approval(refund).status == "expired"


def test_an_odd_deadline_is_kept_within_a_minute() -> None:
    levels = (Level("A", 26 * HOUR_S + 17 * 60),)
    desk, refund = begun(ApprovalSettings(levels=levels, version=1))

    desk.let_pass(26 + 16 / 60)
    assert desk.approval(refund).is_open
    desk.let_pass(2 / 60)

    assert desk.approval(refund).status == "expired"


def test_a_dead_workflow_only_makes_time_less_exact() -> None:
    desk, refund = begun()
    desk.workflow.executions.clear()
    desk.approvals.tokens.clear()

    for _ in range(6 * 24 * 12):
        desk.clock.advance(seconds=300)
        desk.sweep()
        desk.workflow.executions[approval_of(refund)] = None  # type: ignore[assignment]  # begun, and died
        desk.work()

    assert desk.approval(refund).status == "expired"
    assert "approval.escalated" in desk.history(refund)


def test_a_workflow_that_still_waits_for_what_is_decided_is_found_by_the_sweep() -> None:
    desk, refund = begun()
    desk.says(refund)
    assert desk.workflow.waiting == [refund.approval_id]

    desk.clock.advance(seconds=24 * HOUR_S + GRACE.total_seconds())
    desk.sweep()
    desk.work()

    assert desk.workflow.waiting == []
    assert desk.sweep().approvals == 0


def test_an_approval_of_before_there_was_a_workflow_is_adopted_with_its_time_beginning_now() -> None:
    desk = ApprovalDesk()
    refund = desk.waiting()
    old = desk.approval(refund)
    desk.store.approvals[TENANT, old.id] = replace(old, next_look_at=None)
    desk.clock.advance(seconds=30 * 86_400 + HOUR_S)
    while desk.clock.now().minute != 0:
        desk.clock.advance(seconds=60)

    assert desk.sweep().adopted == 1
    desk.work()

    assert desk.workflow.waiting == [old.id]
    assert (desk.approval(refund).status, desk.approval(refund).version) == ("pending", 1)
    assert desk.sweep().adopted == 0
    desk.let_pass(24)
    assert desk.history(refund)[-1] == "approval.reminded"


def test_a_message_that_comes_late_does_not_replace_a_later_token() -> None:
    desk, refund = begun()
    first = desk.approvals.tokens[TENANT, approval_of(refund)]
    desk.let_pass(25)
    later = desk.approvals.tokens[TENANT, approval_of(refund)]
    assert later != first

    assert desk.watch.waits(TENANT, approval_of(refund), first) == "nothing_to_do"

    assert desk.approvals.tokens[TENANT, approval_of(refund)] == later
    desk.says(refund)
    desk.told()
    assert desk.workflow.waiting == []


def test_a_workflow_of_no_approval_is_ended() -> None:
    desk = ApprovalDesk()
    desk.workflow.start(TENANT, "apr_" + "0" * 26)

    desk.work()

    assert desk.workflow.waiting == []


def test_settings_that_change_meanwhile_hold_from_the_next_step_on() -> None:
    desk, refund = begun()
    desk.switches.approvals = ApprovalSettings(levels=(Level("Only", 30 * HOUR_S, ("owner",)),), version=1)

    desk.let_pass(24)
    assert desk.history(refund) == ["approval.pending"]
    desk.let_pass(6)

    assert desk.approval(refund).status == "expired"


@given(st.integers(0, 60 * 24 * 60 * 60))
def test_a_wait_never_ends_late_by_more_than_its_slack(seconds: int) -> None:
    wait = timedelta(seconds=seconds)
    length = RUNGS[rung_for(wait)]

    assert length <= max(wait + SLACK, RUNGS["Minute"])
    longer = [each for each in RUNGS.values() if each > length]
    assert all(each > wait + SLACK for each in longer)


@pytest.mark.parametrize("decided", [True, False])
def test_whatever_happens_at_a_level_the_next_person_still_can(decided: bool) -> None:
    desk, refund = begun()
    desk.let_pass(50)
    if decided:
        desk.says(refund, by=OWNER)
        desk.told()
        assert desk.workflow.waiting == []
    else:
        assert desk.workflow.waiting == [refund.approval_id]


def test_a_token_names_when_its_wait_is_over() -> None:
    desk, refund = begun()
    token = desk.approvals.tokens[TENANT, approval_of(refund)]

    assert token == WaitingToken(token.token, "Day", desk.clock.now())
    assert token.lapses_at == desk.clock.now() + timedelta(days=1)
