"""Policies as documents, written and read back whole; and which rule and which version of one it is that speaks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from refundkit.contracts.policy_documents import PolicyDocument
from refundkit_core.domain.policies import (
    ITEM_FLAGS,
    JudgedBy,
    Limits,
    Policy,
    RiskSettings,
    Rule,
    WindowStart,
    in_force,
)
from refundkit_core.domain.policy_diff import changes
from refundkit_core.domain.policy_documents import basis_points, document_of, policy_of, spelled_out
from refundkit_core.domain.risk_signals import SIGNALS

from tests.support.clock import START

amounts = st.none() | st.integers(0, 10**12)
scores = st.none() | st.integers(0, 100)
names = st.text("abcXYZ019_-.", min_size=1, max_size=9)
times = st.none() | st.integers(-(10**12), 10**12).map(lambda ms: START + timedelta(milliseconds=ms))
rules = st.builds(
    Rule,
    category=names,
    sku=st.none(),
    return_window_days=st.none() | st.integers(0, 3650),
    window_starts_at=st.sampled_from(get_args(WindowStart)),
    fulfilment_buffer_days=st.integers(0, 3650),
    restocking_fee_bp=st.integers(0, 10_000),
    final_sale=st.booleans(),
    non_refundable=st.booleans(),
    exchange_only=st.booleans(),
    store_credit_only=st.booleans(),
    requires_return=st.booleans(),
    requires_review=st.booleans(),
    evidence_required_over_minor=amounts,
    min_amount_minor=amounts,
    max_amount_minor=amounts,
    conditions=st.lists(st.sampled_from(["unworn", "tags_attached"]), unique=True).map(tuple),
    effective_from=times,
    effective_until=times,
)
policies = st.builds(
    Policy,
    name=names,
    rules=st.lists(rules, min_size=1, max_size=4).map(tuple),
    limits=st.builds(
        Limits,
        max_returns_per_customer_30d=st.none() | st.integers(0, 10**6),
        max_return_value_per_customer_90d_minor=amounts,
        auto_approve_threshold_minor=amounts,
        auto_approve_max_risk=scores,
        require_review_above_minor=amounts,
        review_at_chargebacks=st.none() | st.integers(1, 10**6),
        refuse_at_risk=scores,
    ),
    currency=st.sampled_from(["usd", "jpy", "kwd"]),
    categories=st.dictionaries(names, names, max_size=3),
    non_refundable_flags=st.frozensets(st.sampled_from(ITEM_FLAGS)),
    risk=st.builds(
        RiskSettings,
        weights=st.dictionaries(st.sampled_from(SIGNALS), st.integers(0, 100)),
        dispute_fee_minor=st.integers(0, 10**12),
        dispute_likelihood_percent=st.integers(0, 100),
    ),
    judged_by=st.sampled_from(get_args(JudgedBy)),
    effective_from=times,
)


@given(policies)
def test_a_policy_is_its_document_and_the_document_its_policy(policy: Policy) -> None:
    stored = json.dumps(document_of(policy))

    assert policy_of(json.loads(stored)) == policy
    assert policy_of(json.loads(json.dumps(spelled_out(policy)))) == policy


@given(policies)
def test_the_contract_takes_what_is_shown(policy: Policy) -> None:
    shown = spelled_out(replace(policy, categories={}))
    shown["rules"] = [{**rule, "category": "default"} for rule in shown["rules"]]

    assert json.loads(PolicyDocument.model_validate(shown, by_name=False).model_dump_json(by_alias=True)) == {
        "merchantId": None,
        "version": None,
        **shown,
    }


@given(policies)
def test_nothing_has_changed_between_a_policy_and_itself(policy: Policy) -> None:
    assert changes(policy, policy) == []


def test_a_document_says_only_what_is_not_so_by_default() -> None:
    assert document_of(Policy("P", (Rule(category="default"),))) == {"name": "P", "rules": [{"category": "default"}]}


@given(st.integers(0, 10_000))
def test_a_percentage_is_exact_in_basis_points(rate_bp: int) -> None:
    written = json.dumps(float(Decimal(rate_bp) / 100))

    assert basis_points(json.loads(written)) == rate_bp
    assert basis_points(json.loads(f"{Decimal(rate_bp) / 100}")) == rate_bp


def test_the_most_specific_rule_speaks_and_a_sku_is_no_category() -> None:
    shoes, hats, article, default = (
        Rule(category="clothing/shoes"),
        Rule(category="clothing"),
        Rule(sku="default"),
        Rule(category="default"),
    )
    policy = Policy("P", (default, hats, shoes, article), categories={"boots": "clothing/shoes", "caps": "clothing"})

    def found(sku: str | None, category: str | None) -> Rule | None:
        return policy.rule_for(sku, category, START)

    assert found("default", "clothing") is article
    assert found("S", "clothing/shoes/red") is shoes
    assert found(None, "boots") is shoes
    assert found(None, "caps") is hats
    assert found("clothing", None) is default
    assert found("default", None) is article
    assert Policy("P", (default, Rule(sku="S"))).rule_for("default", None, START) is default


MS = timedelta(milliseconds=1)


def test_a_purchase_is_judged_by_the_version_in_force_then_to_the_millisecond() -> None:
    versions = [(2, START), (1, START - timedelta(days=1)), (3, START + timedelta(days=1))]
    now = START + timedelta(hours=1)

    assert in_force(versions, START - MS, now) == 1
    assert in_force(versions, START, now) == 2
    assert in_force(versions, now, now) == 2
    assert in_force(versions, START - timedelta(days=9), now) == 1


def test_a_postponed_version_judges_nothing_before_its_time() -> None:
    versions = [(1, START), (2, START + timedelta(days=1))]
    tomorrow = START + timedelta(days=1)

    assert in_force(versions, tomorrow, tomorrow - MS) == 1
    assert in_force(versions, tomorrow, tomorrow) == 2
    assert in_force([(1, tomorrow)], START, tomorrow - MS) is None
    assert in_force([], START, START) is None


def test_of_two_versions_of_one_moment_the_later_one_counts() -> None:
    assert in_force([(2, START), (1, START)], START, START) == 2
