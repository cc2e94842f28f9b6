"""Approvals as people see them on the pages: plain words, amounts as one writes them, no id where a name will do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from refundkit_core.application.read_approvals import Pane
from refundkit_core.application.visits import Visit, Waiting, Wish
from refundkit_core.domain.approval_links import deadline_of
from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.events import Event
from refundkit_core.domain.money import Money, exponent
from refundkit_core.domain.orders import Order
from refundkit_core.domain.risk import level_of

DEEDS: Final = ("approve", "reject", "request_info", "escalate", "comment")
ACTIONS: Final[Mapping[str, str]] = {
    "request_evidence": "Ask for evidence, such as photos",
    "offer_replacement": "Ask whether a replacement would do",
    "offer_store_credit": "Ask whether store credit would do",
}
_RECOMMENDED: Final = {
    "auto_approve": "Nothing speaks against approving it",
    "approve_with_review": "It can be approved once you have looked at it",
    "escalate": "Ask a higher level",
    "deny": "Reject it",
}
_HAPPENED: Final = {
    "approval.pending": "A person was asked",
    "approval.escalated": "The next level was asked",
    "approval.reminded": "A reminder was sent",
    "approval.consented": "Approved by the first of two people",
    "approval.commented": "Comment",
    "approval.info_requested": "A question was asked",
    "approval.info_given": "The question was answered",
    "approval.decided": "Decided",
    "approval.expired": "Nobody decided in time",
    "approval.superseded": "The refund was cancelled",
}
_STATUS: Final = {
    "pending": "Waits for a decision",
    "escalated": "Waits for a decision, escalated",
    "info_requested": "Waits for an answer to a question",
    "approved": "Approved",
    "rejected": "Rejected",
    "expired": "Nobody decided in time",
    "superseded": "The refund was cancelled",
}
_SAYS: Final = {"pass": "in order", "fail": "speaks against", "review": "asks a person", "unknown": "asks a person"}
_MAX_TEXT: Final = 500
_MAX_DIGITS: Final = 13

Named = Callable[[str], str]
"""The name of a member or agent by its id."""


def wish_from(form: Mapping[str, str], currency: str) -> Wish:
    """What a form asks for. Raises Invalid, in words for whoever filled it in."""
    deed: Any = form.get("deed", "")
    revision = form.get("revision", "")
    if deed not in DEEDS or not (revision.isascii() and revision.isdigit() and len(revision) < 7):
        raise Invalid("This form is incomplete: load the page anew")
    text = form.get("text", "").replace("\r\n", "\n").strip() or None
    if text is not None and len(text) > _MAX_TEXT:
        raise Invalid(f"At most {_MAX_TEXT} characters, please", (Detail("text", "Too long"),))
    if text is None and deed in ("request_info", "comment"):
        raise Invalid("Please write what you want to say", (Detail("text", "Empty"),))
    action: Any = form.get("action")
    if deed == "request_info" and action not in ACTIONS:
        raise Invalid("Please choose what to ask for")
    amount = amount_from(form.get("amount", ""), currency) if deed == "approve" else None
    return Wish(deed, int(revision), text, amount, action if deed == "request_info" else None)


def amount_from(text: str, currency: str) -> int | None:
    """An amount as people write it (``12.50``), in minor units; None where none is written. Raises Invalid."""
    text = text.strip().replace(",", ".")
    if not text:
        return None
    whole, _, part = text.partition(".")
    digits = exponent(currency)
    well_formed = whole.isascii() and whole.isdigit() and (part == "" or (part.isascii() and part.isdigit()))
    if not well_formed or len(part) > digits or len(whole) > _MAX_DIGITS:
        example = Money(1250 if digits else 1000, currency)
        raise Invalid(f"Please write the amount such as {example}", (Detail("amount", "Not an amount"),))
    return int(whole + part.ljust(digits, "0"))


def waiting_facts(waiting: list[Waiting]) -> dict[str, Any]:
    """The list of what waits for somebody."""
    places = [
        {
            "organization": place.organization,
            "is_test": place.tenant.environment == "test",
            "approvals": [_row(approval) for approval in place.approvals],
        }
        for place in waiting
        if place.approvals
    ]
    return {"places": places}


def _row(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "amount": str(Money(approval.amount_minor, approval.currency)),
        "status": _STATUS[approval.status],
        "since": approval.opened_at,
    }


def case_facts(visit: Visit, pane: Pane, organization: str, named: Named) -> dict[str, Any]:
    """Everything that a reviewer needs to see of one case."""
    approval, refund, settings = pane.approval, pane.refund, pane.settings
    currency = approval.currency
    asks_two = settings.needs_two(approval.amount_minor, currency)
    return {
        "organization": organization,
        "is_test": visit.tenant.environment == "test",
        "you": named(visit.person.member_id),
        "id": approval.id,
        "status": _STATUS[approval.status],
        "is_open": approval.is_open,
        "amount": str(Money(approval.amount_minor, currency)),
        "asked": None if refund.lowered_minor == 0 else str(Money(refund.gross_minor, currency)),
        "fee": str(Money(refund.fee_minor, currency)) if refund.fee_minor else None,
        "revision": approval.revision if visit.revision is None else visit.revision,
        "is_superseded": visit.revision not in (None, approval.revision),
        "level": settings.level(approval.level).name,
        "can_escalate": not settings.is_last(approval.level),
        "due_at": deadline_of(approval, settings) if approval.is_open else None,
        "asks_two": asks_two,
        "may_lower": not asks_two,
        "consents": [{"by": named(act.by), "at": act.at} for act in approval.consents],
        "has_consented": visit.person.member_id in [act.by for act in approval.consents],
        "is_own": visit.person.member_id == approval.requested_by,
        "question": approval.question.text if approval.question else None,
        "ruling": _ruling(approval, named),
        "requested_by": named(approval.requested_by) if approval.requested_by else None,
        "refund_id": refund.id,
        "transaction_id": refund.transaction_id,
        "reason": refund.reason.replace("_", " "),
        "evidence": [{"kind": kind, "reference": reference} for kind, reference in pane.request.evidence],
        "order": _order(pane.order, currency) if pane.order else None,
        "rules": _rules(pane),
        "risk": {"score": pane.advice.score, "level": level_of(pane.advice.score), "signals": _signals(pane)},
        "recommendation": _RECOMMENDED[pane.advice.recommendation],
        "next_best": [ACTIONS[action] for action in pane.advice.actions],
        "actions": ACTIONS,
        "history": [_happened(event, named) for event in pane.history],
    }


def _ruling(approval: Approval, named: Named) -> dict[str, Any] | None:
    ruling = approval.ruling
    if ruling is None:
        return None
    by = named(ruling.act.by) if ruling.verdict != "expired" else None
    return {"verdict": _STATUS[ruling.verdict], "by": by, "at": ruling.act.at, "comment": ruling.comment}


def _order(order: Order, currency: str) -> dict[str, Any]:
    delivery = order.delivery
    return {
        "id": order.order_id,
        "lines": [
            {
                "name": " ".join(filter(None, (item.sku, item.category and f"({item.category})"))) or "Item",
                "quantity": item.quantity,
                "amount": str(Money(item.amount_minor, currency)) if item.amount_minor is not None else None,
            }
            for item in order.items
        ],
        "delivery": delivery.status.replace("_", " ") if delivery.status else None,
        "delivered_at": delivery.delivered_at,
    }


def _rules(pane: Pane) -> list[dict[str, Any]]:
    """What each rule said, those that ask a person first."""
    spoken = [rule for rule in pane.request.decision if rule.outcome != "skipped"]
    spoken.sort(key=lambda rule: rule.outcome == "pass")
    return [{"says": _SAYS[rule.outcome], "outcome": rule.outcome, "message": rule.message} for rule in spoken]


def _signals(pane: Pane) -> list[dict[str, Any]]:
    signals = pane.risk.signals if pane.risk is not None else ()
    return [{"description": signal.description, "points": signal.points} for signal in signals]


def _happened(event: Event, named: Named) -> dict[str, Any]:
    by = event.payload.get("by")
    status = event.payload.get("status")
    what = _HAPPENED.get(event.type, event.type)
    if event.type == "approval.decided":
        what = _STATUS.get(str(status), what)
    return {"what": what, "by": named(str(by)) if by else None, "at": event.created_at, "note": event.note}
