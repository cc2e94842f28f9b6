"""Document 001's policy config becomes a policy, to the cent."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit.contracts.policy_imports import ImportPolicyRequest
from refundkit_core.domain import errors
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.entrypoints.policy_requests import import_body

CONFIG: dict[str, Any] = {
    "refund_window_days": 30,
    "non_refundable_categories": ["gift_card", "final_sale"],
    "auto_approve": {"max_amount": 75, "max_risk_score": 0.25},
    "manual_review": {"min_amount": 200, "min_chargebacks": 2},
    "missing_delivery": {"evidence_required_over_amount": 100},
}


def test_document_001s_config_is_imported_to_the_cent() -> None:
    wanted = import_body(ImportPolicyRequest, CONFIG)

    assert wanted.merchant_id is None
    assert wanted.policy == Policy(
        "Imported policy",
        (
            Rule(category="gift_card", non_refundable=True),
            Rule(category="final_sale", final_sale=True),
            Rule(category="default", return_window_days=30, evidence_required_over_minor=10_000),
        ),
        Limits(
            auto_approve_threshold_minor=7_500,
            auto_approve_max_risk=25,
            require_review_above_minor=20_000,
            review_at_chargebacks=2,
        ),
    )


def test_what_a_config_leaves_out_sets_nothing() -> None:
    wanted = import_body(ImportPolicyRequest, {"merchant_id": "m", "name": "Old", "refund_window_days": 14})

    assert wanted.merchant_id == "m"
    assert wanted.policy == Policy("Old", (Rule(category="default", return_window_days=14),))


@pytest.mark.parametrize(
    "currency, amount, minor",
    [
        ("usd", 0.29, 29),
        ("usd", 1.1, 110),
        ("usd", 4.35, 435),
        ("jpy", 500, 500),
        ("kwd", 1.005, 1005),
        ("usd", 1e2, 10_000),
    ],
)
def test_amounts_are_exact_in_their_currency(currency: str, amount: float, minor: int) -> None:
    config = {"currency": currency, "auto_approve": {"max_amount": amount}}

    assert import_body(ImportPolicyRequest, config).policy.limits.auto_approve_threshold_minor == minor


@given(st.integers(0, 10**11))
def test_every_cent_survives_its_way_through_json(minor: int) -> None:
    config = json.loads(f'{{"auto_approve": {{"max_amount": {minor // 100}.{minor % 100:02d}}}}}')

    assert import_body(ImportPolicyRequest, config).policy.limits.auto_approve_threshold_minor == minor


BAD_CONFIGS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "half a cent": ({"auto_approve": {"max_amount": 0.005}}, ["/auto_approve/max_amount"]),
    "half a yen": ({"currency": "jpy", "manual_review": {"min_amount": 0.5}}, ["/manual_review/min_amount"]),
    "more than there is": ({"auto_approve": {"max_amount": 10**11}}, ["/auto_approve/max_amount"]),
    "an amount as text": ({"auto_approve": {"max_amount": "75"}}, ["/auto_approve/max_amount"]),
    "an amount that is true": ({"auto_approve": {"max_amount": True}}, ["/auto_approve/max_amount"]),
    "a negative amount": ({"auto_approve": {"max_amount": -0.01}}, ["/auto_approve/max_amount"]),
    "NaN": ({"auto_approve": {"max_risk_score": math.nan}}, ["/auto_approve/max_risk_score"]),
    "an infinity": ({"auto_approve": {"max_amount": math.inf}}, ["/auto_approve/max_amount"]),
    "a risk of 25": ({"auto_approve": {"max_risk_score": 25}}, ["/auto_approve/max_risk_score"]),
    "a risk between two scores": ({"auto_approve": {"max_risk_score": 0.255}}, ["/auto_approve/max_risk_score"]),
    "a threshold above the review": (
        {"auto_approve": {"max_amount": 200.01}, "manual_review": {"min_amount": 200}},
        ["/auto_approve/max_amount"],
    ),
    "a category twice, and default": (
        {"non_refundable_categories": ["a", "default", "a"]},
        ["/non_refundable_categories/1", "/non_refundable_categories/2"],
    ),
    "camel case": ({"refundWindowDays": 3}, ["/refundWindowDays"]),
    "all of it": (
        {"refund_window_days": -1, "auto_approve": {"max_amount": 0.001, "x": 1}, "more": 1},
        ["/refund_window_days", "/auto_approve/x", "/more", "/auto_approve/max_amount"],
    ),
}


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_config_is_refused_with_all_its_faults(case: str) -> None:
    config, expected = BAD_CONFIGS[case]

    with pytest.raises(errors.Invalid) as refused:
        import_body(ImportPolicyRequest, config)
    assert [detail.field for detail in refused.value.details] == expected
