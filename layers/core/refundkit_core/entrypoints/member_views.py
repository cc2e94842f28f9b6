"""Members and their organization between the wire and the use cases."""

from __future__ import annotations

from refundkit.contracts.members import (
    ApprovalLimit,
    ChangeMemberRequest,
    CreateMemberRequest,
    MemberView,
    OrganizationView,
)

from refundkit_core.application.manage_members import Left, MemberChange, WantedMember
from refundkit_core.application.organization_ports import OrganizationState
from refundkit_core.domain.members import Member
from refundkit_core.domain.money import Money
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call

DEACTIVATED = MemberChange(active=False)


def wanted_member_from(call: Call) -> WantedMember:
    """The member in a ``POST /v1/members``."""
    body: CreateMemberRequest = call.body
    return WantedMember(body.name, body.email, body.role, _limit_of(body.approval_limit), body.slack_user_id)


def member_change_from(call: Call) -> MemberChange:
    """What a ``PATCH /v1/members/{id}`` is to change: what it names, null where that removes something."""
    body: ChangeMemberRequest = call.body
    named = body.model_fields_set
    return MemberChange(
        name=body.name,
        email=body.email,
        role=body.role,
        approval_limit=_limit_of(body.approval_limit) if "approval_limit" in named else Left.ALONE,
        slack_user=body.slack_user_id if "slack_user_id" in named else Left.ALONE,
        active=body.active,
    )


def _limit_of(limit: ApprovalLimit | None) -> Money | None:
    return None if limit is None else Money(limit.amount, limit.currency)


def member_view(member: Member) -> MemberView:
    """A member as the wire shows them."""
    limit = member.approval_limit
    return MemberView(
        id=member.id,
        name=member.name,
        email=member.email,
        role=member.role,
        approval_limit=None if limit is None else ApprovalLimit(amount=limit.amount_minor, currency=limit.currency),
        slack_user_id=member.slack_user,
        active=member.active,
        created_at=iso(member.created_at),
        deactivated_at=iso(member.deactivated_at) if member.deactivated_at else None,
    )


def organization_view(organization: OrganizationState) -> OrganizationView:
    """An organization as the wire shows it."""
    deleted = organization.deleted_at
    return OrganizationView(
        id=organization.id,
        name=organization.name,
        created_at=iso(organization.created_at),
        deleted_at=None if deleted is None else iso(deleted),
    )
