"""What speaks against a refund: one reading a signal, with how strongly it speaks (its band, 0 to 100) and why.

A reading of None says that the facts for it are missing. Every reading only grows with the fact that is bad.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from refundkit_core.domain.facts import Facts

DEFAULT_WEIGHTS: Final[Mapping[str, int]] = {
    "velocity": 40,
    "refund_ratio": 30,
    "amount_anomaly": 20,
    "chargebacks": 60,
    "account_age": 15,
    "region_mismatch": 15,
    "delivered_claimed_missing": 40,
    "fraud_warning": 45,
    "inquiry": 40,
    "processor_risk": 70,
    "contradictions": 30,
}
"""How much each signal counts, 0 to 100, where the merchant's policy says nothing else (docs/risk.md)."""

SIGNALS: Final = tuple(DEFAULT_WEIGHTS)
"""The signals, in the order in which they are shown."""

_MIN_ORDERS: Final = 4
"""With fewer orders a share of them says nothing: one refund of two orders is bad luck."""


class Reading(NamedTuple):
    """What one signal says: ``fact`` was found, which is beyond ``limit`` and therefore in this ``band``."""

    band: int
    description: str
    fact: int | str
    limit: int | None = None


class _Step(NamedTuple):
    """From ``least`` on, a fact is in ``band``."""

    least: int
    band: int


_VELOCITY: Final = (_Step(3, 100), _Step(2, 50), _Step(1, 10))
_RATIO_PERCENT: Final = (_Step(50, 100), _Step(25, 50))
_SHARE_OF_CHARGE_PERCENT: Final = (_Step(81, 75), _Step(51, 25))
_SHARE_OF_AVERAGE_PERCENT: Final = (_Step(301, 100), _Step(201, 50))
_CHARGEBACKS: Final = (_Step(2, 100), _Step(1, 60))
_COUNTRIES: Final = (_Step(3, 100), _Step(2, 50))
_PROCESSOR_RISK: Final = (_Step(70, 100), _Step(65, 60), _Step(40, 15))
_CONTRADICTIONS: Final = (_Step(2, 100), _Step(1, 60))
_AGE_DAYS: Final = ((7, 100), (30, 60), (90, 20))
"""Younger than so many days: the one fact that is worse the smaller it is."""


def _stepped(fact: int, steps: tuple[_Step, ...], said: str) -> Reading:
    step = next((step for step in steps if fact >= step.least), None)
    return Reading(0, said, fact) if step is None else Reading(step.band, said, fact, step.least)


def _velocity(facts: Facts, _gross_minor: int) -> Reading | None:
    count = facts.customer.refunds_30d
    return None if count is None else _stepped(count, _VELOCITY, f"{_counted(count, 'return')} in 30 days")


def _refund_ratio(facts: Facts, _gross_minor: int) -> Reading | None:
    refunds, orders = facts.customer.refunds_90d, facts.customer.lifetime_orders
    if refunds is None or orders is None or orders < _MIN_ORDERS:
        return None
    said = f"{_counted(refunds, 'refund')} in 90 days of {orders} orders ever"
    return _stepped(refunds * 100 // orders, _RATIO_PERCENT, said)


def _amount_anomaly(facts: Facts, gross_minor: int) -> Reading | None:
    """The stronger of two comparisons: with the charge, and with what the customer's orders cost on average."""
    readings = [each for each in (_of_charge(facts, gross_minor), _of_average(facts, gross_minor)) if each is not None]
    return max(readings, key=lambda reading: reading.band, default=None)


def _of_charge(facts: Facts, gross_minor: int) -> Reading | None:
    captured = facts.charge.captured_minor
    if captured <= 0:
        return None
    percent = -(-gross_minor * 100 // captured)  # rounded up: 80.01 % is more than 80 %
    reading = _stepped(percent, _SHARE_OF_CHARGE_PERCENT, "Refund within the order")
    return _beyond(reading, lambda limit: f"Refund > {limit}% of order")


def _of_average(facts: Facts, gross_minor: int) -> Reading | None:
    orders, spend = facts.customer.lifetime_orders, facts.customer.lifetime_spend_minor
    if not orders or not spend or orders < _MIN_ORDERS:
        return None
    percent = -(-gross_minor * orders * 100 // spend)
    reading = _stepped(percent, _SHARE_OF_AVERAGE_PERCENT, "Refund within the customer's usual orders")
    return _beyond(reading, lambda limit: f"Refund > {limit}% of the customer's average order")


def _beyond(reading: Reading, said: Callable[[int], str]) -> Reading:
    """A percentage that was rounded up begins one above its limit; the limit itself is still fine."""
    if reading.limit is None:
        return reading
    return reading._replace(limit=reading.limit - 1, description=said(reading.limit - 1))


def _chargebacks(facts: Facts, _gross_minor: int) -> Reading | None:
    count = facts.customer.chargebacks_365d
    return None if count is None else _stepped(count, _CHARGEBACKS, f"{_counted(count, 'chargeback')} in 365 days")


def _account_age(facts: Facts, _gross_minor: int) -> Reading | None:
    if facts.customer.since is None:
        return None
    days = max(0, (facts.now - facts.customer.since).days)
    limit, band = next(((limit, band) for limit, band in _AGE_DAYS if days < limit), (None, 0))
    return Reading(band, f"Customer for {_counted(days, 'day')}", days, limit)


def _region_mismatch(facts: Facts, _gross_minor: int) -> Reading | None:
    paid, delivered, ordered = facts.charge.countries, facts.delivery.country, facts.ip_country
    countries = {country for country in (*paid, delivered, ordered) if country is not None}
    sources = sum(map(bool, (paid, delivered, ordered)))
    if len(countries) < 2 and sources < 2:
        return None  # one country alone compares with nothing
    reading = _stepped(len(countries), _COUNTRIES, f"Card, address and delivery point to {len(countries)} countries")
    return reading._replace(fact=" ".join(sorted(countries)))


def _delivered_claimed_missing(facts: Facts, _gross_minor: int) -> Reading | None:
    delivery = facts.delivery
    if facts.reason != "product_not_received":
        return Reading(0, "Nothing is said to be missing", facts.reason)
    if delivery.status is None and delivery.delivered_at is None:
        return None
    arrived = delivery.status == "delivered" or (delivery.status is None and delivery.delivered_at is not None)
    return Reading(100 if arrived else 0, "Said to be missing, but delivered", delivery.status or "delivered")


def _fraud_warning(facts: Facts, _gross_minor: int) -> Reading:
    warning = facts.charge.fraud_warning
    return Reading(0 if warning is None else 100, "The card issuer warned of fraud", warning or "none")


def _inquiry(facts: Facts, _gross_minor: int) -> Reading:
    asked = facts.charge.dispute == "inquiry"
    return Reading(100 if asked else 0, "The card issuer has asked about the charge", facts.charge.dispute)


def _processor_risk(facts: Facts, _gross_minor: int) -> Reading | None:
    scores = [score for score in (facts.charge.processor_risk, facts.external_risk) if score is not None]
    if not scores:
        return None
    return _stepped(max(scores), _PROCESSOR_RISK, f"Scored {max(scores)} of 100 by the processor or the shop")


def _contradictions(facts: Facts, _gross_minor: int) -> Reading:
    named = sorted(set(facts.contradictions))
    return _stepped(len(named), _CONTRADICTIONS, f"Stated otherwise than known: {', '.join(named)}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


READINGS: Final[Mapping[str, Callable[[Facts, int], Reading | None]]] = {
    "velocity": _velocity,
    "refund_ratio": _refund_ratio,
    "amount_anomaly": _amount_anomaly,
    "chargebacks": _chargebacks,
    "account_age": _account_age,
    "region_mismatch": _region_mismatch,
    "delivered_claimed_missing": _delivered_claimed_missing,
    "fraud_warning": _fraud_warning,
    "inquiry": _inquiry,
    "processor_risk": _processor_risk,
    "contradictions": _contradictions,
}
