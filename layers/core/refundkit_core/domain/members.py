"""Members: the people of an organization, what each may do, and the rules that hold for all of them together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from refundkit_core.domain.errors import Denied, Detail, Invalid
from refundkit_core.domain.money import Money
from refundkit_core.domain.roles import RIGHTS, ROLES, Role, is_above, may_decide, role_may

__all__ = [
    "MAX_EMAIL",
    "MAX_MEMBERS",
    "MAX_NAME",
    "RIGHTS",
    "ROLES",
    "Member",
    "Role",
    "Roster",
    "insist_on_no_raise_of_ones_own",
    "insist_on_shape",
    "is_above",
    "is_address",
    "may_decide",
    "name_fault",
    "role_may",
]

MAX_MEMBERS: Final = 1_000
"""Of one organization, inactive ones too: a roster is read whole."""

MAX_NAME: Final = 100
MAX_EMAIL: Final = 254
"""RFC 5321, 4.5.3.1.3, without the angle brackets."""

_EMAIL: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""Simple on purpose: nothing that could end a mail header, list two addresses or carry a name."""

_SLACK_USER: Final = re.compile(r"[UW][A-Z0-9]{2,30}")


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one organization, in test and live alike.

    ``approval_limit`` None: no limit of their own. ``keys_made`` counts the keys that were ever made for them: whoever
    changes what their keys may do notices one that is made meanwhile. ``fingerprint`` tells what was asked for where an
    idempotency key named the request.
    """

    id: str
    org_id: str
    name: str
    email: str
    role: Role
    created_at: datetime
    active: bool = True
    approval_limit: Money | None = None
    slack_user: str | None = None
    deactivated_at: datetime | None = None
    version: int = 1
    keys_made: int = 0
    fingerprint: str | None = None

    @property
    def may_decide(self) -> bool:
        """Whether they may decide approvals now."""
        return self.active and may_decide(self.role)

    @property
    def email_key(self) -> str:
        """The address as it is compared: nobody tells two people apart by capital letters."""
        return self.email.lower()


class Roster(NamedTuple):
    """All members of an organization, inactive ones too, as they stood at ``version``.

    Every new member and every change moves the version on, so that what is decided on a roster still holds when it
    is written. Version 0: as the first release made it, without a version.
    """

    org_id: str
    version: int
    members: Sequence[Member]

    def of(self, member_id: str) -> Member | None:
        return next((member for member in self.members if member.id == member_id), None)

    def insist_on_room_for(self, wanted: Member) -> None:
        """Raises Invalid where somebody else, active or not, has the e-mail address or Slack user of ``wanted``."""
        for other in self.members:
            if other.id == wanted.id:
                continue
            if other.email_key == wanted.email_key:
                raise Invalid("Another member has this e-mail address", (Detail("email", f"It is {other.id}'s"),))
            if wanted.slack_user is not None and other.slack_user == wanted.slack_user:
                raise Invalid("Another member has this Slack user", (Detail("slackUserId", f"It is {other.id}'s"),))

    def insist_on_an_owner_after(self, after: Member) -> None:
        """Raises Denied where the change to ``after`` would leave nobody who may do everything."""
        others = [each for each in self.members if each.id != after.id] + [after]
        if not any(each.active and each.role == "owner" for each in others):
            raise Denied("This is the last active owner. Make another member owner first, then try again")


def insist_on_no_raise_of_ones_own(before: Member, after: Member) -> None:
    """Nobody may approve more by their own doing. Raises Denied."""
    if _is_raised(before.approval_limit, after.approval_limit):
        raise Denied("Nobody raises their own approval limit: another member has to")


def _is_raised(before: Money | None, after: Money | None) -> bool:
    """Whether more may be approved, or something else: amounts of two currencies do not compare."""
    if before is None or before == after:
        return False
    return after is None or after.currency != before.currency or before < after


def name_fault(name: str, longest: int = MAX_NAME) -> str | None:
    """What is wrong with a name of a person or an organization, which goes into mails; None: nothing."""
    if not 1 <= len(name) <= longest or name != name.strip():
        return f"1 to {longest} characters, none of them a blank at either end"
    return None if name.isprintable() else "Printable characters only: no line breaks, nothing invisible"


def is_address(text: str) -> bool:
    """Whether ``text`` is one e-mail address and nothing else."""
    return len(text) <= MAX_EMAIL and _EMAIL.fullmatch(text) is not None


def insist_on_shape(member: Member) -> None:
    """Raises Invalid where a name, address or Slack user cannot be one."""
    fault = name_fault(member.name)
    if fault is not None:
        raise Invalid("The name is not one", (Detail("name", fault),))
    if not is_address(member.email):
        detail = Detail("email", f"One address such as ada@example.com, at most {MAX_EMAIL} characters")
        raise Invalid("The e-mail address is not one", (detail,))
    if member.slack_user is not None and _SLACK_USER.fullmatch(member.slack_user) is None:
        raise Invalid("The Slack user is not one", (Detail("slackUserId", "Such as U012AB3CD"),))
    if member.approval_limit is not None and member.approval_limit.amount_minor < 1:
        raise Invalid("The approval limit is not positive", (Detail("approvalLimit.amount", "At least 1"),))
