"""A merchant's rules: what the documents' own examples come to, and every bound on both of its sides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.decisions import Decision, ItemVerdict, RuleResult
from refundkit_core.domain.facts import CustomerFacts, Delivery, Facts, Item
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import Limits, Policy, PolicyVersion, Rule, in_force, lineage
from refundkit_core.domain.policy import judge

from tests.support.clock import START
from tests.support.risk import charge_facts
from tests.support.risk import facts as any_facts

DAY, MOMENT = timedelta(days=1), timedelta(milliseconds=1)
DEFAULT = Rule(category="default", return_window_days=30)
KNOWN = CustomerFacts(True, 0, 0, 0, 0)


def policy(*rules: Rule, default: Rule = DEFAULT, **changes: Any) -> Policy:
    return replace(Policy("Ours", (*rules, default)), **changes)


def asked(amount: int | None = 2000, *items: Item, delivered: datetime | None = None, **changes: Any) -> Facts:
    """A request about a charge of 100,000 usd made now by a known customer."""
    about = charge_facts(captured_minor=100_000, remaining_minor=100_000)
    made = any_facts(amount_minor=amount, items=items, charge=about, customer=KNOWN)
    return replace(made, delivery=Delivery(delivered_at=delivered), **changes)


def outcome(decision: Decision, code: str) -> str | None:
    return next((rule.outcome for rule in decision.rules if rule.rule == code), None)


def refusing(decision: Decision) -> list[str]:
    return [rule.rule for rule in decision.rules if rule.outcome == "fail"]


def asking(decision: Decision) -> list[str]:
    return [rule.rule for rule in decision.why_review]


PIPELINE = policy(
    Rule(category="gift_card", non_refundable=True),
    Rule(category="final_sale", final_sale=True),
    default=replace(DEFAULT, evidence_required_over_minor=10_000),
    limits=Limits(
        auto_approve_threshold_minor=7_500,
        auto_approve_max_risk=25,
        require_review_above_minor=20_000,
        review_at_chargebacks=2,
    ),
)
"""The policy of document 001: 30 days from delivery, 75 dollars, a risk of 0.25, 200 dollars, two chargebacks."""


def test_case_a_a_small_refund_within_policy_at_low_risk_is_approved() -> None:
    decision = judge(PIPELINE, asked(2900, delivered=START - 7 * DAY, reason="sizing_issue", external_risk=5))

    assert (decision.verdict, asking(decision)) == ("allow", [])


def test_case_b_a_high_amount_goes_to_a_person() -> None:
    decision = judge(PIPELINE, asked(35_000, delivered=START - 10 * DAY, reason="item_not_as_described"))

    assert (decision.verdict, asking(decision)) == ("review", ["review_amount", "auto_approve"])


def test_case_c_a_final_sale_is_refused_whatever_else_holds() -> None:
    item = Item("HAT", "apparel", 1, 2900, ("final_sale",))

    decision = judge(PIPELINE, asked(2900, item, delivered=START - DAY))

    assert (decision.verdict, refusing(decision)) == ("refuse", ["final_sale"])
    assert decision.refusal is not None
    assert decision.refusal.code == "policy_violation"


def test_the_order_delivered_42_days_ago_is_outside_the_window_whatever_is_claimed() -> None:
    at = datetime(2026, 3, 28, 12, 3, tzinfo=UTC)
    delivered = datetime(2026, 2, 14, 10, 24, tzinfo=UTC)
    facts = asked(4900, delivered=delivered, now=at, reason="product_defective")
    facts = replace(facts, charge=replace(facts.charge, purchased_at=delivered - 3 * DAY))

    decision = judge(PIPELINE, facts)

    assert isinstance(decision.refusal, errors.ReturnWindowExpired)
    assert decision.terms.days_past(at) == 13
    assert "2026-03-16T10:24:00.000Z" in decision.refusal.message


def test_missing_delivery_over_the_bound_needs_a_scan_or_a_photo() -> None:
    missing: dict[str, Any] = {"reason": "product_not_received"}
    bound = policy(default=replace(DEFAULT, evidence_required_over_minor=10_000))

    assert judge(bound, asked(10_000, **missing)).verdict == "allow"
    assert asking(judge(bound, asked(10_001, **missing))) == ["evidence"]
    assert outcome(judge(bound, asked(10_001, **missing)), "evidence") == "unknown"
    assert asking(judge(bound, asked(10_001, evidence=("receipt",), **missing))) == ["evidence"]
    for kind in ("carrier_scan", "photo"):
        assert judge(bound, asked(10_001, evidence=(kind,), **missing)).verdict == "allow"
    assert outcome(judge(bound, asked(10_001)), "evidence") is None


@pytest.mark.parametrize(
    ("limits", "amount", "asks"),
    [
        (Limits(auto_approve_threshold_minor=5000, require_review_above_minor=20_000), 4_999, []),
        (Limits(auto_approve_threshold_minor=5000, require_review_above_minor=20_000), 5_000, ["auto_approve"]),
        (Limits(auto_approve_threshold_minor=5000, require_review_above_minor=20_000), 15_000, ["auto_approve"]),
        (Limits(auto_approve_threshold_minor=5000, require_review_above_minor=20_000), 19_999, ["auto_approve"]),
        (
            Limits(auto_approve_threshold_minor=5000, require_review_above_minor=20_000),
            20_000,
            ["review_amount", "auto_approve"],
        ),
        (Limits(require_review_above_minor=20_000), 19_999, []),
        (Limits(require_review_above_minor=20_000), 20_000, ["review_amount"]),
        (Limits(auto_approve_threshold_minor=0), 1, ["auto_approve"]),
        (Limits(), 100_000, []),
    ],
)
def test_thresholds_hold_strictly_below_and_from_their_amount_on(limits: Limits, amount: int, asks: list[str]) -> None:
    assert asking(judge(policy(limits=limits), asked(amount))) == asks


def test_thresholds_compare_what_is_asked_for_before_fees() -> None:
    dear = policy(default=replace(DEFAULT, restocking_fee_bp=5_000), limits=Limits(auto_approve_threshold_minor=2_000))

    assert asking(judge(dear, asked(2_000))) == ["auto_approve"]
    assert judge(dear, asked(1_999)).verdict == "allow"


@pytest.mark.parametrize(
    ("limits", "risk", "verdict"),
    [
        (Limits(), 69, "allow"),
        (Limits(), 70, "review"),
        (Limits(auto_approve_max_risk=25), 24, "allow"),
        (Limits(auto_approve_max_risk=25), 25, "review"),
        (Limits(auto_approve_max_risk=90), 70, "review"),
        (Limits(refuse_at_risk=90), 89, "review"),
        (Limits(refuse_at_risk=90), 90, "refuse"),
        (Limits(refuse_at_risk=10), 10, "refuse"),
    ],
)
def test_risk_asks_a_person_and_refuses_only_where_the_merchant_said_so(
    monkeypatch: pytest.MonkeyPatch, limits: Limits, risk: int, verdict: str
) -> None:
    from refundkit_core.domain import policy as engine

    scored = judge(policy(), asked()).risk
    monkeypatch.setattr(engine, "assess", lambda *_: replace(scored, score=risk))

    decision = judge(policy(limits=limits), asked())

    assert decision.verdict == verdict
    if verdict == "refuse":
        assert isinstance(decision.refusal, errors.RiskThresholdExceeded)
        assert str(risk) not in decision.refusal.message


@pytest.mark.parametrize(
    ("limits", "customer", "amount", "asks"),
    [
        (Limits(max_returns_per_customer_30d=5), {"refunds_30d": 4}, 1, []),
        (Limits(max_returns_per_customer_30d=5), {"refunds_30d": 5}, 1, ["customer_count"]),
        (Limits(max_returns_per_customer_30d=0), {"refunds_30d": 0}, 1, ["customer_count"]),
        (Limits(max_return_value_per_customer_90d_minor=1000), {"value_90d_minor": 400}, 600, []),
        (Limits(max_return_value_per_customer_90d_minor=1000), {"value_90d_minor": 400}, 601, ["customer_value"]),
        (Limits(max_return_value_per_customer_90d_minor=1000), {"value_90d_minor": None}, 1, ["customer_value"]),
        (Limits(review_at_chargebacks=2), {"chargebacks_365d": 1}, 1, []),
        (Limits(review_at_chargebacks=2), {"chargebacks_365d": 2}, 1, ["chargebacks"]),
    ],
)
def test_a_customer_over_a_limit_goes_to_a_person(
    limits: Limits, customer: dict[str, Any], amount: int, asks: list[str]
) -> None:
    weightless = policy(
        limits=limits, risk=replace(policy().risk, weights=dict.fromkeys(("chargebacks", "velocity"), 0))
    )

    assert asking(judge(weightless, asked(amount, customer=replace(KNOWN, **customer)))) == asks


@pytest.mark.parametrize(
    "limits",
    [
        Limits(max_returns_per_customer_30d=5),
        Limits(max_return_value_per_customer_90d_minor=10**9),
        Limits(review_at_chargebacks=2),
    ],
)
def test_a_limit_on_a_customer_that_nobody_knows_asks_a_person(limits: Limits) -> None:
    decision = judge(policy(limits=limits), asked(customer=CustomerFacts()))

    assert decision.verdict == "review"
    assert [rule.outcome for rule in decision.why_review] == ["unknown"]


@pytest.mark.parametrize(
    "stated",
    [
        {"limits": Limits(auto_approve_threshold_minor=10**9)},
        {"limits": Limits(require_review_above_minor=10**9)},
        {"limits": Limits(max_return_value_per_customer_90d_minor=10**9)},
        {"default": replace(DEFAULT, max_amount_minor=10**9)},
        {"default": replace(DEFAULT, min_amount_minor=1)},
        {"default": replace(DEFAULT, evidence_required_over_minor=10**9)},
    ],
)
def test_amounts_of_another_currency_than_the_policys_ask_a_person(stated: dict[str, Any]) -> None:
    euros = policy(currency="eur", **stated)

    assert "policy_currency" in asking(judge(euros, asked()))
    assert judge(policy(currency="eur"), asked()).verdict == "allow"


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (Rule(category="c", final_sale=True), "final_sale"),
        (Rule(category="c", non_refundable=True), "non_refundable"),
        (Rule(category="c", exchange_only=True), "exchange_only"),
        (Rule(category="c", store_credit_only=True), "store_credit_only"),
        (Rule(category="c", requires_return=True), "requires_return"),
        (Rule(category="c", max_amount_minor=1_999), "amount_limits"),
        (Rule(category="c", min_amount_minor=2_001), "amount_limits"),
    ],
)
def test_a_rule_that_refuses_names_itself_and_the_item(rule: Rule, code: str) -> None:
    decision = judge(policy(rule), asked(2_000, Item("HAT", "c"), Item("CAP", "d")))

    assert (decision.verdict, refusing(decision)) == ("refuse", [code])
    refusal = decision.refusal
    assert refusal is not None
    assert (refusal.code, refusal.message.startswith("HAT: ")) == ("policy_violation", True)
    assert [(item.sku, item.eligible) for item in decision.items] == [("CAP", True), ("HAT", False)]
    assert outcome(decision, "approval") == "skipped"


def test_amount_bounds_are_inside_what_is_allowed() -> None:
    bounded = policy(default=replace(DEFAULT, min_amount_minor=2_000, max_amount_minor=3_000))

    assert [judge(bounded, asked(amount)).verdict for amount in (1_999, 2_000, 3_000, 3_001)] == [
        "refuse",
        "allow",
        "allow",
        "refuse",
    ]


def test_a_rule_may_have_a_person_look_at_a_whole_category() -> None:
    decision = judge(policy(Rule(category="jewellery", requires_review=True)), asked(1, Item("RING", "jewellery")))

    assert asking(decision) == ["category_review"]
    assert "RING" in decision.why_review[0].message


@pytest.mark.parametrize("flag", ["subscription", "digital", "usage_based"])
def test_flags_of_items_are_refused_only_where_the_policy_says_so(flag: Any) -> None:
    item = Item("A", None, 1, None, (flag,))

    assert judge(policy(), asked(1, item)).verdict == "allow"
    strict = policy(non_refundable_flags=frozenset({flag}))
    assert refusing(judge(strict, asked(1, item))) == ["non_refundable"]


def test_the_most_specific_rule_wins_sku_then_category_then_what_is_above_it_then_default() -> None:
    rules = (
        Rule(category="electronics", restocking_fee_bp=100),
        Rule(category="electronics/phones", restocking_fee_bp=200),
        Rule(category="gadgets", restocking_fee_bp=300),
        Rule(sku="PHONE-1", restocking_fee_bp=400),
    )
    shop = policy(*rules, categories={"smart": "gadgets", "gadgets": "electronics"})

    found = {
        (sku, category): rule.restocking_fee_bp
        for sku, category in (
            ("PHONE-1", "electronics/phones"),
            ("PHONE-2", "electronics/phones/used"),
            ("PHONE-2", "electronics/tablets"),
            (None, "smart"),
            (None, "smart/watches"),
            (None, "books"),
            (None, None),
            ("electronics", None),
        )
        if (rule := shop.rule_for(sku, category, START)) is not None
    }

    assert list(found.values()) == [400, 200, 100, 300, 300, 0, 0, 0]


def test_a_tree_that_closes_on_itself_ends_where_it_closes() -> None:
    assert list(lineage("a", {"a": "b", "b": "a"})) == ["a", "b"]
    assert list(lineage(None, {})) == []


def test_a_rule_holds_for_purchases_of_its_time() -> None:
    season = Rule(category="c", final_sale=True, effective_from=START - DAY, effective_until=START)
    shop = policy(season)

    def verdict(bought: datetime) -> str:
        facts = asked(1, Item("HAT", "c"))
        return judge(shop, replace(facts, charge=replace(facts.charge, purchased_at=bought))).verdict

    assert [verdict(at) for at in (START - DAY - MOMENT, START - DAY, START - MOMENT, START)] == [
        "allow",
        "refuse",
        "refuse",
        "allow",
    ]


def test_an_item_that_no_rule_covers_is_refused() -> None:
    assert refusing(judge(Policy("No default", (Rule(category="a"),)), asked(1, Item("HAT", "b")))) == ["no_rule"]


@pytest.mark.parametrize(
    ("rule", "delivery", "start"),
    [
        ({}, {"delivered_at": START - 5 * DAY, "fulfilled_at": START - 9 * DAY}, START - 5 * DAY),
        ({}, {"fulfilled_at": START - 9 * DAY}, START - 9 * DAY),
        ({"fulfilment_buffer_days": 4}, {"fulfilled_at": START - 9 * DAY}, START - 5 * DAY),
        ({"window_starts_at": "fulfilment"}, {"delivered_at": START, "fulfilled_at": START - 9 * DAY}, START - 9 * DAY),
        ({"window_starts_at": "fulfilment"}, {"delivered_at": START}, START - 20 * DAY),
        ({"window_starts_at": "purchase"}, {"delivered_at": START, "fulfilled_at": START}, START - 20 * DAY),
        ({}, {}, START - 20 * DAY),
    ],
)
def test_a_window_starts_at_the_first_link_of_its_chain_that_is_known(
    rule: dict[str, Any], delivery: dict[str, Any], start: datetime
) -> None:
    facts = asked(1)
    facts = replace(facts, charge=replace(facts.charge, purchased_at=START - 20 * DAY), delivery=Delivery(**delivery))

    decision = judge(policy(default=Rule(category="default", return_window_days=30, **rule)), facts)

    assert decision.terms.deadline == start + 30 * DAY


@pytest.mark.parametrize(
    ("delivered", "days"),
    [
        (datetime(2026, 3, 1, 1, 30, tzinfo=UTC), 30),  # a clock change in Europe and America falls into it
        (datetime(2026, 10, 1, 1, 30, tzinfo=UTC), 30),
        (datetime(2028, 2, 1, 0, 0, tzinfo=UTC), 30),  # a leap year
        (datetime(2027, 2, 1, 0, 0, tzinfo=UTC), 30),
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), 1),
        (datetime(2026, 6, 30, tzinfo=UTC), 0),
        (datetime(2026, 6, 30, tzinfo=UTC), 3650),
    ],
)
def test_a_window_of_n_days_is_n_times_86400_seconds_and_its_last_instant_is_inside(
    delivered: datetime, days: int
) -> None:
    rule = Rule(category="default", return_window_days=days)
    deadline = delivered + timedelta(seconds=days * 86_400)

    for late, verdict in ((-1, "allow"), (0, "allow"), (1, "refuse"), (1000, "refuse")):
        now = deadline + late * MOMENT
        assert judge(policy(default=rule), asked(1, delivered=delivered, now=now)).verdict == verdict


def test_what_remains_and_what_is_past_is_said_in_days() -> None:
    terms = judge(policy(), asked(1)).terms

    assert [terms.days_remaining(START + late) for late in (timedelta(), MOMENT, 29 * DAY, 30 * DAY, 31 * DAY)] == [
        30,
        29,
        1,
        0,
        0,
    ]
    past = [terms.days_past(START + 30 * DAY + late) for late in (-MOMENT, timedelta(), MOMENT, DAY, DAY + MOMENT)]
    assert past == [0, 0, 1, 1, 2]


def test_items_bring_the_strictest_of_their_terms_and_all_of_their_conditions() -> None:
    shop = policy(
        Rule(category="clothing", return_window_days=30, conditions=("tags_attached", "unworn")),
        Rule(category="electronics", return_window_days=15, restocking_fee_bp=1500, conditions=("unworn", "cables")),
    )

    decision = judge(shop, asked(3_000, Item("A", "clothing", 1, 1_000), Item("B", "electronics", 1, 2_000)))

    assert (decision.terms.window_days, decision.terms.fee_bp) == (15, 1500)
    assert decision.terms.conditions == ("tags_attached", "unworn", "cables")
    assert decision.terms.deadline == START + 15 * DAY
    assert decision.items == (
        ItemVerdict("A", "A", True, "Within the return window", START + 30 * DAY, 0),
        ItemVerdict("B", "B", True, "Within the return window", START + 15 * DAY, 1500),
    )
    assert (decision.fee_minor, decision.net) == (300, Money(2_700, "usd"))


@pytest.mark.parametrize(
    ("amount", "bp", "fee"), [(1999, 1500, 299), (1, 1500, 0), (10_000, 1, 1), (9_999, 1, 0), (3, 9_999, 2)]
)
def test_a_fee_rounds_down_in_the_customers_favour(amount: int, bp: int, fee: int) -> None:
    decision = judge(policy(default=replace(DEFAULT, restocking_fee_bp=bp)), asked(amount))

    assert (decision.fee_minor, decision.net.amount_minor, decision.verdict) == (fee, amount - fee, "allow")


def test_a_fee_that_takes_everything_leaves_nothing_to_refund() -> None:
    decision = judge(policy(default=replace(DEFAULT, restocking_fee_bp=10_000)), asked(100))

    assert (decision.verdict, refusing(decision)) == ("refuse", ["restocking_fee"])


def test_several_rates_without_amounts_take_the_highest_until_a_person_has_looked() -> None:
    shop = policy(Rule(category="a", restocking_fee_bp=1000), Rule(category="b", restocking_fee_bp=2000))

    decision = judge(shop, asked(1_000, Item("A", "a"), Item("B", "b")))

    assert (decision.fee_minor, asking(decision)) == (200, ["restocking_fee"])


def test_more_than_the_items_named_were_paid_with_asks_a_person() -> None:
    assert judge(policy(), asked(300, Item("A", None, 1, 100), Item("B", None, 1, 200))).verdict == "allow"
    assert asking(judge(policy(), asked(301, Item("A", None, 1, 100), Item("B", None, 1, 200)))) == ["items_amount"]
    assert judge(policy(), asked(301, Item("A", None, 1, 100), Item("B"))).verdict == "allow"


def test_a_rush_of_refunds_sends_everything_to_a_person() -> None:
    assert asking(judge(policy(), asked(1, rush=True))) == ["velocity_breaker"]


def test_every_result_has_a_sentence_for_staff_and_one_for_the_customer_that_tells_no_secret() -> None:
    shop = policy(limits=Limits(review_at_chargebacks=1, auto_approve_threshold_minor=1))
    decision = judge(shop, asked(2_000, customer=replace(KNOWN, chargebacks_365d=3), contradictions=("items",)))

    assert all(rule.message and rule.customer_message for rule in decision.rules)
    for rule in decision.why_review:
        assert rule.customer_message == "A person will look at your request"
    assert RuleResult("risk", "skipped", "").customer_message == "This was not needed"


def test_a_purchase_is_judged_by_the_version_in_force_then_and_an_older_one_by_the_earliest() -> None:
    versions = [(2, START), (1, START - 10 * DAY), (3, START + DAY)]

    def judged(bought: datetime, now: datetime = START) -> int | None:
        return in_force(versions, bought, now)

    assert [judged(START - 99 * DAY), judged(START - 10 * DAY), judged(START - MOMENT), judged(START)] == [1, 1, 1, 2]
    assert judged(START + 2 * DAY, START + 2 * DAY) == 3
    assert in_force([(1, START + MOMENT)], START, START) is None
    assert PolicyVersion("pol_1", 1, policy()).in_force_from is None
