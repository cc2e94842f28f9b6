"""A policy as data: what it is where its merchant said nothing, and which of its rules is for an item."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest
from refundkit_core.domain.policies import (
    DEFAULT_POLICY,
    ITEM_FLAGS,
    REVIEW_FROM_RISK,
    Limits,
    Policy,
    PolicyVersion,
    RiskSettings,
    Rule,
    above,
    in_force,
    lineage,
)

from tests.support.clock import START

DAY, MOMENT = timedelta(days=1), timedelta(milliseconds=1)
DEFAULT = Rule(category="default")


def test_a_rule_that_says_nothing_restricts_nothing() -> None:
    assert asdict(Rule()) == {
        "category": None,
        "sku": None,
        "return_window_days": None,
        "window_starts_at": "delivery",
        "fulfilment_buffer_days": 0,
        "restocking_fee_bp": 0,
        "final_sale": False,
        "non_refundable": False,
        "exchange_only": False,
        "store_credit_only": False,
        "requires_return": False,
        "requires_review": False,
        "evidence_required_over_minor": None,
        "min_amount_minor": None,
        "max_amount_minor": None,
        "conditions": (),
        "effective_from": None,
        "effective_until": None,
    }


def test_a_policy_that_says_nothing_has_no_limits_and_refuses_final_sales() -> None:
    assert asdict(Policy("Ours", ())) == {
        "name": "Ours",
        "rules": (),
        "limits": dict.fromkeys(
            (
                "max_returns_per_customer_30d",
                "max_return_value_per_customer_90d_minor",
                "auto_approve_threshold_minor",
                "auto_approve_max_risk",
                "require_review_above_minor",
                "review_at_chargebacks",
                "refuse_at_risk",
            )
        ),
        "currency": "usd",
        "categories": {},
        "non_refundable_flags": frozenset({"final_sale"}),
        "risk": {
            "weights": {},
            "dispute_fee_minor": 1500,
            "dispute_fee_currency": "usd",
            "dispute_likelihood_percent": 80,
        },
        "judged_by": "at_purchase",
        "effective_from": None,
    }
    assert Policy("Ours", ()).limits == Limits()
    assert Policy("Ours", ()).risk == RiskSettings()
    assert ITEM_FLAGS == ("subscription", "digital", "usage_based", "final_sale")


def test_from_a_risk_of_seventy_on_a_person_looks_whatever_a_policy_says() -> None:
    assert REVIEW_FROM_RISK == 70


def test_who_published_nothing_refunds_everything_for_thirty_days() -> None:
    policy = Policy("Default policy", (Rule(category="default", return_window_days=30),))

    assert PolicyVersion(None, 0, policy) == DEFAULT_POLICY
    assert DEFAULT_POLICY.in_force_from is None


@pytest.mark.parametrize(
    ("category", "parents", "found"),
    [
        ("a", {}, ["a"]),
        ("a/b/c", {}, ["a/b/c", "a/b", "a"]),
        ("a/b", {"a": "x"}, ["a/b", "a", "x"]),
        ("a/b", {"a/b": "x"}, ["a/b", "x"]),
        ("a", {"a": "b", "b": "c", "c": "a"}, ["a", "b", "c"]),
        ("a", {"a": "a"}, ["a"]),
        (None, {"a": "b"}, []),
    ],
)
def test_a_category_is_below_its_parents_and_the_parts_of_its_path(
    category: str | None, parents: dict[str, str], found: list[str]
) -> None:
    assert list(lineage(category, parents)) == found


def test_at_the_top_there_is_nothing_above() -> None:
    assert (above("a", {}), above("a/b", {}), above("a/b", {"a/b": "c"})) == (None, "a", "c")


def test_of_two_rules_for_the_same_the_one_for_the_time_of_the_purchase_is_found() -> None:
    before, after = Rule(sku="HAT", effective_until=START), Rule(sku="HAT", effective_from=START)
    shop = Policy("Ours", (before, after, DEFAULT))

    assert shop.rule_for("HAT", None, START - MOMENT) is before
    assert shop.rule_for("HAT", None, START) is after


def test_of_two_rules_for_the_same_time_the_one_that_was_written_first_is_found() -> None:
    first, second = Rule(category="a", restocking_fee_bp=1), Rule(category="a", restocking_fee_bp=2)

    assert Policy("Ours", (first, second)).rule_for(None, "a", START) is first


def test_a_rule_that_is_not_for_the_time_leaves_the_item_to_the_next_more_general_one() -> None:
    ended = {"effective_until": START - DAY}
    article, near, far = Rule(sku="HAT", **ended), Rule(category="a/b", **ended), Rule(category="a")  # type: ignore[arg-type]
    shop = Policy("Ours", (article, near, far, DEFAULT))

    assert shop.rule_for("HAT", "a/b", START - 2 * DAY) is article
    assert shop.rule_for("HAT", "a/b", START) is far
    assert shop.rule_for("CAP", "a/b", START - 2 * DAY) is near
    assert shop.rule_for("HAT", "c", START) is DEFAULT
    assert shop.rule_for(None, None, START) is DEFAULT


def test_the_default_rule_has_its_time_as_well() -> None:
    season = Rule(category="default", effective_from=START)

    assert Policy("Ours", (season,)).rule_for("HAT", None, START - MOMENT) is None
    assert Policy("Ours", (season,)).rule_for("HAT", None, START) is season
    assert Policy("None", ()).rule_for("HAT", "a", START) is None


def test_an_article_is_not_looked_for_among_categories_nor_a_category_among_articles() -> None:
    shop = Policy("Ours", (Rule(category="HAT"), Rule(sku="a"), DEFAULT))

    assert shop.rule_for("HAT", "a", START) is DEFAULT


def test_a_purchase_before_every_version_is_judged_by_the_earliest_that_has_begun() -> None:
    versions = [(3, START + DAY), (2, START), (1, START - DAY)]

    assert in_force(versions, START - 9 * DAY, START) == 1
    assert in_force(versions, START - MOMENT, START) == 1
    assert in_force(versions, START, START) == 2
    assert in_force(versions, START + 2 * DAY, START + DAY - MOMENT) == 2
    assert in_force(versions, START + 2 * DAY, START + DAY) == 3
    assert in_force(versions, START, START - 2 * DAY) is None
    assert in_force([], START, START) is None
