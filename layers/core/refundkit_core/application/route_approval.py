"""What people do with an approval besides deciding it: escalate, ask for information, answer, comment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from refundkit_core.application.approval_desk import ANY, AUDITED_AS, Case, Desk, Seen, insist_on_open
from refundkit_core.application.approval_ports import RefundStep
from refundkit_core.application.audit import Auditor, By
from refundkit_core.domain.approval_events import of_answer, of_comment, of_escalation, of_question
from refundkit_core.domain.approvals import (
    Act,
    Approval,
    NextBestAction,
    Question,
    Via,
    answered,
    approval_id_of,
    commented,
    escalated,
    questioned,
)
from refundkit_core.domain.approver_rules import Decider
from refundkit_core.domain.errors import Detail, Invalid, NotFound, NothingAsked
from refundkit_core.domain.events import Event, of_change
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.refund import lowered, lowering_of, moved

if TYPE_CHECKING:
    from refundkit_core.application.audit import Details
    from refundkit_core.domain.refund import Refund
    from refundkit_core.domain.tenancy import Tenant


@dataclass(frozen=True, slots=True)
class Move:
    """Who does something with which approval, by which channel. ``text`` is their comment, question or reason."""

    tenant: Tenant
    approval: str
    decider: Decider
    via: Via
    text: str | None = None
    seen: Seen = ANY
    actor: str | None = None


class RouteApproval:
    """The use cases behind ``/escalate``, ``/request-info`` and ``/comment``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._auditor = Auditor(desk.clock, desk.ids)

    def escalate(self, move: Move) -> Approval:
        """Ask the next level.

        Raises:
            NotFound, ApprovalAlreadyDecided, ApprovalSuperseded, Denied: as deciding does.
            Invalid: nobody is above this level.
        """

        def change(case: Case, act: Act) -> tuple[Approval, Event, RefundStep | None]:
            if case.settings.is_last(case.approval.level):
                raise Invalid("This is the last level: nobody is above it to escalate to")
            after = escalated(case.approval, act.at)
            step = _noted(case.refund, act, None) if case.approval.question else None
            return after, of_escalation(after, act, move.text), step

        return self._changed(move, "approval escalate", change)

    def request_info(self, move: Move, action: NextBestAction) -> Approval:
        """Ask whoever wants the refund for something; the level's time stands still until they answer.

        Raises:
            NotFound, ApprovalAlreadyDecided, ApprovalSuperseded, Denied: as deciding does.
        """

        def change(case: Case, act: Act) -> tuple[Approval, Event, RefundStep | None]:
            until = act.at + timedelta(seconds=case.settings.info_deadline_s)
            question = Question(move.text or "", action, act, until)
            after = questioned(case.approval, question)
            return after, of_question(after, question), _noted(case.refund, act, "info_requested")

        return self._changed(move, "approval request-info", change)

    def comment(self, move: Move) -> Approval:
        """Say something that the other approvers see.

        Raises:
            NotFound, ApprovalAlreadyDecided, ApprovalSuperseded, Denied: as deciding does.
        """

        def change(case: Case, act: Act) -> tuple[Approval, Event, RefundStep | None]:
            after = commented(case.approval, act.at)
            return after, of_comment(after, act, move.text or ""), None

        return self._changed(move, "approval comment", change)

    def _changed(
        self,
        move: Move,
        command: str,
        change: Callable[[Case, Act], tuple[Approval, Event, RefundStep | None]],
    ) -> Approval:
        def attempt() -> Approval:
            case = self._desk.case(move.tenant, move.approval)
            insist_on_open(case.approval, move.seen)
            self._desk.insist_on_right(case, move.decider)
            after, event, step = change(case, Act(move.decider.id, move.via, self._desk.clock.now()))
            by, channel = By(move.actor or move.decider.id), AUDITED_AS[move.via]
            details = {"refundId": case.refund.id, "comment": move.text}
            entry = self._auditor.entry(by, command, after.id, move.tenant, channel=channel, details=details)
            self._desk.approvals.change(case.approval, after, event, step, entry)
            return after

        return self._desk.keep_trying(attempt)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a question. ``amount_minor`` asks for less than before (None: the same)."""

    tenant: Tenant
    refund_id: str
    by: str
    actor: str
    text: str
    amount_minor: int | None = None


class AnswerQuestion:
    """The use case behind ``POST /v1/refunds/{id}/info``: whoever wants the refund says more, and it goes on."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._auditor = Auditor(desk.clock, desk.ids)

    def __call__(self, reply: Reply) -> Approval:
        """The approval as it stands with the answer.

        Raises:
            NotFound: the tenant has no such refund, or nobody was asked about it.
            ApprovalAlreadyDecided, ApprovalSuperseded: it is too late.
            NothingAsked: there is no question to answer.
            Invalid: more is asked for than before.
        """
        if not is_id("ref", reply.refund_id):
            raise NotFound("No such refund")
        return self._desk.keep_trying(lambda: self._answered(reply))

    def _answered(self, reply: Reply) -> Approval:
        case = self._desk.case(reply.tenant, approval_id_of(reply.refund_id))
        approval, refund = case.approval, case.refund
        insist_on_open(approval, ANY)
        if approval.question is None:
            raise NothingAsked("Nobody has asked for information about this refund")
        amount_minor = approval.amount_minor if reply.amount_minor is None else reply.amount_minor
        if not 0 < amount_minor <= approval.amount_minor:
            raise Invalid(
                "The amount can only be lowered: cancel the refund to ask for more",
                (Detail("amount", f"1 to {approval.amount_minor}"),),
            )
        act = Act(reply.by, "api", self._desk.clock.now())
        after = answered(approval, act.at, amount_minor)
        step = _noted(refund, act, None, amount_minor)
        details: Details = {
            "refundId": refund.id,
            "amount": amount_minor,
            "currency": refund.money.currency,
            "comment": reply.text,
        }
        entry = self._auditor.entry(By(reply.actor), "approval answer", approval.id, reply.tenant, details=details)
        self._desk.approvals.change(approval, after, of_answer(after, act, reply.text), step, entry)
        return after


def _noted(refund: Refund, act: Act, detail: str | None, amount_minor: int | None = None) -> RefundStep:
    """The refund still waits for a person, and says for what."""
    before = refund
    if amount_minor is not None:
        refund = lowered(refund, amount_minor)
    after = moved(refund, "pending_approval", act.at, status_detail=detail)
    return RefundStep(before, after, of_change(before, after), lowering_of(before, after))
