"""What time does to approvals that nobody decides: they are reminded of, escalated, and expire at last.

The workflow calls it when a wait of its own is over, the sweep where the workflow is late: both may, any number of
times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from refundkit_core.application.approval_desk import Case, Desk
from refundkit_core.application.approval_ports import RefundStep
from refundkit_core.application.audit import BY_PROGRAM, Auditor
from refundkit_core.application.decide_approval import turned_down
from refundkit_core.domain.approval_clock import due
from refundkit_core.domain.approval_events import of_end, of_escalation, of_reminder
from refundkit_core.domain.approvals import Act, Approval, Ruling, escalated, reminded, ruled

if TYPE_CHECKING:
    from datetime import datetime

    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.domain.approval_clock import Due
    from refundkit_core.domain.tenancy import Tenant

EXPIRED: Final = "approval_expired"
UNANSWERED: Final = "info_not_given"


class PassTime:
    """Do what is due with an approval, and say when something is due next."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._auditor = Auditor(desk.clock, desk.ids)

    def __call__(self, tenant: Tenant, approval_id: str) -> tuple[Approval, datetime | None]:
        """The approval as it stands when nothing is due, and until when (None: it is closed). Raises NotFound."""
        while True:
            approval = self._desk.keep_trying(lambda: self._one_deed(tenant, approval_id))
            if not approval.is_open:
                return approval, None
            next_due = due(approval, self._desk.settings(tenant))
            if next_due.at > self._desk.clock.now():
                return approval, next_due.at

    def _one_deed(self, tenant: Tenant, approval_id: str) -> Approval:
        case = self._desk.case(tenant, approval_id)
        approval, now = case.approval, self._desk.clock.now()
        if not approval.is_open:
            return approval
        deed = due(approval, case.settings)
        if deed.at > now:
            return approval
        return self._done(case, deed, Act("system", "time", now))

    def _done(self, case: Case, deed: Due, act: Act) -> Approval:
        approval, approvals = case.approval, self._desk.approvals
        if deed.deed == "remind":
            after = reminded(approval, act.at)
            approvals.change(approval, after, of_reminder(after, act))
        elif deed.deed == "escalate":
            after = escalated(approval, act.at)
            approvals.change(approval, after, of_escalation(after, act, None), None, self._entry(case, "escalate"))
        else:
            detail = EXPIRED if approval.question is None else UNANSWERED
            after = ruled(approval, Ruling("expired", act, detail), approval.amount_minor)
            step: RefundStep = turned_down(case, act, detail)
            approvals.change(approval, after, of_end(after, act), step, self._entry(case, "expire"))
        return after

    def _entry(self, case: Case, deed: str) -> AuditEntry:
        details = {"refundId": case.refund.id}
        return self._auditor.entry(
            BY_PROGRAM, f"approval {deed}", case.approval.id, case.refund.tenant, channel="system", details=details
        )
