"""Events of approvals: one for every change, written with it (decision 24). They are the approval's history as well.

They hold ids and money only. What people wrote is their note, which is kept here and leaves with none of them.
"""

from __future__ import annotations

from typing import Any, Final

from refundkit_core.domain.approvals import Act, Approval, ApprovalStatus, Question
from refundkit_core.domain.events import Event
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.times import iso

_ENDED: Final[dict[ApprovalStatus, str]] = {
    "approved": "approval.decided",
    "rejected": "approval.decided",
    "expired": "approval.expired",
    "superseded": "approval.superseded",
}
_PUBLIC: Final = frozenset({"approval.pending", "approval.decided", "approval.escalated", "approval.expired"})


def of_opening(approval: Approval) -> Event:
    """A person is asked."""
    return _event(approval, "approval.pending", approval.opened_at, {"reasons": list(approval.reasons)})


def of_escalation(approval: Approval, act: Act, comment: str | None) -> Event:
    """Other people are asked, by somebody or because time ran out."""
    return _event(approval, "approval.escalated", act.at, {"level": approval.level, **_said(act)}, comment)


def of_reminder(approval: Approval, act: Act) -> Event:
    """The level was reminded."""
    return _event(approval, "approval.reminded", act.at, {"level": approval.level, "reminders": approval.reminders})


def of_consent(approval: Approval, act: Act, comment: str | None) -> Event:
    """One of two people has approved."""
    return _event(approval, "approval.consented", act.at, _said(act), comment)


def of_comment(approval: Approval, act: Act, comment: str) -> Event:
    """Somebody has said something."""
    return _event(approval, "approval.commented", act.at, _said(act), comment)


def of_question(approval: Approval, question: Question) -> Event:
    """Whoever wants the refund was asked something."""
    asked = {"action": question.action, "until": iso(question.until), **_said(question.asked)}
    return _event(approval, "approval.info_requested", question.asked.at, asked, question.text)


def of_answer(approval: Approval, act: Act, answer: str) -> Event:
    """They have answered."""
    return _event(approval, "approval.info_given", act.at, _said(act), answer)


def of_end(approval: Approval, act: Act) -> Event:
    """Nobody can decide it any more: a person has, or time, or its refund was cancelled."""
    ruling = approval.ruling
    said = _said(act) if approval.status in ("approved", "rejected") else {}
    return _event(approval, _ENDED[approval.status], act.at, said, ruling.comment if ruling else None)


def _said(act: Act) -> dict[str, Any]:
    return {"by": act.by, "channel": act.via}


def _event(approval: Approval, kind: str, at: Any, more: dict[str, Any], comment: str | None = None) -> Event:
    payload = {
        "approvalId": approval.id,
        "refundId": approval.refund_id,
        "transactionId": approval.transaction.charge_id,
        "status": approval.status,
        "amount": approval.amount_minor,
        "currency": approval.currency,
        "revision": approval.revision,
        **more,
    }
    return Event(
        id=event_id(approval.id, approval.version, at),
        tenant=approval.tenant,
        subject=approval.id,
        version=approval.version,
        type=kind,
        public=kind in _PUBLIC,
        created_at=at,
        payload=payload,
        tell=True,
        note=comment,
    )
