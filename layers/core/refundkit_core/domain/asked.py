"""Who is asked about an approval now: those of its level who may decide it, and have not yet."""

from __future__ import annotations

from collections.abc import Iterable

from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.approver_rules import Decider, insist_on_limit, insist_on_other
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.members import Member
from refundkit_core.domain.routing import ApprovalSettings


def asked_now(
    approval: Approval, settings: ApprovalSettings, requested_by: str | None, members: Iterable[Member]
) -> list[Member]:
    """Those of ``members`` whose answer is waited for; nobody where it is decided."""
    if not approval.is_open:
        return []
    return [member for member in members if _is_asked(approval, settings, requested_by, member)]


def _is_asked(approval: Approval, settings: ApprovalSettings, requested_by: str | None, member: Member) -> bool:
    if not member.may_decide or not settings.level(approval.level).includes(member.id, member.role):
        return False
    if member.id in [act.by for act in approval.consents]:
        return False
    decider = Decider(member.id, member.role, member.approval_limit)
    try:
        insist_on_other(approval, requested_by, decider)
        insist_on_limit(approval, settings, decider, approval.amount_minor)
    except Denied:
        return False
    return True
