"""How approvals are routed: levels, who decides at each, for how long, and who is told (document 000, decision 19)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from refundkit_core.domain.house_rules import NO_HOUSE_RULES, HouseRules

Channel = Literal["email", "slack"]
Report = Literal["auto_approved", "completed", "failed"]
CustomerMail = Literal["completed", "rejected", "info_requested"]

DECIDING_ROLES: Final = ("owner", "admin", "approver")
MAX_LEVELS: Final = 5
MAX_REMINDERS: Final = 10
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class Level:
    """One level of approvers. ``approvers`` are members' ids and roles; none named: everybody with a deciding role.

    Up to ``limit_minor`` of the settings' currency the level may decide (None: any amount). It is reminded every
    ``remind_after_s`` seconds (None: never), ten times at most; after ``deadline_s`` the approval goes to the next
    level, or expires at the last.
    """

    name: str
    deadline_s: int
    approvers: tuple[str, ...] = ()
    limit_minor: int | None = None
    remind_after_s: int | None = None

    def includes(self, member_id: str, role: str) -> bool:
        """Whether somebody is one of the level's approvers."""
        return not self.approvers or member_id in self.approvers or role in self.approvers


@dataclass(frozen=True, slots=True)
class ApprovalSettings:
    """Everything that an organization's environment has set about approvals.

    Above ``two_person_above_minor`` of the house rules' currency two different people must approve. Whoever is asked
    for information has ``info_deadline_s`` seconds. ``reports`` go to Slack's channel, ``customer_mails`` to customers.
    """

    house: HouseRules = NO_HOUSE_RULES
    levels: tuple[Level, ...] = ()
    two_person_above_minor: int | None = None
    info_deadline_s: int = 168 * _HOUR_S
    channels: tuple[Channel, ...] = ("email", "slack")
    reports: tuple[Report, ...] = ()
    customer_mails: tuple[CustomerMail, ...] = ()
    version: int = 0

    @property
    def tells_of_refunds(self) -> bool:
        """Whether anybody wants to hear of refunds that no person was asked about."""
        return bool(self.reports or self.customer_mails)

    def level(self, number: int) -> Level:
        """The level of an approval, the last one where there are fewer by now."""
        levels = self.levels or DEFAULT_LEVELS
        return levels[min(number, len(levels) - 1)]

    def is_last(self, number: int) -> bool:
        """Whether nobody is above this level."""
        return number >= len(self.levels or DEFAULT_LEVELS) - 1

    def first_level(self, amount_minor: int, currency: str) -> int:
        """Where an approval of this amount begins: the lowest level that may decide it, else the last one."""
        levels = self.levels or DEFAULT_LEVELS
        for number, level in enumerate(levels):
            if self.may_decide(level, amount_minor, currency):
                return number
        return len(levels) - 1

    def may_decide(self, level: Level, amount_minor: int, currency: str) -> bool:
        """Whether the amount is within the level's limit; what cannot be compared is not."""
        if level.limit_minor is None:
            return True
        return currency == self.house.currency and amount_minor <= level.limit_minor

    def needs_two(self, amount_minor: int, currency: str) -> bool:
        """Whether two people must approve; what cannot be compared needs two."""
        if self.two_person_above_minor is None:
            return False
        return currency != self.house.currency or amount_minor > self.two_person_above_minor

    def as_record(self) -> dict[str, Any]:
        """The settings as JSON knows them."""
        return {**asdict(self), "house": self.house.as_record()}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ApprovalSettings:
        """The settings of :meth:`as_record`."""
        levels = tuple(Level(**{**level, "approvers": tuple(level["approvers"])}) for level in record["levels"])
        lists = {name: tuple(record[name]) for name in ("channels", "reports", "customer_mails")}
        house = HouseRules.from_record(record["house"])
        return cls(**{**record, **lists, "house": house, "levels": levels})

    def says_the_same_as(self, other: ApprovalSettings) -> bool:
        """Whether the two differ in nothing but their version."""
        return replace(self, version=other.version) == other


DEFAULT_LEVELS: Final = (
    Level("Approvers", deadline_s=48 * _HOUR_S, remind_after_s=24 * _HOUR_S),
    Level("Owners and admins", deadline_s=72 * _HOUR_S, approvers=("owner", "admin"), remind_after_s=24 * _HOUR_S),
)
"""Where an organization has set none: everybody who may decide for two days, then owners and admins for three."""

DEFAULT_SETTINGS: Final = ApprovalSettings()
