"""What time does to an approval: remind, escalate, expire. And in which steps the workflow waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from refundkit_core.domain.approvals import Approval
from refundkit_core.domain.routing import MAX_REMINDERS, ApprovalSettings

Deed = Literal["remind", "escalate", "expire"]
Rung = Literal["Day", "Hours", "Hour", "Quarter", "Minute"]

RUNGS: Final[Mapping[Rung, timedelta]] = {
    "Day": timedelta(days=1),
    "Hours": timedelta(hours=4),
    "Hour": timedelta(hours=1),
    "Quarter": timedelta(minutes=15),
    "Minute": timedelta(minutes=1),
}
"""The waits that the state machine knows, longest first; a longer one is waited for in several."""

GRACE: Final = timedelta(minutes=10)
"""How long the workflow may be late before the sweep does its work."""

SLACK: Final = timedelta(minutes=1)
"""How late a wait may end."""


class Due(NamedTuple):
    """What has to be done with an approval next, and when."""

    deed: Deed
    at: datetime


def due(approval: Approval, settings: ApprovalSettings) -> Due:
    """What comes next where nobody decides. While information is asked for, the level's clock stands still."""
    if approval.question is not None:
        return Due("expire", approval.question.until)
    level, since = settings.level(approval.level), approval.at_level_since
    deadline = since + timedelta(seconds=level.deadline_s)
    if level.remind_after_s is not None and approval.reminders < MAX_REMINDERS:
        reminder = since + timedelta(seconds=level.remind_after_s) * (approval.reminders + 1)
        if reminder < deadline:
            return Due("remind", reminder)
    return Due("expire" if settings.is_last(approval.level) else "escalate", deadline)


def watched(approval: Approval, settings: ApprovalSettings) -> Approval:
    """``approval``, looked after by the sweep where the workflow is late with what comes next."""
    return replace(approval, next_look_at=due(approval, settings).at + GRACE)


def rung_for(wait: timedelta) -> Rung:
    """The longest of the workflow's waits that ends in time; the shortest one where none does."""
    for rung, length in RUNGS.items():
        if length <= wait + SLACK:
            return rung
    return "Minute"


def ends_in_time(lapses_at: datetime, due_at: datetime) -> bool:
    """Whether a wait that ends then is over when something has to be done."""
    return lapses_at <= due_at + SLACK
