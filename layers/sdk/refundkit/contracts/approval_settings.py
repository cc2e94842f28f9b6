"""Settings about approvals on the wire: when a person looks, who decides, for how long, and who is told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from refundkit.contracts.base import Wire
from refundkit.contracts.refunds import AmountMinor, Currency

ApproverRole = Literal["owner", "admin", "approver"]
Approver = Annotated[str, Field(pattern=r"^(owner|admin|approver|mem_[0-9A-HJKMNP-TV-Z]{26})$")]
"""A role, or one member."""

Minutes = Annotated[int, Field(ge=1, le=60 * 24 * 60)]
"""Up to sixty days."""

CategoryName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]


class ApprovalLevel(Wire):
    """One level of approvers; what they do not decide in time goes to the next, or expires at the last."""

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]
    approvers: Annotated[list[Approver], Field(max_length=50)] | None = None
    """Nobody named: every owner, admin and approver."""
    limit: AmountMinor | None = None
    """What this level may decide, at most; more goes to the next one at once."""
    remind_after_minutes: Minutes | None = None
    """They are reminded every so often, ten times at most."""
    deadline_minutes: Minutes


class PutApprovalSettingsRequest(Wire):
    """All settings about approvals, in place of those before."""

    currency: Currency = "usd"
    """Of every amount here. Refunds in other currencies go to a person, above all limits, where amounts are set."""
    auto_approve_below: AmountMinor | None = None
    """Below it nobody is needed; where the policy has a stricter threshold, that one holds."""
    require_review_above: AmountMinor | None = None
    """From it on a person always looks, whatever the policy says."""
    review_from_risk: Annotated[int, Field(ge=1, le=100)] | None = None
    """From this risk score on a person looks."""
    review_categories: Annotated[list[CategoryName], Field(max_length=100)] | None = None
    """Categories of which a person looks at every refund."""
    levels: Annotated[list[ApprovalLevel], Field(min_length=1, max_length=5)] | None = None
    """From the first to the last; omitted: everybody who may decide for two days, then owners and admins for three."""
    two_person_above: AmountMinor | None = None
    """Above it two different people must approve."""
    info_deadline_minutes: Minutes = 60 * 24 * 7
    """How long a question about a refund may stay unanswered."""
    channels: list[Literal["email", "slack"]] | None = None
    """How approvers are asked; omitted: every way that is set up."""
    slack_reports: list[Literal["auto_approved", "completed", "failed"]] | None = None
    """Which refunds Slack's channel is told of besides."""
    customer_emails: list[Literal["completed", "rejected", "info_requested"]] | None = None
    """What customers are told by e-mail, where their address is known."""
    version: Annotated[int, Field(ge=0, le=10**9)] | None = None
    """The version that you have read; where another stands, nothing is changed."""

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> PutApprovalSettingsRequest:
        below, above = self.auto_approve_below, self.require_review_above
        if below is not None and above is not None and below > above:
            raise ValueError("autoApproveBelow is above requireReviewAbove")
        return self


class ApprovalSettingsView(Wire):
    """The settings as they stand; ``version`` 0: none were ever set."""

    currency: str
    auto_approve_below: int | None
    require_review_above: int | None
    review_from_risk: int | None
    review_categories: list[str]
    levels: list[ApprovalLevel]
    """The ones in force: the default ones where none were set."""
    two_person_above: int | None
    info_deadline_minutes: int
    channels: list[Literal["email", "slack"]]
    slack_reports: list[Literal["auto_approved", "completed", "failed"]]
    customer_emails: list[Literal["completed", "rejected", "info_requested"]]
    version: int
