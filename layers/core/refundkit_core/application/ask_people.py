"""What people are asked about a refund that is opened, and the event that tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from refundkit_core.domain.approval_clock import watched
from refundkit_core.domain.approval_events import of_opening
from refundkit_core.domain.approvals import Approval, asked_about
from refundkit_core.domain.routing import DEFAULT_SETTINGS, ApprovalSettings

if TYPE_CHECKING:
    from refundkit_core.application.open_refund import OpenRefund
    from refundkit_core.domain.decisions import Decision
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.refund import Refund


def question_about(
    asked: OpenRefund, refund: Refund, decision: Decision, settings: ApprovalSettings | None
) -> tuple[Approval, Event]:
    """The question, at the lowest level that may decide it, and its event. ``settings`` None: the default ones."""
    settings = settings or DEFAULT_SETTINGS
    level = settings.first_level(refund.money.amount_minor, refund.money.currency)
    reasons = tuple(rule.rule for rule in decision.why_review)
    approval = watched(asked_about(refund, reasons, asked.owner, level), settings)
    return approval, of_opening(approval)
