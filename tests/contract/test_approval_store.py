"""What every store of approvals promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.approvals import DynamoApprovalStore
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.approval_ports import RefundStep, WaitingToken
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor
from refundkit_core.application.openings import Beside
from refundkit_core.application.records import Position
from refundkit_core.domain.approval_events import of_comment, of_end, of_escalation, of_opening, of_question
from refundkit_core.domain.approvals import (
    Act,
    Approval,
    Question,
    Ruling,
    asked_about,
    commented,
    consented,
    escalated,
    questioned,
    ruled,
)
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import of_change
from refundkit_core.domain.refund import Refund, change_of, lowered, lowering_of, moved

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT, TRANSACTION, ledger, refund, request
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.memory_approvals import MemoryApprovalStore
from tests.support.memory_store import MemoryRefundStore

CLOCK = FixedClock()
AUDITOR = Auditor(CLOCK, CountingIds(CLOCK))
LATER = START + timedelta(minutes=5)
ANN = Act("mem_00000000000000000000000002", "api", LATER)
OPEN = frozenset({"pending", "escalated", "info_requested"})


def entry() -> AuditEntry:
    return AUDITOR.entry(BY_PROGRAM, "approval approve", "apr_1", TENANT)


@dataclass
class Office:
    """Refunds of one charge, each with its approval."""

    refunds: Any
    approvals: Any
    table: Table | None = None

    def asked(self, number: int = 1, minutes: int = 0, **changes: Any) -> tuple[Refund, Approval]:
        """A refund that waits for a person."""
        at = START + timedelta(minutes=minutes)
        made = refund(number, status="pending_approval", created_at=at, updated_at=at, **changes)
        approval = asked_about(made, ("auto_approve",), "mem_00000000000000000000000001")
        made = replace(made, approval_id=approval.id)
        held = self.refunds.ledger(TENANT, TRANSACTION)
        beside = Beside(approval=approval, events=(of_opening(approval),))
        self.refunds.open(made, request(), of_change(None, made), held, refuse_twin=False, beside=beside)
        return made, approval

    def sums(self) -> tuple[int, int, int]:
        held = self.refunds.ledger(TENANT, TRANSACTION)
        return held.reserved_minor, held.refunded_minor, held.available_minor

    def audited(self) -> list[AuditEntry]:
        if self.table is None:
            audited: list[AuditEntry] = self.refunds.audited
            return audited
        return list(DynamoAuditTrail(self.table).of(TENANT))

    def listed(self, statuses: Any = OPEN, limit: int = 10, after: str | None = None, **part: Any) -> list[str]:
        page = self.approvals.page(TENANT, statuses, lambda _: True, Position(limit, part.get("offset", 0), after))
        return [each.id for each in page.found]


@pytest.fixture(params=["table", "memory"])
def office(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    if request.param == "memory":
        memory = MemoryRefundStore()
        memory.put_ledger(ledger(), None, None)
        yield Office(memory, MemoryApprovalStore(memory))
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        refunds = DynamoRefundStore(table)
        refunds.put_ledger(ledger(), None, None)
        yield Office(refunds, DynamoApprovalStore(table, refunds), table)


def approving(made: Refund, approval: Approval, amount_minor: int = 2000) -> tuple[Approval, RefundStep]:
    after = ruled(approval, Ruling("approved", ANN, "Seen it"), amount_minor)
    paid = moved(lowered(made, amount_minor), "pending", LATER)
    return after, RefundStep(made, paid, of_change(made, paid), lowering_of(made, paid))


def test_an_approval_reads_back_as_it_was_asked_and_in_no_other_tenant(office: Office) -> None:
    _, approval = office.asked()

    assert office.approvals.find(TENANT, approval.id) == approval
    assert office.approvals.find(OTHER_TENANT, approval.id) is None
    assert office.approvals.history(TENANT, approval.id) == [of_opening(approval)]


def test_every_move_reads_back_with_its_event(office: Office) -> None:
    _, approval = office.asked()
    question = Question("A photo?", "request_evidence", ANN, LATER + timedelta(days=7))
    moves = [
        (after := consented(approval, ANN), of_comment(after, ANN, "one of two")),
        (after := escalated(after, LATER), of_escalation(after, ANN, "too much for me")),
        (after := questioned(after, question), of_question(after, question)),
        (after := commented(after, LATER), of_comment(after, ANN, "they called")),
    ]
    before = approval
    for moved_on, event in moves:
        office.approvals.change(before, moved_on, event)
        assert office.approvals.find(TENANT, approval.id) == moved_on
        before = moved_on

    assert office.approvals.history(TENANT, approval.id) == [of_opening(approval), *(event for _, event in moves)]


def test_a_decision_moves_approval_refund_and_money_and_is_audited(office: Office) -> None:
    made, approval = office.asked()
    after, step = approving(made, approval, 1500)

    said = entry()
    office.approvals.change(approval, after, of_end(after, ANN), step, said)

    assert office.approvals.find(TENANT, approval.id) == after
    assert office.refunds.head(TENANT, made.id) == step.after
    assert [event.type for event in office.refunds.timeline(TENANT, made.id)] == ["refund.initiated", "refund.approved"]
    assert office.sums() == (1500, 0, 3500)
    assert office.audited() == [said]


def test_of_two_decisions_on_one_version_the_second_changes_nothing(office: Office) -> None:
    made, approval = office.asked()
    after, step = approving(made, approval)
    office.approvals.change(approval, after, of_end(after, ANN), step, entry())
    rejected = ruled(approval, Ruling("rejected", ANN, "No"), 2000)
    no = moved(made, "rejected", LATER)

    with pytest.raises(StoreConflict):
        office.approvals.change(
            approval,
            rejected,
            of_end(rejected, ANN),
            RefundStep(made, no, of_change(made, no), change_of("release", made)),
            entry(),
        )

    assert office.approvals.find(TENANT, approval.id) == after
    assert office.refunds.head(TENANT, made.id) == step.after
    assert office.sums() == (2000, 0, 3000)
    assert len(office.audited()) == 1
    assert len(office.approvals.history(TENANT, approval.id)) == 2


def test_a_decision_on_a_refund_that_has_changed_since_changes_nothing(office: Office) -> None:
    made, approval = office.asked()
    after, step = approving(made, approval)
    cancelled = moved(made, "cancelled", LATER)
    office.refunds.change(made, cancelled, of_change(made, cancelled), change_of("release", made))

    with pytest.raises(StoreConflict):
        office.approvals.change(approval, after, of_end(after, ANN), step, entry())

    assert office.approvals.find(TENANT, approval.id) == approval
    assert office.sums() == (0, 0, 5000)
    assert office.audited() == []


def test_putting_off_moves_the_next_look_alone_and_loses_against_a_change(office: Office) -> None:
    _, approval = office.asked()
    put_off = replace(approval, next_look_at=LATER)

    office.approvals.put_off(put_off)

    assert office.approvals.find(TENANT, approval.id) == put_off
    assert office.approvals.history(TENANT, approval.id) == [of_opening(approval)]
    after = commented(put_off, LATER)
    office.approvals.change(put_off, after, of_comment(after, ANN, "said"))
    with pytest.raises(StoreConflict):
        office.approvals.put_off(put_off)
    assert office.approvals.find(TENANT, approval.id) == after


def test_the_open_ones_are_listed_newest_first_page_by_page_and_closed_ones_apart(office: Office) -> None:
    pairs = [
        office.asked(number, minutes=number, money=replace(refund().money, amount_minor=100)) for number in (1, 2, 3)
    ]
    ids = [approval.id for _, approval in pairs]
    made, approval = pairs[1]
    after = ruled(approval, Ruling("rejected", ANN, "No"), 100)
    no = moved(made, "rejected", LATER)
    step = RefundStep(made, no, of_change(made, no), change_of("release", made))
    office.approvals.change(approval, after, of_end(after, ANN), step)

    assert office.listed() == [ids[2], ids[0]]
    assert office.listed(offset=1) == [ids[0]]
    assert office.listed(frozenset({"rejected"})) == [ids[1]]
    assert office.listed(frozenset({"approved"})) == []
    first = office.approvals.page(TENANT, OPEN, lambda _: True, Position(1, 0, None))
    assert office.listed(limit=1, after=first.next_cursor) == [ids[0]]
    own = office.approvals.page(TENANT, OPEN, lambda each: each.id == ids[0], Position(10, 0, None))
    assert ([each.id for each in own.found], own.next_cursor) == ([ids[0]], None)
    assert office.approvals.page(OTHER_TENANT, OPEN, lambda _: True, Position(10, 0, None)).found == []


def test_the_sweep_finds_what_is_due_longest_first(office: Office) -> None:
    made = [office.asked(number, money=replace(refund().money, amount_minor=100))[1] for number in (1, 2, 3)]
    for approval, minutes in zip(made, (30, 10, 20), strict=True):
        office.approvals.put_off(replace(approval, next_look_at=START + timedelta(minutes=minutes)))

    assert office.approvals.due(START + timedelta(minutes=9), 10) == []
    assert office.approvals.due(START + timedelta(minutes=20), 10) == [(TENANT, made[1].id), (TENANT, made[2].id)]
    assert office.approvals.due(START + timedelta(hours=1), 1) == [(TENANT, made[1].id)]
    office.approvals.put_off(replace(made[1], next_look_at=None))
    assert (TENANT, made[1].id) not in office.approvals.due(START + timedelta(hours=1), 10)


def test_an_open_one_that_nobody_looks_after_is_unwatched(office: Office) -> None:
    made = [office.asked(number, money=replace(refund().money, amount_minor=100))[1] for number in (1, 2)]
    office.approvals.put_off(replace(made[0], next_look_at=None))
    named = [(TENANT, each.id) for each in made] + [(TENANT, "apr_00000000000000000000000009")]

    assert list(office.approvals.unwatched(named)) == [(TENANT, made[0].id)]


def test_only_a_later_token_takes_the_place_of_one(office: Office) -> None:
    _, approval = office.asked()
    assert office.approvals.token(TENANT, approval.id) is None
    first, second = WaitingToken("one", "Day", START), WaitingToken("two", "Hour", LATER)

    assert office.approvals.keep_token(TENANT, approval.id, first)
    assert office.approvals.keep_token(TENANT, approval.id, second)
    assert not office.approvals.keep_token(TENANT, approval.id, first)
    assert office.approvals.keep_token(TENANT, approval.id, second)

    assert office.approvals.token(TENANT, approval.id) == second
    assert office.approvals.token(OTHER_TENANT, approval.id) is None
