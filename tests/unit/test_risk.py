"""The risk of a refund: each signal on both sides of its bands, the levels, and when refunding at once is cheaper."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.facts import CustomerFacts, Delivery, Facts
from refundkit_core.domain.policies import RiskSettings
from refundkit_core.domain.risk import Assessment, Signal, assess, level_of
from refundkit_core.domain.risk_signals import DEFAULT_WEIGHTS, SIGNALS

from tests.support.clock import START
from tests.support.risk import charge_facts, facts

SETTINGS = RiskSettings()
CUSTOMERS_OWN = ("velocity", "refund_ratio", "chargebacks", "account_age")


def bands(given: Facts, gross_minor: int = 100) -> dict[str, int]:
    """The band of every signal that spoke; small refunds say nothing themselves."""
    return {signal.type: signal.band for signal in assess(given, gross_minor, SETTINGS).signals}


def by(**customer: Any) -> Facts:
    return facts(customer=CustomerFacts(**customer))


def test_the_signals_have_an_order_and_a_weight_each() -> None:
    assert SIGNALS == (
        "velocity",
        "refund_ratio",
        "amount_anomaly",
        "chargebacks",
        "account_age",
        "region_mismatch",
        "delivered_claimed_missing",
        "fraud_warning",
        "inquiry",
        "processor_risk",
        "contradictions",
    )
    assert tuple(DEFAULT_WEIGHTS) == SIGNALS
    assert all(0 <= weight <= 100 for weight in DEFAULT_WEIGHTS.values())


@pytest.mark.parametrize("refunds, band", [(0, None), (1, 10), (2, 50), (3, 100), (40, 100)])
def test_velocity_counts_the_refunds_of_a_month(refunds: int, band: int | None) -> None:
    assert bands(by(refunds_30d=refunds)).get("velocity") == band


@pytest.mark.parametrize(
    "refunds, orders, band",
    [
        (3, 3, None),
        (1, 4, 50),
        (24, 100, None),
        (25, 100, 50),
        (49, 100, 50),
        (50, 100, 100),
        (9, 4, 100),
        (0, 4, None),
    ],
)
def test_refund_ratio_compares_with_all_orders_once_there_are_a_few(
    refunds: int, orders: int, band: int | None
) -> None:
    assert bands(by(refunds_90d=refunds, lifetime_orders=orders)).get("refund_ratio") == band


@pytest.mark.parametrize(
    "gross_minor, band", [(1, None), (2500, None), (2501, 25), (4000, 25), (4001, 75), (5000, 75), (9999, 75)]
)
def test_amount_anomaly_compares_with_the_charge(gross_minor: int, band: int | None) -> None:
    assert bands(facts(), gross_minor).get("amount_anomaly") == band


@pytest.mark.parametrize("gross_minor, band", [(2000, None), (2001, 50), (3000, 50), (3001, 100), (50_000, 100)])
def test_amount_anomaly_compares_with_the_customers_average_order(gross_minor: int, band: int | None) -> None:
    usual = CustomerFacts(known=True, lifetime_orders=4, lifetime_spend_minor=4000)
    given = facts(charge=charge_facts(captured_minor=100_000), customer=usual)

    assert bands(given, gross_minor).get("amount_anomaly") == band


def test_an_average_of_a_few_orders_or_of_nothing_spent_compares_with_nothing() -> None:
    for usual in (
        CustomerFacts(lifetime_orders=3, lifetime_spend_minor=300),
        CustomerFacts(lifetime_orders=9, lifetime_spend_minor=0),
    ):
        assert "amount_anomaly" not in bands(facts(customer=usual), 1000)


@pytest.mark.parametrize("count, band", [(0, None), (1, 60), (2, 100), (7, 100)])
def test_chargebacks_of_a_year_count(count: int, band: int | None) -> None:
    assert bands(by(chargebacks_365d=count)).get("chargebacks") == band


@pytest.mark.parametrize(
    "days, band", [(-1, 100), (0, 100), (6, 100), (7, 60), (29, 60), (30, 20), (89, 20), (90, None), (4000, None)]
)
def test_a_young_account_counts(days: int, band: int | None) -> None:
    assert bands(by(since=START - timedelta(days=days))).get("account_age") == band


@pytest.mark.parametrize(
    "paid, delivered, ordered, band",
    [
        (("US",), "US", "US", None),
        (("US",), None, None, None),
        (("US",), "DE", None, 50),
        (("US", "DE"), None, None, 50),
        ((), "US", "DE", 50),
        (("US", "DE"), "US", "DE", 50),
        (("US",), "DE", "NG", 100),
        (("US", "DE"), "FR", "NG", 100),
    ],
)
def test_countries_that_differ_count(
    paid: tuple[str, ...], delivered: str | None, ordered: str | None, band: int | None
) -> None:
    given = facts(charge=charge_facts(countries=paid), delivery=Delivery(country=delivered), ip_country=ordered)

    assert bands(given).get("region_mismatch") == band


@pytest.mark.parametrize(
    "reason, delivery, band",
    [
        ("product_not_received", Delivery("delivered"), 100),
        ("product_not_received", Delivery(delivered_at=START), 100),
        ("product_not_received", Delivery("in_transit"), None),
        ("product_not_received", Delivery("returned", delivered_at=START), None),
        ("product_not_received", Delivery(), None),
        ("product_defective", Delivery("delivered"), None),
    ],
)
def test_what_was_delivered_cannot_be_missing(reason: str, delivery: Delivery, band: int | None) -> None:
    assert bands(facts(reason=reason, delivery=delivery)).get("delivered_claimed_missing") == band


@pytest.mark.parametrize(
    "own, shops, band",
    [
        (None, 39, None),
        (39, None, None),
        (40, None, 15),
        (64, 12, 15),
        (65, None, 60),
        (None, 69, 60),
        (70, None, 100),
        (12, 80, 100),
        (80, 12, 100),
    ],
)
def test_the_higher_score_of_processor_and_shop_counts(own: int | None, shops: int | None, band: int | None) -> None:
    given = facts(charge=charge_facts(processor_risk=own), external_risk=shops)

    assert bands(given).get("processor_risk") == band


@pytest.mark.parametrize("named, band", [((), None), (("customer",), 60), (("a", "a"), 60), (("a", "b"), 100)])
def test_what_is_stated_otherwise_than_known_counts_once_a_thing(named: tuple[str, ...], band: int | None) -> None:
    assert bands(facts(contradictions=named)).get("contradictions") == band


@pytest.mark.parametrize("dispute, band", [("none", None), ("inquiry", 100), ("open", None), ("won", None)])
def test_an_inquiry_counts_and_a_dispute_is_judged_elsewhere(dispute: Any, band: int | None) -> None:
    assert bands(facts(charge=charge_facts(dispute=dispute))).get("inquiry") == band


@pytest.mark.parametrize(
    "score, level",
    [(0, "low"), (39, "low"), (40, "medium"), (69, "medium"), (70, "high"), (89, "high"), (90, "critical")],
)
def test_a_score_has_a_level(score: int, level: str) -> None:
    assert level_of(score) == level


def test_an_ordinary_full_refund_of_somebody_unknown_is_low() -> None:
    assert assess(facts(charge=charge_facts(processor_risk=12, countries=("US",))), 5000, SETTINGS) == Assessment(
        score=15,
        level="low",
        signals=(Signal("amount_anomaly", "Refund > 80% of order", 20, 75, 15, 100, 80),),
        unknown=(*CUSTOMERS_OWN, "region_mismatch"),
        recommendation="auto_approve",
        preemptive_refund_advised=False,
    )


def test_an_early_fraud_warning_alone_is_medium_and_refunding_at_once_is_advised() -> None:
    warned = facts(charge=charge_facts(fraud_warning="fraudulent_card_application"))

    assert assess(warned, 5000, SETTINGS) == Assessment(
        score=60,
        level="medium",
        signals=(
            Signal("amount_anomaly", "Refund > 80% of order", 20, 75, 15, 100, 80),
            Signal(
                "fraud_warning",
                "The card issuer warned of fraud",
                45,
                100,
                45,
                "fraudulent_card_application",
                None,
            ),
        ),
        unknown=(*CUSTOMERS_OWN, "region_mismatch", "processor_risk"),
        recommendation="approve_with_review",
        preemptive_refund_advised=True,
    )


def test_three_returns_in_a_month_and_most_of_an_order_are_medium_as_documented() -> None:
    found = assess(by(refunds_30d=3), 4500, SETTINGS)

    assert (found.score, found.level, found.recommendation) == (55, "medium", "approve_with_review")
    assert [(each.type, each.description, each.weight / 100) for each in found.signals] == [
        ("velocity", "3 returns in 30 days", 0.4),
        ("amount_anomaly", "Refund > 80% of order", 0.2),
    ]


def test_a_shops_own_score_of_eighty_is_high_as_documented() -> None:
    found = assess(facts(external_risk=80), 100, SETTINGS)

    assert (found.score, found.level, found.recommendation) == (70, "high", "escalate")


def test_much_of_everything_is_critical_and_no_more_than_a_hundred() -> None:
    abuser = CustomerFacts(True, 9, 9, None, 3, 9, 900, START)
    found = assess(facts(customer=abuser, external_risk=99), 5000, SETTINGS)

    assert (found.score, found.level, found.recommendation) == (100, "critical", "deny")


def test_a_merchants_weight_replaces_the_default_and_nought_silences_a_signal() -> None:
    given = by(refunds_30d=2)

    assert assess(given, 5000, RiskSettings(weights={"velocity": 81})).score == 40 + 15
    quiet = assess(given, 5000, RiskSettings(weights={"velocity": 0, "amount_anomaly": 0}))
    assert (quiet.score, quiet.signals) == (0, ())


@pytest.mark.parametrize("weight, points", [(100, 100), (99, 99), (50, 50), (1, 1)])
def test_the_strongest_band_is_worth_its_weight_however_small(weight: int, points: int) -> None:
    found = assess(by(refunds_30d=3), 1, RiskSettings(weights={"velocity": weight}))

    assert [(signal.type, signal.points) for signal in found.signals] == [("velocity", points)]


def warned(remaining_minor: int = 5000, **charge: Any) -> Facts:
    return facts(charge=charge_facts(fraud_warning="misc", remaining_minor=remaining_minor, **charge))


@pytest.mark.parametrize(
    "given, settings, advised",
    [
        (warned(5999), SETTINGS, True),
        (warned(6000), SETTINGS, False),
        (warned(1), SETTINGS, True),
        (warned(0), SETTINGS, False),
        (warned(dispute="inquiry"), SETTINGS, True),
        (warned(dispute="open"), SETTINGS, False),
        (warned(dispute="lost"), SETTINGS, False),
        (warned(dispute="won"), SETTINGS, False),
        (facts(), SETTINGS, False),
        (warned(currency="eur"), SETTINGS, False),
        (warned(currency="eur"), RiskSettings(dispute_fee_currency="eur"), True),
        (warned(currency="eur"), RiskSettings(dispute_fee_minor=0), False),
        (warned(999), RiskSettings(dispute_fee_minor=1000, dispute_likelihood_percent=50), True),
        (warned(1000), RiskSettings(dispute_fee_minor=1000, dispute_likelihood_percent=50), False),
        (warned(10**9), RiskSettings(dispute_fee_minor=1, dispute_likelihood_percent=100), True),
        (warned(1), RiskSettings(dispute_likelihood_percent=0), False),
    ],
)
def test_a_refund_before_the_dispute_is_advised_where_it_is_cheaper(
    given: Facts, settings: RiskSettings, advised: bool
) -> None:
    assert assess(given, 1, settings).preemptive_refund_advised is advised


def test_facts_that_are_missing_are_named_and_add_nothing() -> None:
    bare = facts(charge=charge_facts(captured_minor=0), reason="product_not_received")
    found = assess(bare, 1, SETTINGS)

    assert (found.score, found.signals) == (0, ())
    assert found.unknown == (
        *CUSTOMERS_OWN[:2],
        "amount_anomaly",
        *CUSTOMERS_OWN[2:],
        "region_mismatch",
        "delivered_claimed_missing",
        "processor_risk",
    )


def test_an_assessment_is_stored_and_read_as_it_was() -> None:
    found = assess(replace(warned(), contradictions=("customer",)), 5000, SETTINGS)

    assert Assessment.from_record(found.as_record()) == found
