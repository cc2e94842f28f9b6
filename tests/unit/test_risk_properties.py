"""Whatever the facts: a score is bounded, explained by its signals, the same for the same, worse for worse facts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.facts import CustomerFacts, Delivery, Facts, Item
from refundkit_core.domain.policies import RiskSettings
from refundkit_core.domain.risk import Assessment, assess, level_of
from refundkit_core.domain.risk_signals import SIGNALS

from tests.support.clock import START
from tests.support.risk import charge_facts, facts

COUNTRY = st.sampled_from(["US", "DE", "NG", "FR"])
SCORE = st.none() | st.integers(0, 100)
COUNT = st.none() | st.integers(0, 60)
SINCE = st.none() | st.integers(-10, 500).map(lambda days: START - timedelta(days=days))
CHARGES = st.builds(
    charge_facts,
    captured_minor=st.integers(0, 10_000),
    remaining_minor=st.integers(0, 10_000),
    currency=st.sampled_from(["usd", "jpy"]),
    dispute=st.sampled_from(["none", "inquiry", "open", "won", "lost"]),
    fraud_warning=st.none() | st.just("misc"),
    processor_risk=SCORE,
    countries=st.lists(COUNTRY, max_size=2, unique=True).map(tuple),
)
CUSTOMERS = st.builds(
    CustomerFacts,
    known=st.booleans(),
    refunds_30d=COUNT,
    refunds_90d=COUNT,
    chargebacks_365d=COUNT,
    lifetime_orders=COUNT,
    lifetime_spend_minor=st.none() | st.integers(0, 100_000),
    since=SINCE,
)
ITEMS = st.lists(st.builds(Item, sku=st.sampled_from(["a", "b", "c"]), quantity=st.integers(1, 3)), max_size=4)
FACTS = st.builds(
    facts,
    reason=st.sampled_from(["product_not_received", "other"]),
    charge=CHARGES,
    customer=CUSTOMERS,
    items=ITEMS.map(tuple),
    delivery=st.builds(
        Delivery, status=st.none() | st.sampled_from(["delivered", "in_transit"]), country=st.none() | COUNTRY
    ),
    contradictions=st.lists(st.sampled_from(["a", "b", "c"]), max_size=4).map(tuple),
    external_risk=SCORE,
    ip_country=st.none() | COUNTRY,
)
GROSS = st.integers(0, 20_000)
SETTINGS = st.builds(
    RiskSettings,
    weights=st.dictionaries(st.sampled_from(SIGNALS), st.integers(0, 100)),
    dispute_fee_minor=st.integers(0, 5_000),
    dispute_likelihood_percent=st.integers(0, 100),
)


@given(FACTS, GROSS, SETTINGS)
def test_a_score_is_bounded_and_is_the_capped_sum_of_its_signals(
    known: Facts, gross_minor: int, settings: RiskSettings
) -> None:
    found = assess(known, gross_minor, settings)

    assert 0 <= found.score <= 100
    assert found.score == min(100, sum(signal.points for signal in found.signals))
    assert all(signal.points == signal.weight * signal.band // 100 > 0 for signal in found.signals)
    assert all(0 < signal.band <= 100 for signal in found.signals)
    assert found.level == level_of(found.score)
    named = [signal.type for signal in found.signals]
    assert [name for name in SIGNALS if name in named] == named
    assert not set(named) & set(found.unknown)


@given(FACTS, GROSS, SETTINGS)
def test_the_same_facts_have_the_same_assessment_however_they_were_kept(
    known: Facts, gross_minor: int, settings: RiskSettings
) -> None:
    before = repr(known)
    found = assess(known, gross_minor, settings)
    stored = json.loads(json.dumps(known.as_record()))

    assert assess(Facts.from_record(stored), gross_minor, settings) == found
    assert repr(known) == before
    assert Assessment.from_record(json.loads(json.dumps(found.as_record()))) == found


@given(FACTS, GROSS, st.randoms(use_true_random=False))
def test_the_order_of_items_countries_and_contradictions_changes_nothing(
    known: Facts, gross_minor: int, chance: Any
) -> None:
    def shuffled(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(values, len(values)))

    other = replace(
        known,
        items=shuffled(known.items),
        contradictions=shuffled(known.contradictions),
        charge=replace(known.charge, countries=shuffled(known.charge.countries)),
    )

    assert assess(other, gross_minor, RiskSettings()) == assess(known, gross_minor, RiskSettings())


def customer(known: Facts, **changes: Any) -> Facts:
    return replace(known, customer=replace(known.customer, **changes))


def charge(known: Facts, **changes: Any) -> Facts:
    return replace(known, charge=replace(known.charge, **changes))


def counted(known: Facts, name: str, more: int) -> Facts:
    return customer(known, **{name: (getattr(known.customer, name) or 0) + more})


WORSE: dict[str, Any] = {
    "velocity": lambda known, more: counted(known, "refunds_30d", more),
    "refund_ratio": lambda known, more: counted(known, "refunds_90d", more),
    "chargebacks": lambda known, more: counted(known, "chargebacks_365d", more),
    "account_age": lambda known, more: customer(
        known, since=(known.customer.since or known.now - timedelta(days=9000)) + timedelta(days=more)
    ),
    "region_mismatch": lambda known, _: charge(known, countries=(*known.charge.countries, "JP")),
    "fraud_warning": lambda known, _: charge(known, fraud_warning="misc"),
    "processor_risk": lambda known, more: charge(known, processor_risk=(known.charge.processor_risk or 0) + more),
    "external_risk": lambda known, more: replace(known, external_risk=(known.external_risk or 0) + more),
    "contradictions": lambda known, more: replace(known, contradictions=(*known.contradictions, f"x{more}")),
}


@pytest.mark.parametrize("bad", WORSE)
@given(known=FACTS, gross_minor=GROSS, more=st.integers(0, 100))
def test_a_fact_that_gets_worse_never_lowers_the_score(known: Facts, gross_minor: int, more: int, bad: str) -> None:
    worse = WORSE[bad](known, more)

    assert assess(worse, gross_minor, RiskSettings()).score >= assess(known, gross_minor, RiskSettings()).score


@given(FACTS, GROSS, st.integers(0, 5_000))
def test_a_larger_refund_is_never_less_risky(known: Facts, gross_minor: int, more: int) -> None:
    settings = RiskSettings()

    assert assess(known, gross_minor + more, settings).score >= assess(known, gross_minor, settings).score


@given(FACTS, GROSS)
def test_an_inquiry_is_never_less_risky_than_none(known: Facts, gross_minor: int) -> None:
    asked, quiet = charge(known, dispute="inquiry"), charge(known, dispute="none")

    assert assess(asked, gross_minor, RiskSettings()).score >= assess(quiet, gross_minor, RiskSettings()).score
