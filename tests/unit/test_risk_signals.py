"""What each signal reads in the facts, in full: its band, its sentence, what it found and from where on that counts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.facts import CustomerFacts, Delivery, Facts
from refundkit_core.domain.risk_signals import DEFAULT_WEIGHTS, READINGS, SIGNALS, Reading

from tests.support.clock import START
from tests.support.risk import charge_facts, facts

MISSING = "product_not_received"
WITHIN = "Refund within the order"
USUAL = "Refund within the customer's usual orders"


def read(name: str, given: Facts, gross_minor: int = 100) -> Reading | None:
    return READINGS[name](given, gross_minor)


def by(**customer: Any) -> Facts:
    return facts(customer=CustomerFacts(**customer))


def test_every_signal_has_a_reading_and_its_weight() -> None:
    assert tuple(READINGS) == SIGNALS == tuple(DEFAULT_WEIGHTS)
    assert tuple(DEFAULT_WEIGHTS.values()) == (40, 30, 20, 60, 15, 15, 40, 45, 40, 70, 30)


@pytest.mark.parametrize(
    ("count", "reading"),
    [
        (None, None),
        (0, Reading(0, "0 returns in 30 days", 0)),
        (1, Reading(10, "1 return in 30 days", 1, 1)),
        (2, Reading(50, "2 returns in 30 days", 2, 2)),
        (3, Reading(100, "3 returns in 30 days", 3, 3)),
        (9, Reading(100, "9 returns in 30 days", 9, 3)),
    ],
)
def test_velocity(count: int | None, reading: Reading | None) -> None:
    assert read("velocity", by(refunds_30d=count)) == reading


@pytest.mark.parametrize(
    ("refunds", "orders", "reading"),
    [
        (None, 9, None),
        (1, None, None),
        (3, 3, None),
        (0, 4, Reading(0, "0 refunds in 90 days of 4 orders ever", 0)),
        (1, 7, Reading(0, "1 refund in 90 days of 7 orders ever", 14)),
        (4, 4, Reading(100, "4 refunds in 90 days of 4 orders ever", 100, 50)),
        (1, 4, Reading(50, "1 refund in 90 days of 4 orders ever", 25, 25)),
        (49, 100, Reading(50, "49 refunds in 90 days of 100 orders ever", 49, 25)),
        (5, 10, Reading(100, "5 refunds in 90 days of 10 orders ever", 50, 50)),
    ],
)
def test_refund_ratio(refunds: int | None, orders: int | None, reading: Reading | None) -> None:
    assert read("refund_ratio", by(refunds_90d=refunds, lifetime_orders=orders)) == reading


@pytest.mark.parametrize(
    ("gross", "reading"),
    [
        (2500, Reading(0, WITHIN, 50)),
        (2501, Reading(25, "Refund > 50% of order", 51, 50)),
        (4000, Reading(25, "Refund > 50% of order", 80, 50)),
        (4001, Reading(75, "Refund > 80% of order", 81, 80)),
    ],
)
def test_amount_anomaly_of_the_charge(gross: int, reading: Reading) -> None:
    assert read("amount_anomaly", facts(), gross) == reading


@pytest.mark.parametrize(
    ("gross", "reading"),
    [
        (2000, Reading(0, WITHIN, 2)),
        (2001, Reading(50, "Refund > 200% of the customer's average order", 201, 200)),
        (3000, Reading(50, "Refund > 200% of the customer's average order", 300, 200)),
        (3001, Reading(100, "Refund > 300% of the customer's average order", 301, 300)),
    ],
)
def test_amount_anomaly_of_the_average_order(gross: int, reading: Reading) -> None:
    usual = CustomerFacts(lifetime_orders=4, lifetime_spend_minor=4000)

    assert read("amount_anomaly", facts(charge=charge_facts(captured_minor=100_000), customer=usual), gross) == reading


def test_amount_anomaly_without_a_charge_or_an_average_to_compare_with() -> None:
    nothing = charge_facts(captured_minor=0)
    usual = CustomerFacts(lifetime_orders=4, lifetime_spend_minor=1)

    assert read("amount_anomaly", facts(charge=nothing)) is None
    assert read("amount_anomaly", facts(charge=charge_facts(captured_minor=1)), 1) == Reading(
        75, "Refund > 80% of order", 100, 80
    )
    only_average = facts(charge=nothing, customer=CustomerFacts(lifetime_orders=4, lifetime_spend_minor=4000))
    assert read("amount_anomaly", only_average, 1000) == Reading(0, USUAL, 100)
    assert read("amount_anomaly", facts(charge=nothing, customer=usual), 1) == Reading(
        100, "Refund > 300% of the customer's average order", 400, 300
    )
    for orders, spend in ((3, 9), (9, 0), (0, 9)):
        few = CustomerFacts(lifetime_orders=orders, lifetime_spend_minor=spend)
        assert read("amount_anomaly", facts(charge=nothing, customer=few)) is None


@pytest.mark.parametrize(
    ("count", "reading"),
    [
        (None, None),
        (0, Reading(0, "0 chargebacks in 365 days", 0)),
        (1, Reading(60, "1 chargeback in 365 days", 1, 1)),
        (2, Reading(100, "2 chargebacks in 365 days", 2, 2)),
    ],
)
def test_chargebacks(count: int | None, reading: Reading | None) -> None:
    assert read("chargebacks", by(chargebacks_365d=count)) == reading


@pytest.mark.parametrize(
    ("days", "reading"),
    [
        (-1, Reading(100, "Customer for 0 days", 0, 7)),
        (1, Reading(100, "Customer for 1 day", 1, 7)),
        (6, Reading(100, "Customer for 6 days", 6, 7)),
        (7, Reading(60, "Customer for 7 days", 7, 30)),
        (29, Reading(60, "Customer for 29 days", 29, 30)),
        (30, Reading(20, "Customer for 30 days", 30, 90)),
        (89, Reading(20, "Customer for 89 days", 89, 90)),
        (90, Reading(0, "Customer for 90 days", 90, None)),
    ],
)
def test_account_age(days: int, reading: Reading) -> None:
    assert read("account_age", by(since=START - timedelta(days=days))) == reading
    assert read("account_age", by()) is None


@pytest.mark.parametrize(
    ("paid", "delivered", "ordered", "countries", "band", "limit"),
    [
        (("US",), "US", None, "US", 0, None),
        (("US",), None, "US", "US", 0, None),
        ((), "US", "US", "US", 0, None),
        (("US",), "DE", None, "DE US", 50, 2),
        (("US", "DE"), None, None, "DE US", 50, 2),
        (("US",), "DE", "FR", "DE FR US", 100, 3),
        (("US", "NG"), "DE", "FR", "DE FR NG US", 100, 3),
    ],
)
def test_region_mismatch(
    paid: tuple[str, ...], delivered: str | None, ordered: str | None, countries: str, band: int, limit: int | None
) -> None:
    given = facts(charge=charge_facts(countries=paid), delivery=Delivery(country=delivered), ip_country=ordered)

    said = f"Card, address and delivery point to {len(countries.split())} countries"
    assert read("region_mismatch", given) == Reading(band, said, countries, limit)


@pytest.mark.parametrize(("paid", "delivered", "ordered"), [((), None, None), (("US",), None, None), ((), "US", None)])
def test_one_country_alone_compares_with_nothing(
    paid: tuple[str, ...], delivered: str | None, ordered: str | None
) -> None:
    given = facts(charge=charge_facts(countries=paid), delivery=Delivery(country=delivered), ip_country=ordered)

    assert read("region_mismatch", given) is None


@pytest.mark.parametrize(
    ("reason", "delivery", "reading"),
    [
        ("product_defective", Delivery("delivered"), Reading(0, "Nothing is said to be missing", "product_defective")),
        (MISSING, Delivery(), None),
        (MISSING, Delivery("delivered"), Reading(100, "Said to be missing, but delivered", "delivered")),
        (MISSING, Delivery(delivered_at=START), Reading(100, "Said to be missing, but delivered", "delivered")),
        (MISSING, Delivery("lost"), Reading(0, "Said to be missing, but delivered", "lost")),
        (MISSING, Delivery("returned", None, START), Reading(0, "Said to be missing, but delivered", "returned")),
    ],
)
def test_delivered_claimed_missing(reason: str, delivery: Delivery, reading: Reading | None) -> None:
    assert read("delivered_claimed_missing", facts(reason=reason, delivery=delivery)) == reading


def test_fraud_warning_and_inquiry() -> None:
    assert read("fraud_warning", facts()) == Reading(0, "The card issuer warned of fraud", "none")
    warned = facts(charge=charge_facts(fraud_warning="misc"))
    assert read("fraud_warning", warned) == Reading(100, "The card issuer warned of fraud", "misc")
    said = "The card issuer has asked about the charge"
    assert read("inquiry", facts(charge=charge_facts(dispute="won"))) == Reading(0, said, "won")
    assert read("inquiry", facts(charge=charge_facts(dispute="inquiry"))) == Reading(100, said, "inquiry")


@pytest.mark.parametrize(
    ("own", "shops", "score", "band", "limit"),
    [
        (0, None, 0, 0, None),
        (39, 12, 39, 0, None),
        (None, 40, 40, 15, 40),
        (64, None, 64, 15, 40),
        (65, None, 65, 60, 65),
        (12, 69, 69, 60, 65),
        (70, 12, 70, 100, 70),
    ],
)
def test_processor_risk(own: int | None, shops: int | None, score: int, band: int, limit: int | None) -> None:
    given = facts(charge=charge_facts(processor_risk=own), external_risk=shops)

    assert read("processor_risk", given) == Reading(
        band, f"Scored {score} of 100 by the processor or the shop", score, limit
    )
    assert read("processor_risk", facts()) is None


@pytest.mark.parametrize(
    ("named", "words", "count", "band", "limit"),
    [
        ((), "", 0, 0, None),
        (("items",), "items", 1, 60, 1),
        (("items", "items"), "items", 1, 60, 1),
        (("items", "customer"), "customer, items", 2, 100, 2),
        (("c", "b", "a"), "a, b, c", 3, 100, 2),
    ],
)
def test_contradictions(named: tuple[str, ...], words: str, count: int, band: int, limit: int | None) -> None:
    reading = read("contradictions", facts(contradictions=named))

    assert reading == Reading(band, f"Stated otherwise than known: {words}", count, limit)
