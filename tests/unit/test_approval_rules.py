"""What asks for a person says, in full: the sentence, the fact and the bound, on both sides of every bound."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.decisions import Decision, RuleResult
from refundkit_core.domain.facts import CustomerFacts, Facts, Item
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.policy import judge

from tests.support.risk import charge_facts
from tests.support.risk import facts as any_facts

DEFAULT = Rule(category="default")
KNOWN = CustomerFacts(True, 0, 0, 0, 0)
MISSING = "product_not_received"
A_PERSON = "A person will look at your request"


def policy(*rules: Rule, default: Rule = DEFAULT, **changes: Any) -> Policy:
    return replace(Policy("Ours", (*rules, default)), **changes)


def limited(**limits: int) -> Policy:
    return policy(limits=Limits(**limits))


def asked(amount: int = 2000, *items: Item, **changes: Any) -> Facts:
    """A request about a charge of 100,000 usd by a known customer."""
    about = charge_facts(captured_minor=100_000, remaining_minor=100_000)
    return replace(any_facts(amount_minor=amount, items=items, charge=about, customer=KNOWN), **changes)


def said(decision: Decision, code: str) -> RuleResult | None:
    """The one result of that code, if it spoke."""
    found = [rule for rule in decision.rules if rule.rule == code]
    assert len(found) < 2
    return found[0] if found else None


def test_where_nothing_is_set_only_the_risk_speaks() -> None:
    decision = judge(policy(), asked())

    assert [rule.rule for rule in decision.rules[7:]] == ["risk"]
    assert said(decision, "risk") == RuleResult("risk", "pass", "Risk score 0 is below 70", "", 0, 70)


@pytest.mark.parametrize(
    ("amount", "evidence", "result"),
    [
        (
            10_000,
            (),
            RuleResult(
                "evidence", "pass", "No proof of the missing delivery is needed up to 100.00 USD", "", 10_000, 10_000
            ),
        ),
        (
            10_001,
            (),
            RuleResult(
                "evidence",
                "unknown",
                "A missing delivery over 100.00 USD needs a carrier scan or a photo",
                "Please send a photo, or the carrier's scan, of the delivery",
                10_001,
                10_000,
            ),
        ),
        (
            10_001,
            ("photo", "receipt"),
            RuleResult("evidence", "pass", "Evidence was given: photo", "", "photo", 10_000),
        ),
        (
            10_001,
            ("photo", "carrier_scan"),
            RuleResult("evidence", "pass", "Evidence was given: carrier_scan, photo", "", "carrier_scan", 10_000),
        ),
    ],
)
def test_proof_of_a_missing_delivery(amount: int, evidence: tuple[str, ...], result: RuleResult) -> None:
    bound = policy(default=replace(DEFAULT, evidence_required_over_minor=10_000))

    assert said(judge(bound, asked(amount, reason=MISSING, evidence=evidence)), "evidence") == result


def test_proof_is_asked_for_from_the_lowest_bound_of_all_lines_and_only_for_what_is_missing() -> None:
    shop = policy(
        Rule(category="a", evidence_required_over_minor=500), Rule(category="b", evidence_required_over_minor=300)
    )
    items = (Item("A", "a"), Item("B", "b"), Item("C", "c"))

    found = said(judge(shop, asked(400, *items, reason=MISSING)), "evidence")

    assert found is not None
    assert (found.outcome, found.limit) == ("unknown", 300)
    assert said(judge(shop, asked(400, *items)), "evidence") is None
    assert said(judge(shop, asked(400, items[2], reason=MISSING)), "evidence") is None
    assert said(judge(replace(shop, currency="eur"), asked(400, *items, reason=MISSING)), "evidence") is None


def test_an_item_that_a_person_looks_at_is_named_with_the_others() -> None:
    shop = policy(Rule(category="a", requires_review=True))

    decision = judge(shop, asked(1, Item("RING", "a"), Item("HAT", "b"), Item("ARMLET", "a")))

    message = "Its rule has a person look at every refund: ARMLET, RING"
    assert said(decision, "category_review") == RuleResult("category_review", "review", message)


@pytest.mark.parametrize(("amount", "asks"), [(299, False), (300, False), (301, True)])
def test_more_than_the_named_items_cost_is_told_what_they_cost(amount: int, asks: bool) -> None:
    decision = judge(policy(), asked(amount, Item("A", None, 1, 100), Item("B", None, 1, 200)))

    message = "3.01 USD is more than the 3.00 USD that the items named were paid with"
    expected = RuleResult("items_amount", "review", message, "", 301, 300) if asks else None
    assert said(decision, "items_amount") == expected


def test_items_that_cost_nothing_are_worth_nothing() -> None:
    found = said(judge(policy(), asked(1, Item("A", None, 1, 0))), "items_amount")

    assert found is not None
    assert found.limit == 0
    assert said(judge(policy(), asked(1, Item("A"))), "items_amount") is None
    assert said(judge(policy(), asked(500, Item("A", None, 1, 1), Item("B"))), "items_amount") is None


@pytest.mark.parametrize(
    ("limits", "customer", "result"),
    [
        (
            {"max_returns_per_customer_30d": 2},
            {"refunds_30d": 1},
            RuleResult("customer_count", "pass", "Refunds in 30 days: 2, and 2 go without a person", "", 2, 2),
        ),
        (
            {"max_returns_per_customer_30d": 2},
            {"refunds_30d": 2},
            RuleResult("customer_count", "review", "Refunds in 30 days: 3, and 2 go without a person", "", 3, 2),
        ),
        (
            {"max_returns_per_customer_30d": 0},
            {"refunds_30d": None},
            RuleResult(
                "customer_count",
                "unknown",
                "Refunds in 30 days: not known, because nobody knows the customer",
                "",
                None,
                0,
            ),
        ),
        (
            {"max_return_value_per_customer_90d_minor": 2500},
            {"value_90d_minor": 500},
            RuleResult(
                "customer_value",
                "pass",
                "Refunded in 90 days, in minor units: 2500, and 2500 go without a person",
                "",
                2500,
                2500,
            ),
        ),
        (
            {"max_return_value_per_customer_90d_minor": 2500},
            {"value_90d_minor": 501},
            RuleResult(
                "customer_value",
                "review",
                "Refunded in 90 days, in minor units: 2501, and 2500 go without a person",
                "",
                2501,
                2500,
            ),
        ),
        (
            {"max_return_value_per_customer_90d_minor": 2500},
            {"value_90d_minor": None},
            RuleResult(
                "customer_value",
                "unknown",
                "Refunded in 90 days, in minor units: not known, because nobody knows the customer",
                "",
                None,
                2500,
            ),
        ),
        (
            {"review_at_chargebacks": 1},
            {"chargebacks_365d": 0},
            RuleResult("chargebacks", "pass", "Chargebacks in 365 days: 0, and 0 go without a person", "", 0, 0),
        ),
        (
            {"review_at_chargebacks": 1},
            {"chargebacks_365d": 1},
            RuleResult("chargebacks", "review", "Chargebacks in 365 days: 1, and 0 go without a person", "", 1, 0),
        ),
    ],
)
def test_a_customers_counts_are_said_with_this_request_in_them(
    limits: dict[str, int], customer: dict[str, Any], result: RuleResult
) -> None:
    decision = judge(limited(**limits), asked(customer=replace(KNOWN, **customer)))

    assert said(decision, result.rule) == result
    assert result.customer_message == ("This is in order" if result.outcome == "pass" else A_PERSON)


def test_a_value_in_another_currency_than_the_policys_is_unknown() -> None:
    euros = replace(limited(max_return_value_per_customer_90d_minor=10**9), currency="eur")

    decision = judge(euros, asked())

    value, currency = said(decision, "customer_value"), said(decision, "policy_currency")
    assert value is not None
    assert (value.outcome, value.fact) == ("unknown", None)
    message = "The policy's amounts are in eur, the transaction in usd"
    assert currency == RuleResult("policy_currency", "unknown", message, "", "usd", "eur")


def test_thresholds_of_another_currency_are_not_compared() -> None:
    euros = replace(limited(auto_approve_threshold_minor=1, require_review_above_minor=1), currency="eur")

    decision = judge(euros, asked())

    assert [rule.rule for rule in decision.why_review] == ["policy_currency"]


@pytest.mark.parametrize(
    ("bp", "amount", "result"),
    [
        (
            1500,
            1999,
            RuleResult(
                "restocking_fee",
                "pass",
                "2.99 USD of 19.99 USD is withheld for restocking",
                "2.99 USD of 19.99 USD is withheld for restocking",
                299,
                1500,
            ),
        ),
        (1500, 1, None),
        (0, 1999, None),
        (
            9_999,
            10_000,
            RuleResult(
                "restocking_fee", "pass", *("99.99 USD of 100.00 USD is withheld for restocking",) * 2, 9_999, 9_999
            ),
        ),
    ],
)
def test_a_fee_is_told_to_both_and_none_is_not(bp: int, amount: int, result: RuleResult | None) -> None:
    decision = judge(policy(default=replace(DEFAULT, restocking_fee_bp=bp)), asked(amount))

    assert said(decision, "restocking_fee") == result


def test_a_fee_that_takes_everything_refuses_and_says_so() -> None:
    decision = judge(policy(default=replace(DEFAULT, restocking_fee_bp=10_000)), asked(100))

    message = "The restocking fee takes all of 1.00 USD"
    assert said(decision, "restocking_fee") == RuleResult("restocking_fee", "fail", message, message, 100, 100)
    assert isinstance(decision.refusal, errors.Refused)
    assert (decision.refusal.message, decision.fee_minor) == (message, 100)


def test_a_fee_of_several_rates_and_no_amounts_is_not_certain_and_says_so() -> None:
    shop = policy(Rule(category="a", restocking_fee_bp=2000), Rule(category="b", restocking_fee_bp=1000))

    decision = judge(shop, asked(1000, Item("A", "a"), Item("B", "b"), Item("C", "c")))

    message = "The items have several restocking fees and no amounts: 2.00 USD is withheld at the highest rate"
    assert said(decision, "restocking_fee") == RuleResult("restocking_fee", "unknown", message, "", 200, 2000)


def test_a_fee_that_is_not_certain_is_told_even_where_it_comes_to_nothing() -> None:
    shop = policy(Rule(category="a", restocking_fee_bp=1))

    found = said(judge(shop, asked(1, Item("A", "a"), Item("B", "b"))), "restocking_fee")

    assert found is not None
    assert (found.outcome, found.fact, found.limit) == ("unknown", 0, 1)


def test_a_certain_fee_of_several_rates_names_the_highest() -> None:
    shop = policy(Rule(category="a", restocking_fee_bp=1000))

    found = said(judge(shop, asked(200, Item("A", "a", 1, 100), Item("B", "b", 1, 100))), "restocking_fee")

    assert found is not None
    assert (found.outcome, found.fact, found.limit) == ("pass", 10, 1000)


@pytest.mark.parametrize(
    ("limits", "external_risk", "result"),
    [
        ({}, 69, RuleResult("risk", "pass", "Risk score 42 (processor_risk 42) is below 70", "", 42, 70)),
        (
            {},
            70,
            RuleResult("risk", "review", "Risk score 70 (processor_risk 70): a person looks from 70 on", "", 70, 70),
        ),
        (
            {"auto_approve_max_risk": 42},
            69,
            RuleResult("risk", "review", "Risk score 42 (processor_risk 42): a person looks from 42 on", "", 42, 42),
        ),
        (
            {"auto_approve_max_risk": 43},
            69,
            RuleResult("risk", "pass", "Risk score 42 (processor_risk 42) is below 43", "", 42, 43),
        ),
        (
            {"auto_approve_max_risk": 0},
            0,
            RuleResult("risk", "review", "Risk score 0: a person looks from 0 on", "", 0, 0),
        ),
        (
            {"auto_approve_max_risk": 90},
            70,
            RuleResult("risk", "review", "Risk score 70 (processor_risk 70): a person looks from 70 on", "", 70, 70),
        ),
        (
            {"refuse_at_risk": 42},
            69,
            RuleResult(
                "risk",
                "fail",
                "Risk score 42 (processor_risk 42): the policy refuses from 42 on",
                "This cannot be refunded online",
                42,
                42,
            ),
        ),
        (
            {"refuse_at_risk": 43},
            69,
            RuleResult("risk", "pass", "Risk score 42 (processor_risk 42) is below 70", "", 42, 70),
        ),
    ],
)
def test_a_risk_is_said_with_what_it_is_made_of(limits: dict[str, int], external_risk: int, result: RuleResult) -> None:
    decision = judge(limited(**limits), asked(external_risk=external_risk))

    assert said(decision, "risk") == result
    if result.outcome == "fail":
        assert isinstance(decision.refusal, errors.RiskThresholdExceeded)
        assert decision.refusal.message == "The risk of this request is above what the merchant accepts"


def test_every_signal_of_a_risk_is_named_with_its_points() -> None:
    decision = judge(policy(), asked(external_risk=69, contradictions=("customer",)))

    found = said(decision, "risk")
    assert found is not None
    assert found.message == "Risk score 60 (processor_risk 42, contradictions 18) is below 70"


@pytest.mark.parametrize(
    ("limits", "result"),
    [
        (
            {"require_review_above_minor": 2001},
            RuleResult("review_amount", "pass", "20.00 USD is below 20.01 USD", "", 2000, 2001),
        ),
        (
            {"require_review_above_minor": 2000},
            RuleResult(
                "review_amount",
                "review",
                "20.00 USD reaches 20.00 USD, from which a person always looks",
                "",
                2000,
                2000,
            ),
        ),
        (
            {"auto_approve_threshold_minor": 2001},
            RuleResult("auto_approve", "pass", "20.00 USD is below 20.01 USD, no person is needed", "", 2000, 2001),
        ),
        (
            {"auto_approve_threshold_minor": 2000},
            RuleResult("auto_approve", "review", "20.00 USD is not below 20.00 USD", "", 2000, 2000),
        ),
    ],
)
def test_thresholds_are_said_with_their_amounts(limits: dict[str, int], result: RuleResult) -> None:
    assert said(judge(limited(**limits), asked()), result.rule) == result


def test_a_rush_is_said() -> None:
    message = "More refunds than usual were asked for in a short time: a person looks at all of them"

    assert said(judge(policy(), asked(rush=True)), "velocity_breaker") == RuleResult(
        "velocity_breaker", "review", message
    )


def test_everything_that_asks_speaks_in_the_order_of_its_step() -> None:
    shop = policy(
        Rule(category="a", requires_review=True, restocking_fee_bp=100, evidence_required_over_minor=1),
        limits=Limits(5, 10**9, 10**9, 50, 10**9, 2),
    )

    decision = judge(shop, asked(2000, Item("A", "a", 1, 100), reason=MISSING, rush=True))

    assert [rule.rule for rule in decision.rules[7:]] == [
        "evidence", "category_review", "items_amount", "customer_count", "customer_value", "chargebacks",
        "restocking_fee", "risk", "review_amount", "auto_approve", "velocity_breaker",
    ]  # fmt: skip
