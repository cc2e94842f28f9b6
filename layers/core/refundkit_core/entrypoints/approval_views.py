"""Approvals between the wire and the use cases."""

from __future__ import annotations

from typing import Any

from refundkit.contracts import approvals as wire
from refundkit.contracts.disputes import RiskSignal

from refundkit_core.application.approval_desk import Seen
from refundkit_core.application.decide_approval import Answer, Decision
from refundkit_core.application.read_approvals import Pane, WantedApprovals
from refundkit_core.application.route_approval import Move, Reply
from refundkit_core.domain.approval_clock import due
from refundkit_core.domain.approvals import Act, Approval, Question
from refundkit_core.domain.events import Event
from refundkit_core.domain.risk import level_of
from refundkit_core.domain.routing import ApprovalSettings
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.decision_views import camel, trace_entry
from refundkit_core.entrypoints.http import Call
from refundkit_core.entrypoints.transaction_views import registration_view
from refundkit_core.entrypoints.views import refund_view


def wanted_approvals_from(call: Call) -> WantedApprovals:
    """The filter in a ``GET /v1/approvals``."""
    query: wire.ListApprovalsQuery = call.query
    return WantedApprovals(query.status, query.level, query.assignee)


def decision_from(call: Call, answer: Answer) -> Decision:
    """What a key decides."""
    caller, body = call.caller, call.body
    return Decision(
        tenant=caller.tenant,
        approval=call.path["id"],
        decider=container().deciders.known(caller.tenant, caller.owner),
        via="api",
        answer=answer,
        comment=body.comment if answer == "approved" else body.reason,
        amount_minor=body.amount if answer == "approved" else None,
        seen=Seen(version=body.version),
        actor=call.actor.actor,
    )


def move_from(call: Call, text: str | None, version: int | None = None) -> Move:
    """What else a key does with an approval."""
    caller = call.caller
    decider = container().deciders.known(caller.tenant, caller.owner)
    seen = Seen(version=version)
    return Move(caller.tenant, call.path["id"], decider, "api", text, seen, call.actor.actor)


def reply_from(call: Call) -> Reply:
    """The answer in a ``POST /v1/refunds/{id}/info``; evidence stands below the words."""
    body: wire.GiveInfoRequest = call.body
    pieces = [f"{piece.kind}: {piece.reference}" for piece in body.evidence or ()]
    return Reply(
        tenant=call.caller.tenant,
        refund_id=call.path["id"],
        by=call.caller.owner,
        actor=call.actor.actor,
        text="\n".join([body.answer, *pieces]),
        amount_minor=body.amount,
    )


def approval_view(approval: Approval, settings: ApprovalSettings) -> wire.ApprovalView:
    """An approval as the wire shows it."""
    return wire.ApprovalView(**_fields(approval, settings))


def _fields(approval: Approval, settings: ApprovalSettings) -> dict[str, Any]:
    next_due = due(approval, settings) if approval.is_open else None
    ruling = approval.ruling
    needed = 2 if settings.needs_two(approval.amount_minor, approval.currency) else 1
    return {
        "id": approval.id,
        "refund_id": approval.refund_id,
        "status": approval.status,
        "amount": approval.amount_minor,
        "currency": approval.currency,
        "reasons": list(approval.reasons),
        "requested_by": approval.requested_by,
        "level": approval.level,
        "level_name": settings.level(approval.level).name,
        "due_at": iso(next_due.at) if next_due else None,
        "due": next_due.deed if next_due else None,
        "consents": [_act(act) for act in approval.consents],
        "consents_needed": max(needed - len(approval.consents), 1) if approval.is_open else 0,
        "question": None if approval.question is None else _question(approval.question),
        "decided": _act(ruling.act) if ruling else None,
        "comment": ruling.comment if ruling else None,
        "version": approval.version,
        "created_at": iso(approval.opened_at),
    }


def _act(act: Act) -> wire.ActView:
    return wire.ActView(by=act.by, channel=act.via, at=iso(act.at))


def _question(question: Question) -> wire.QuestionView:
    return wire.QuestionView(
        question=question.text, action=question.action, asked=_act(question.asked), until=iso(question.until)
    )


def pane_view(pane: Pane) -> wire.ApprovalDetail:
    """Everything that a reviewer needs to see."""
    ground, advice = pane.request.ground, pane.advice
    return wire.ApprovalDetail(
        **_fields(pane.approval, pane.settings),
        refund=refund_view(pane.refund, pane.request),
        order=None if pane.order is None else registration_view(pane.order),
        facts=camel(ground.facts.as_record()) if ground else None,
        trace=[trace_entry(rule) for rule in pane.request.decision],
        risk_score=advice.score,
        risk_level=level_of(advice.score),
        signals=[] if pane.risk is None else [_signal(signal) for signal in pane.risk.signals],
        recommendation=advice.recommendation,
        next_best_actions=list(advice.actions),
        history=[_history_entry(event) for event in pane.history],
    )


def _signal(signal: Any) -> RiskSignal:
    return RiskSignal(
        type=signal.type,
        description=signal.description,
        weight=signal.weight / 100,
        points=signal.points,
        fact=signal.fact,
        limit=signal.limit,
    )


def _history_entry(event: Event) -> wire.HistoryEntry:
    return wire.HistoryEntry(type=event.type, details=event.payload, note=event.note, at=iso(event.created_at))
