"""The facts of one request for a refund: all that a decision may rest on, and nothing that names a person.

They are kept with the decision, so that it can be judged again by another policy. None is an unknown fact.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

from refundkit_core.domain.house_rules import HouseRules
from refundkit_core.domain.policies import ItemFlag
from refundkit_core.domain.processor import DisputeState
from refundkit_core.domain.times import iso, parse_iso

DeliveryStatus = Literal["not_shipped", "in_transit", "delivered", "lost", "returned"]


@dataclass(frozen=True, slots=True)
class ChargeFacts:
    """What the processor and our ledger know of the charge. Amounts in minor units of ``currency``.

    ``held_minor`` is what its refunds took or hold, ``processor_risk`` the processor's own score of 0 to 100,
    ``countries`` those of card and billing address (two letters each).
    """

    currency: str
    captured_minor: int
    remaining_minor: int
    held_minor: int
    lost_minor: int
    dispute: DisputeState
    purchased_at: datetime
    fraud_warning: str | None = None
    processor_risk: int | None = None
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what is to be refunded. ``amount_minor`` is what was paid for all of it; None: unknown."""

    sku: str | None = None
    category: str | None = None
    quantity: int = 1
    amount_minor: int | None = None
    flags: tuple[ItemFlag, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far the goods came."""

    status: DeliveryStatus | None = None
    fulfilled_at: datetime | None = None
    delivered_at: datetime | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """What we and the shop know of the customer; ``known`` is false where nobody says who it is.

    Refunds count from their opening until they fail, are refused or cancelled. ``value_90d_minor`` is None where they
    were in several currencies. Spend is in minor units of the charge's currency.
    """

    known: bool = False
    refunds_30d: int | None = None
    refunds_90d: int | None = None
    value_90d_minor: int | None = None
    chargebacks_365d: int | None = None
    lifetime_orders: int | None = None
    lifetime_spend_minor: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one request. ``amount_minor`` None asks for all that remains.

    ``evidence`` are the kinds of evidence given; ``contradictions`` name what the caller states otherwise than the
    shop or the processor does; ``external_risk`` is a score of 0 to 100 by the shop's own engine; ``ip_country`` is
    where the order came from; ``rush`` says that the velocity breaker is tripped;
    ``quoted_fee_minor`` is the fee of a quote that holds for exactly this request; ``caps_unknown`` are spend caps that
    this request cannot be held against; ``house`` are the organization's own rules about when a person looks.
    """

    now: datetime
    reason: str
    amount_minor: int | None
    stated_currency: str | None
    charge: ChargeFacts
    items: tuple[Item, ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    customer: CustomerFacts = field(default_factory=CustomerFacts)
    evidence: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    external_risk: int | None = None
    ip_country: str | None = None
    rush: bool = False
    quoted_fee_minor: int | None = None
    caps_unknown: tuple[str, ...] = ()
    house: HouseRules | None = None

    def as_record(self) -> dict[str, Any]:
        """The facts as JSON knows them, without what is unknown or empty."""
        record: dict[str, Any] = _plain(asdict(self))
        return record

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Facts:
        """The facts of :meth:`as_record`."""
        simple = {each.name: record[each.name] for each in fields(cls) if each.name in record}
        return cls(
            **{
                "amount_minor": None,
                "stated_currency": None,
                **simple,
                "now": parse_iso(record["now"]),
                "charge": ChargeFacts(
                    **{
                        **record["charge"],
                        "purchased_at": parse_iso(record["charge"]["purchased_at"]),
                        "countries": tuple(record["charge"].get("countries", ())),
                    }
                ),
                "items": tuple(
                    Item(**{**item, "flags": tuple(item.get("flags", ()))}) for item in record.get("items", ())
                ),
                "delivery": Delivery(**_timed(record.get("delivery", {}), "fulfilled_at", "delivered_at")),
                "customer": CustomerFacts(**_timed(record.get("customer", {}), "since")),
                "evidence": tuple(record.get("evidence", ())),
                "contradictions": tuple(record.get("contradictions", ())),
                "caps_unknown": tuple(record.get("caps_unknown", ())),
                "house": HouseRules.from_record(record["house"]) if "house" in record else None,
            }
        )


def known(part: Item | Delivery) -> dict[str, Any]:
    """A part of the facts as JSON knows it, without what is unknown or empty."""
    record: dict[str, Any] = _plain(asdict(part))
    return record


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, dict):
        plain = ((name, _plain(each)) for name, each in value.items())
        return {name: each for name, each in plain if each is not None and each is not False and each not in ([], {})}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _timed(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: parse_iso(value) if name in names else value for name, value in record.items()}
