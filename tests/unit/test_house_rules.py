"""An organization's own thresholds: they only ask for more, and the SDK's engine says the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit import ApprovalEngine
from refundkit_core.domain.decisions import ASKS_A_PERSON
from refundkit_core.domain.facts import Facts, Item
from refundkit_core.domain.house_rules import HouseRules, spoken_by
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import DEFAULT_POLICY, Limits, Policy, Rule
from refundkit_core.domain.policy import judge
from refundkit_core.domain.routing import ApprovalSettings, Level

from tests.support.approvals import ApprovalDesk
from tests.support.clock import START
from tests.support.desk import Desk
from tests.support.risk import facts

BOUNDS = st.one_of(st.none(), st.integers(1, 50_000))
CATEGORIES = st.frozensets(st.sampled_from(["shoes", "toys", "books"]))


def asks(house: HouseRules, amount: int, score: int = 0, categories: frozenset[str] = frozenset()) -> set[str]:
    spoken = spoken_by(house, Money(amount, "usd"), score, categories)
    return {rule.rule for rule in spoken if rule.outcome in ASKS_A_PERSON}


def test_the_documents_examples() -> None:
    engine = ApprovalEngine(auto_approve_below=5000, require_review_above=20000)

    between, risky = engine.evaluate(amount=15000, risk_score=30), engine.evaluate(amount=3000, risk_score=80)

    assert between.status == "requires_review"
    assert (risky.status, risky.reason) == ("requires_review", "Risk score exceeds threshold")
    assert engine.evaluate(amount=4999).status == "approved"


@given(BOUNDS, BOUNDS, st.integers(1, 100), CATEGORIES, st.integers(1, 60_000), st.integers(0, 100), CATEGORIES)
def test_the_engine_and_the_api_ask_a_person_about_the_same(
    below: int | None,
    above: int | None,
    risk: int,
    watched: frozenset[str],
    amount: int,
    score: int,
    categories: frozenset[str],
) -> None:
    if below is not None and above is not None and below > above:
        below, above = above, below
    engine = ApprovalEngine(below, above, risk, tuple(watched))
    house = HouseRules("usd", below, above, risk, tuple(watched))

    says = engine.evaluate(amount=amount, risk_score=score, categories=categories)

    assert (says.status == "requires_review") == bool(asks(house, amount, score, categories))


@pytest.mark.parametrize(
    "thresholds",
    [
        {"auto_approve_below": 0},
        {"auto_approve_below": True},
        {"require_review_above": -1},
        {"require_review_above": 1.5},
        {"auto_approve_below": 2, "require_review_above": 1},
        {"risk_threshold": 0},
        {"risk_threshold": 101},
    ],
)
def test_thresholds_that_mean_nothing_are_refused(thresholds: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"positive number|is above|score of"):
        ApprovalEngine(**thresholds)


@pytest.mark.parametrize("asked", [{"amount": 0}, {"amount": True}, {"amount": 1.0}, {"amount": 1, "risk_score": 101}])
def test_what_is_no_amount_or_score_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"positive number|score of"):
        ApprovalEngine().evaluate(**asked)


def test_below_its_threshold_the_house_asks_nobody_and_at_it_it_does() -> None:
    house = HouseRules(auto_approve_below_minor=5000, require_review_above_minor=20000)

    assert asks(house, 4999) == set()
    assert asks(house, 5000) == {"house_auto_approve"}
    assert asks(house, 20000) == {"house_auto_approve", "house_review_amount"}


def test_another_currency_cannot_be_held_against_thresholds() -> None:
    spoken = list(spoken_by(HouseRules("eur", auto_approve_below_minor=5000), Money(1, "usd"), 0, frozenset()))

    assert [(rule.rule, rule.outcome) for rule in spoken] == [("house_currency", "unknown")]
    assert list(spoken_by(HouseRules("eur"), Money(1, "usd"), 0, frozenset())) == []


def test_the_stricter_of_policy_and_house_holds() -> None:
    lax = Policy("Lax", (Rule(category="default"),), Limits(auto_approve_threshold_minor=100_000))
    house = HouseRules(auto_approve_below_minor=1000)
    strict = Policy("Strict", (Rule(category="default"),), Limits(auto_approve_threshold_minor=1000))

    assert judge(lax, facts(amount_minor=2000, house=house)).verdict == "review"
    assert judge(strict, facts(amount_minor=2000, house=HouseRules(auto_approve_below_minor=5000))).verdict == "review"
    assert judge(lax, facts(amount_minor=999, house=house)).verdict == "allow"


def test_a_watched_category_is_watched_with_all_that_is_below_it() -> None:
    policy = replace(DEFAULT_POLICY.policy, categories={"sneakers": "shoes"})
    shoes = Item(sku="A", category="shoes", amount_minor=2000)
    base = replace(facts(amount_minor=2000, house=HouseRules(review_categories=("shoes",))), items=(shoes,))

    def of(category: str) -> str:
        return judge(policy, replace(base, items=(replace(shoes, category=category),))).verdict

    assert (of("sneakers"), of("shoes/kids"), of("toys")) == ("review", "review", "allow")


def test_what_a_decision_rested_on_names_the_house_rules_of_then() -> None:
    desk = Desk()
    desk.switches.approvals = ApprovalSettings(house=HouseRules(auto_approve_below_minor=1000), version=1)

    opened = desk.ask()

    assert opened.refund.status == "pending_approval"
    ground = opened.request.ground
    assert ground is not None
    assert ground.facts.house == HouseRules(auto_approve_below_minor=1000)
    assert Facts.from_record(ground.facts.as_record()) == ground.facts


@pytest.mark.parametrize(
    "settings",
    [
        ApprovalSettings(),
        ApprovalSettings(
            HouseRules("eur", 1, 2, 3, ("a", "b")),
            (Level("One", 60, ("owner",), 5, 30), Level("Two", 120)),
            7,
            600,
            ("email",),
            ("completed",),
            ("rejected",),
            4,
        ),
    ],
)
def test_settings_are_kept_as_they_are(settings: ApprovalSettings) -> None:
    assert ApprovalSettings.from_record(settings.as_record()) == settings


def test_refunds_are_told_of_where_somebody_wants_to_hear_of_them() -> None:
    quiet, loud = Desk(), Desk()
    loud.switches.approvals = ApprovalSettings(reports=("completed",), version=1)

    for desk, told in ((quiet, False), (loud, True)):
        refund = desk.ask().refund
        desk.execute(refund)
        assert [event.tell for event in desk.store.timeline(refund.tenant, refund.id)] == [
            told and event.public for event in desk.store.timeline(refund.tenant, refund.id)
        ]
    waiting = ApprovalDesk()
    refund = waiting.waiting()
    assert all(event.tell for event in waiting.store.timeline(refund.tenant, refund.id))
    assert waiting.clock.now() - START < timedelta(seconds=1)
