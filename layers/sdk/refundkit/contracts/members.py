"""Members and their organization on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from refundkit.contracts.base import Time, Wire

MemberRole = Literal["owner", "admin", "approver", "member"]
"""From the one that may do everything down to the one that may only read."""

MemberName = Annotated[str, Field(min_length=1, max_length=100)]
Email = Annotated[str, Field(min_length=3, max_length=254)]
SlackUser = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,30}$")]


class ApprovalLimit(Wire):
    """The most that somebody may approve at once."""

    amount: Annotated[int, Field(ge=1, le=10**12)]
    """In minor units of ``currency``."""
    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")]
    """What is in another currency they may not approve at all."""


class CreateMemberRequest(Wire):
    """A new member of the organization, in test and live alike."""

    name: MemberName
    email: Email
    """One address, such as ada@example.com; nobody else in the organization has it."""
    role: MemberRole
    approval_limit: ApprovalLimit | None = None
    """No limit of their own where omitted."""
    slack_user_id: SlackUser | None = None


class ChangeMemberRequest(Wire):
    """What is to be changed of a member; what is left out or null stays as it is, but for the two that null removes."""

    name: MemberName | None = None
    email: Email | None = None
    role: MemberRole | None = None
    """Their keys may do no more than this role allows, from then on."""
    approval_limit: ApprovalLimit | None = None
    """null: no limit of their own any more."""
    slack_user_id: SlackUser | None = None
    """null: no Slack user any more."""
    active: bool | None = None
    """false: their keys are revoked, and they decide nothing any more; true: they are a member again, without keys."""


class MemberView(Wire):
    """A member as they stand."""

    id: str
    name: str
    email: str
    role: MemberRole
    approval_limit: ApprovalLimit | None
    slack_user_id: str | None
    active: bool
    created_at: Time
    deactivated_at: Time | None


class ChangeOrganizationRequest(Wire):
    """What is to be changed of the organization."""

    name: MemberName


class OrganizationView(Wire):
    """The organization as it stands."""

    id: str
    name: str
    created_at: Time
    deleted_at: Time | None
    """From then on no key of it is valid, and nothing in it can be opened, made or changed."""
