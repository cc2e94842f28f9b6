"""Hold a refund to the merchant's guards: caps that it must fit into, and the breaker that asks a person."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from refundkit_core.application.ports import Purses
from refundkit_core.domain.budgets import Charge, Guards, Spender, Taking, caps_on, purses_of, takings
from refundkit_core.domain.errors import BudgetExceeded, Detail
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.money import Money
from refundkit_core.domain.tenancy import Tenant

_SAYS: Final = {
    "key": "this key may refund",
    "agent": "this agent may refund",
    "customer": "this customer may be refunded",
    "organization": "the organization may refund",
}


class Guarded(NamedTuple):
    """The facts with what the guards add to them, and what the refund takes from purses."""

    facts: Facts
    takings: tuple[Taking, ...]


class GuardRefund:
    """Asks the purses and the breaker; takes nothing by itself but a place in the breaker's count."""

    def __init__(self, purses: Purses) -> None:
        self._purses = purses

    def is_rush(self, tenant: Tenant, guards: Guards, facts: Facts, amount: Money) -> bool:
        """Count a request that the policy does not refuse, and tell whether it is one too many."""
        breaker = guards.breaker
        if breaker is None:
            return False
        counted = amount.amount_minor if amount.currency == breaker.currency else 0
        return breaker.is_tripped(*self._purses.count(tenant, breaker, facts.now, counted))

    def __call__(
        self, tenant: Tenant, guards: Guards, spender: Spender, facts: Facts, amount: Money, start: int
    ) -> Guarded:
        """What the caps say to a refund that pays ``amount``; purses are searched from number ``start`` on.

        Raises:
            BudgetExceeded: it does not fit into a cap; the details name it.
        """
        held = caps_on(guards, spender)
        compared = [charge for charge in held if charge.owner is not None and charge.cap.currency == amount.currency]
        unknown = tuple(charge.cap.scope for charge in held if charge not in compared)
        return Guarded(replace(facts, caps_unknown=unknown), self._taken(tenant, compared, amount, facts.now, start))

    def _taken(
        self, tenant: Tenant, held: list[Charge], amount: Money, now: datetime, start: int
    ) -> tuple[Taking, ...]:
        daily = [charge for charge in held if charge.cap.per_day_minor is not None]
        purses = [purse for charge in daily for purse in purses_of(charge, now)]
        spent = self._purses.spent(tenant, purses) if purses else {}
        taken: list[Taking] = []
        for charge in held:
            once = charge.cap.per_refund_minor
            if once is not None and amount.amount_minor > once:
                raise _exceeded(charge, "at once", once, 0, amount, None)
            found = takings(charge, amount, now, spent, start)
            if found is None:
                gone = sum(spent.get(purse, 0) for purse in purses_of(charge, now))
                raise _exceeded(charge, "a day", charge.cap.per_day_minor or 0, gone, amount, _until_midnight_s(now))
            taken += found
        return tuple(taken)


def _exceeded(
    charge: Charge, when: str, most_minor: int, spent_minor: int, amount: Money, wait_s: int | None
) -> BudgetExceeded:
    most, left = Money(most_minor, amount.currency), Money(max(most_minor - spent_minor, 0), amount.currency)
    said = f"{amount} does not fit: {_SAYS[charge.cap.scope]} {most} {when}, and {left} is left"
    return BudgetExceeded(said, (Detail(charge.cap.scope, said), Detail("left", str(left.amount_minor))), wait_s)


def _until_midnight_s(now: datetime) -> int:
    """Seconds until the UTC day ends, and its purses with it."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return math.ceil((midnight - now).total_seconds())
