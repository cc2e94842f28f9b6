"""Policies for people: what changed between two of them, and what a customer is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from refundkit_core.domain.policies import Limits, Policy, RiskSettings, Rule
from refundkit_core.domain.policy_diff import Change, changes
from refundkit_core.domain.policy_words import limit_sentences, sentences_of

from tests.support.clock import START


def test_rules_are_compared_by_what_they_are_for_wherever_they_stand() -> None:
    hats, default = Rule(category="hats", return_window_days=30), Rule(category="default")
    before = Policy("P", (hats, Rule(sku="S-1"), default))
    after = Policy("P", (default, Rule(sku="hats"), replace(hats, return_window_days=14, conditions=("unworn",))))

    found = changes(before, after)

    assert [(each.pointer, each.kind, each.before, each.after) for each in found if each.kind == "changed"] == [
        ("/rules/2/returnWindowDays", "changed", 30, 14),
        ("/rules/2/conditions", "changed", [], ["unworn"]),
    ]
    assert [(each.pointer, each.kind, each.message) for each in found if each.kind != "changed"] == [
        ("/rules/1", "added", "A rule was added for the sku hats"),
        ("/rules/1", "removed", "The rule for the sku S-1 was removed"),
    ]


def test_everything_else_is_compared_field_by_field_in_words() -> None:
    before = Policy("P", (Rule(category="default"),), Limits(refuse_at_risk=90), categories={"a": "b"})
    after = replace(
        before,
        limits=Limits(auto_approve_threshold_minor=0),
        categories={"a": "c", "d": "b"},
        risk=RiskSettings({"velocity": 5}),
        judged_by="latest",
    )

    assert changes(before, after) == [
        Change("/globalLimits/autoApproveThreshold", "added", None, 0, "autoApproveThreshold was set to 0"),
        Change("/globalLimits/refuseAtRisk", "removed", 90, None, "refuseAtRisk was removed; it was 90"),
        Change("/categories/a", "changed", "b", "c", "a was changed from b to c"),
        Change("/categories/d", "added", None, "b", "d was set to b"),
        Change("/risk/weights/velocity", "added", None, 5, "velocity was set to 5"),
        Change("/judgedBy", "changed", "at_purchase", "latest", "judgedBy was changed from at_purchase to latest"),
    ]


def test_two_rules_for_the_same_are_told_apart_by_their_times() -> None:
    early, late = (
        Rule(category="default", effective_until=START),
        Rule(category="default", effective_from=START, return_window_days=30),
    )
    after = replace(late, return_window_days=10)

    assert changes(Policy("P", (early, late)), Policy("P", (after, early))) == [
        Change(
            "/rules/0/returnWindowDays",
            "changed",
            30,
            10,
            "returnWindowDays for the category default (period 2) was changed from 30 to 10",
        )
    ]


@pytest.mark.parametrize(
    "rule, said",
    [
        (Rule(final_sale=True, return_window_days=9), ["This is a final sale: it cannot be returned or refunded."]),
        (Rule(non_refundable=True), ["This cannot be refunded."]),
        (Rule(), ["There is no deadline for refunds."]),
        (Rule(return_window_days=1), ["Refunds are possible within 1 day after delivery."]),
        (
            Rule(
                return_window_days=30,
                window_starts_at="purchase",
                restocking_fee_bp=725,
                store_credit_only=True,
                requires_return=True,
                min_amount_minor=100,
                max_amount_minor=50_000,
                conditions=("original_packaging", "unworn"),
                effective_until=START,
                evidence_required_over_minor=7,
                requires_review=True,
            ),
            [
                "Refunds are possible within 30 days after the purchase.",
                "Refunds are paid as store credit.",
                "The goods must be sent back first.",
                "A restocking fee of 7.25 % is kept.",
                "The least that is refunded is 1.00 USD.",
                "The most that is refunded is 500.00 USD.",
                "Conditions: original packaging, unworn.",
                "This is for purchases before 2026-11-20T12:00:00.000Z.",
            ],
        ),
        (Rule(exchange_only=True, restocking_fee_bp=1510), ["There is no deadline for refunds."]),
    ],
)
def test_a_rule_is_told_in_plain_words(rule: Rule, said: list[str]) -> None:
    assert sentences_of(rule, "usd")[: len(said)] == said


def test_a_customer_learns_of_their_limits_and_of_no_threshold() -> None:
    limits = Limits(5, 100_000, auto_approve_threshold_minor=7_777, require_review_above_minor=8_888, refuse_at_risk=9)

    assert limit_sentences(limits, "jpy") == [
        "More than 5 refunds in 30 days are looked at by a person.",
        "More than 100000 JPY refunded in 90 days is looked at by a person.",
    ]
    assert limit_sentences(Limits(), "usd") == []
