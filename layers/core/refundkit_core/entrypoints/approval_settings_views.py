"""Settings about approvals between the wire and the use cases."""

from __future__ import annotations

from typing import Final

from refundkit.contracts.approval_settings import ApprovalLevel, ApprovalSettingsView, PutApprovalSettingsRequest

from refundkit_core.domain.house_rules import HouseRules
from refundkit_core.domain.routing import DEFAULT_LEVELS, ApprovalSettings, Level
from refundkit_core.entrypoints.http import Call

_MINUTE_S: Final = 60


def approval_settings_from(call: Call) -> ApprovalSettings:
    """The settings in a ``PUT /v1/settings/approvals``."""
    body: PutApprovalSettingsRequest = call.body
    return ApprovalSettings(
        house=HouseRules(
            currency=body.currency,
            auto_approve_below_minor=body.auto_approve_below,
            require_review_above_minor=body.require_review_above,
            review_from_risk=body.review_from_risk,
            review_categories=tuple(dict.fromkeys(body.review_categories or ())),
        ),
        levels=tuple(_level_from(level) for level in body.levels or ()),
        two_person_above_minor=body.two_person_above,
        info_deadline_s=body.info_deadline_minutes * _MINUTE_S,
        channels=("email", "slack") if body.channels is None else tuple(dict.fromkeys(body.channels)),
        reports=tuple(dict.fromkeys(body.slack_reports or ())),
        customer_mails=tuple(dict.fromkeys(body.customer_emails or ())),
    )


def _level_from(level: ApprovalLevel) -> Level:
    remind = level.remind_after_minutes
    return Level(
        name=level.name,
        deadline_s=level.deadline_minutes * _MINUTE_S,
        approvers=tuple(dict.fromkeys(level.approvers or ())),
        limit_minor=level.limit,
        remind_after_s=None if remind is None else remind * _MINUTE_S,
    )


def approval_settings_view(settings: ApprovalSettings) -> ApprovalSettingsView:
    """The settings as the wire shows them."""
    house = settings.house
    return ApprovalSettingsView(
        currency=house.currency,
        auto_approve_below=house.auto_approve_below_minor,
        require_review_above=house.require_review_above_minor,
        review_from_risk=house.review_from_risk,
        review_categories=list(house.review_categories),
        levels=[_level_view(level) for level in settings.levels or DEFAULT_LEVELS],
        two_person_above=settings.two_person_above_minor,
        info_deadline_minutes=settings.info_deadline_s // _MINUTE_S,
        channels=list(settings.channels),
        slack_reports=list(settings.reports),
        customer_emails=list(settings.customer_mails),
        version=settings.version,
    )


def _level_view(level: Level) -> ApprovalLevel:
    remind = level.remind_after_s
    return ApprovalLevel(
        name=level.name,
        approvers=list(level.approvers),
        limit=level.limit_minor,
        remind_after_minutes=None if remind is None else remind // _MINUTE_S,
        deadline_minutes=level.deadline_s // _MINUTE_S,
    )
