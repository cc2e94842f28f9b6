"""A customer's refunds and chargebacks, counted exactly: the record that every refund of theirs is written with.

Its key is derived from the customer's id under the organization's secret, so that it names nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

MONTH: Final = timedelta(days=30)
QUARTER: Final = timedelta(days=90)
YEAR: Final = timedelta(days=365)


class Counted(NamedTuple):
    """One refund as it counts: when it was opened, and its gross amount in minor units of its currency."""

    at: datetime
    amount_minor: int
    currency: str


class History(NamedTuple):
    """What counts now: refunds in 30 and 90 days, their value in 90 (None: in several currencies), chargebacks in 365.

    A window of n days is n times 86,400 seconds, its last instant inside (decision 2).
    """

    refunds_30d: int
    refunds_90d: int
    value_90d_minor: int | None
    chargebacks_365d: int


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """One customer's record as stored; ``version`` 0 means that none stands yet.

    ``refunds`` holds those of the last 90 days that have not failed, been refused or cancelled, by their ids;
    ``chargebacks`` the charges that were disputed, and when we saw it.
    """

    key: str
    version: int = 0
    refunds: Mapping[str, Counted] = field(default_factory=dict)
    chargebacks: Mapping[str, datetime] = field(default_factory=dict)

    def history(self, currency: str, now: datetime) -> History:
        """What counts at ``now``; values only where all of them are in ``currency``."""
        lately = [one for one in self.refunds.values() if now - one.at <= QUARTER]
        value = sum(one.amount_minor for one in lately) if {one.currency for one in lately} <= {currency} else None
        return History(
            refunds_30d=sum(1 for one in lately if now - one.at <= MONTH),
            refunds_90d=len(lately),
            value_90d_minor=value,
            chargebacks_365d=sum(1 for at in self.chargebacks.values() if now - at <= YEAR),
        )

    def forgotten(self, now: datetime) -> list[str]:
        """The refunds that no window reaches any more."""
        return sorted(refund_id for refund_id, one in self.refunds.items() if now - one.at > QUARTER)
