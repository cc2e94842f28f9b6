"""Guards that a merchant may set: how much a key, an agent, a customer or the organization may refund, and how fast.

A cap a day is a purse, which every refund takes from in the transaction that opens it and which gets its money back
when the refund fails, is refused or cancelled. The organization's purse is ten, so that none is hot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from refundkit_core.domain.money import Money

Scope = Literal["key", "agent", "customer", "organization"]

SHARDS: Final = 10
BUCKETS: Final = 12
"""A breaker's time is counted in so many parts; the one that is half over counts whole."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``per_refund_minor`` at once and ``per_day_minor`` a UTC day (None: any), of what is paid.

    ``id`` names whom it holds for; None: each key, agent or customer by itself.
    """

    scope: Scope
    currency: str
    per_day_minor: int | None = None
    per_refund_minor: int | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """From the next refund after ``refunds``, or after ``amount_minor`` of ``currency``, within ``minutes`` a person
    looks at everything, until it is quieter."""

    minutes: int
    refunds: int | None = None
    amount_minor: int | None = None
    currency: str = "usd"

    @property
    def bucket(self) -> timedelta:
        """How long each part of its time is."""
        return timedelta(minutes=self.minutes) / BUCKETS

    def bucket_of(self, at: datetime) -> int:
        """The number of the part that ``at`` falls into."""
        return int(at.timestamp() // self.bucket.total_seconds())

    def is_tripped(self, refunds: int, amount_minor: int) -> bool:
        """Whether so many, the present one included, are too many."""
        too_many = self.refunds is not None and refunds > self.refunds
        return too_many or (self.amount_minor is not None and amount_minor > self.amount_minor)


@dataclass(frozen=True, slots=True)
class Guards:
    """What a merchant has set; nothing of it, where nothing was."""

    caps: tuple[Cap, ...] = ()
    breaker: Breaker | None = None
    version: int = 0

    def as_record(self) -> dict[str, Any]:
        """The guards as JSON knows them."""
        caps = [{name: getattr(cap, name) for name in cap.__slots__} for cap in self.caps]
        breaker = self.breaker and {name: getattr(self.breaker, name) for name in self.breaker.__slots__}
        return {"caps": caps, "breaker": breaker, "version": self.version}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Guards:
        """The guards of :meth:`as_record`."""
        breaker = record["breaker"]
        caps = tuple(Cap(**cap) for cap in record["caps"])
        return cls(caps, None if breaker is None else Breaker(**breaker), record["version"])


NO_GUARDS: Final = Guards()


class Spender(NamedTuple):
    """Whose refund it is; None is nobody that we know, or no agent."""

    key_id: str | None
    agent: str | None
    customer: str | None


class Taking(NamedTuple):
    """What a refund takes from one purse, which may hold up to ``most_minor``."""

    purse: str
    amount_minor: int
    most_minor: int


class Charge(NamedTuple):
    """A cap that holds for a refund, and whose purse it is; ``owner`` None: the cap is for customers, and nobody knows
    this one."""

    cap: Cap
    owner: str | None


def caps_on(guards: Guards, spender: Spender) -> list[Charge]:
    """The caps that hold for a refund of ``spender``; of several on one purse the strictest bounds."""
    owners: Mapping[Scope, str | None] = {
        "key": spender.key_id,
        "agent": spender.agent,
        "customer": spender.customer,
        "organization": "all",
    }
    held: dict[tuple[Scope, str | None, str], Charge] = {}
    for cap in guards.caps:
        owner = owners[cap.scope]
        meant = cap.id in (None, owner)
        unknown_customer = owner is None and cap.scope == "customer"
        if (owner is not None and meant) or (unknown_customer and cap.id is None):
            name = (cap.scope, owner, cap.currency)
            held[name] = Charge(_stricter(held[name].cap, cap) if name in held else cap, owner)
    return list(held.values())


def _stricter(one: Cap, other: Cap) -> Cap:
    return replace(
        one,
        per_day_minor=_lesser(one.per_day_minor, other.per_day_minor),
        per_refund_minor=_lesser(one.per_refund_minor, other.per_refund_minor),
    )


def _lesser(one: int | None, other: int | None) -> int | None:
    return min((bound for bound in (one, other) if bound is not None), default=None)


def purses_of(charge: Charge, at: datetime) -> tuple[str, ...]:
    """The purses of a cap a day; those of the organization together hold the cap, each its share (:func:`share`)."""
    if charge.owner is None:
        return ()
    name = f"{charge.cap.scope}#{charge.owner}#{charge.cap.currency}#{at.astimezone(UTC):%Y-%m-%d}"
    if charge.cap.scope != "organization":
        return (name,)
    return tuple(f"{name}#{shard}" for shard in range(SHARDS))


def share(cap_minor: int, shard: int) -> int:
    """What one of the ten purses may hold: a tenth, the remainder going to the first; together exactly the cap."""
    whole, rest = divmod(cap_minor, SHARDS)
    return whole + (1 if shard < rest else 0)


def takings(
    charge: Charge, amount: Money, at: datetime, spent: Mapping[str, int], start: int
) -> tuple[Taking, ...] | None:
    """What ``amount`` takes from the purses of a cap a day; None: there is not enough left in them.

    One purse with enough is preferred, searched from number ``start`` on; else several give what they have.
    """
    cap_minor, purses = charge.cap.per_day_minor, purses_of(charge, at)
    if cap_minor is None:
        return ()
    sharded = len(purses) > 1
    holds = {purse: share(cap_minor, number) if sharded else cap_minor for number, purse in enumerate(purses)}
    order = [purses[(start + number) % len(purses)] for number in range(len(purses))]
    free = {purse: holds[purse] - spent.get(purse, 0) for purse in order}
    whole = next((purse for purse in order if free[purse] >= amount.amount_minor), None)
    if whole is not None:
        return (Taking(whole, amount.amount_minor, holds[whole]),)
    return _spread(amount.amount_minor, sorted(order, key=lambda purse: -free[purse]), free, holds)


def _spread(
    amount_minor: int, order: Sequence[str], free: Mapping[str, int], holds: Mapping[str, int]
) -> tuple[Taking, ...] | None:
    taken: list[Taking] = []
    left = amount_minor
    for purse in order:
        part = min(left, free[purse])
        if part > 0:
            taken.append(Taking(purse, part, holds[purse]))
            left -= part
    return tuple(taken) if left == 0 else None
