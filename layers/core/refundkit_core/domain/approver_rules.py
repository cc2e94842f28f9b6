"""Who may decide which approval: never one's own, never above one's limit (decisions 19 and 20)."""

from __future__ import annotations

from typing import NamedTuple

from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.errors import ApproverLimitExceeded, Denied, SelfApprovalForbidden
from refundkit_core.domain.money import Money
from refundkit_core.domain.routing import DECIDING_ROLES, ApprovalSettings

AGENT: str = "agent"


class Decider(NamedTuple):
    """Somebody who wants to decide: a member, or an agent whose key has that right by name.

    ``limit`` is the member's own (None: none). An agent is nobody's approver: it decides only what its level's limit
    lets it, and is none of two people.
    """

    id: str
    role: str
    limit: Money | None = None

    @property
    def is_agent(self) -> bool:
        """Whether it is a program."""
        return self.role == AGENT


def insist_on_other(approval: Approval, requested_by: str | None, decider: Decider) -> None:
    """Raises SelfApprovalForbidden where ``decider`` asked for the refund, whichever key or channel they use now."""
    if decider.id in (approval.requested_by, requested_by):
        raise SelfApprovalForbidden("Nobody decides a refund that they asked for: another approver has to")


def insist_on_turn(approval: Approval, settings: ApprovalSettings, decider: Decider) -> None:
    """Whether ``decider`` is one of those who are asked now: at the approval's level or one above it. Raises Denied."""
    if decider.is_agent:
        return
    if decider.role not in DECIDING_ROLES:
        raise Denied("Approvals are decided by owners, admins and approvers")
    number, last = approval.level, False
    while not last:
        if settings.level(number).includes(decider.id, decider.role):
            return
        last = settings.is_last(number)
        number += 1
    raise Denied(f"This approval is for others to decide: {settings.level(approval.level).name}")


def insist_on_limit(approval: Approval, settings: ApprovalSettings, decider: Decider, amount_minor: int) -> None:
    """Raises ApproverLimitExceeded where the amount is above what ``decider`` may approve."""
    amount = Money(amount_minor, approval.currency)
    own = decider.limit
    if own is not None and (own.currency != amount.currency or amount.amount_minor > own.amount_minor):
        raise ApproverLimitExceeded(f"{amount} is above the limit of {own} that this approver has")
    if decider.is_agent and settings.needs_two(amount_minor, approval.currency):
        raise ApproverLimitExceeded(f"{amount} takes two people, and an agent is none")
    level = highest_level_of(settings, approval.level, decider)
    if not settings.may_decide(settings.level(level), amount_minor, approval.currency):
        raise ApproverLimitExceeded(f"{amount} is above the limit of the level {settings.level(level).name}")


def highest_level_of(settings: ApprovalSettings, from_level: int, decider: Decider) -> int:
    """The highest level that ``decider`` belongs to, from the approval's own on; an agent stays where it is."""
    number, highest = from_level, from_level
    while not decider.is_agent:
        if settings.level(number).includes(decider.id, decider.role):
            highest = number
        if settings.is_last(number):
            break
        number += 1
    return highest
