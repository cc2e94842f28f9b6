"""Whatever the policy and the facts: restrictions restrict, money never grows, and nothing but the facts decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.adapters.dynamodb.judged import packed, unpacked
from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Delivery, Facts, Item
from refundkit_core.domain.money import allocated
from refundkit_core.domain.policies import ITEM_FLAGS, Limits, Policy, Rule
from refundkit_core.domain.policy import judge
from refundkit_core.domain.refund import Ground

from tests.support.clock import START

STRICTNESS = {"allow": 0, "review": 1, "refuse": 2}
AMOUNTS = st.integers(1, 50_000)
MAYBE = st.none() | st.integers(0, 50_000)
COUNTS = st.none() | st.integers(0, 8)
CATEGORIES = ("a", "a/b", "c", "default")
TIMES = st.integers(0, 90 * 86_400).map(lambda seconds: START - timedelta(seconds=seconds))
CURRENCIES = st.sampled_from(("usd", "eur", "jpy", "kwd"))


def rules(category: st.SearchStrategy[str]) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        category=category,
        return_window_days=st.none() | st.integers(0, 60),
        window_starts_at=st.sampled_from(("delivery", "fulfilment", "purchase")),
        fulfilment_buffer_days=st.integers(0, 5),
        restocking_fee_bp=st.integers(0, 10_000),
        final_sale=st.booleans(),
        exchange_only=st.booleans(),
        requires_review=st.booleans(),
        evidence_required_over_minor=MAYBE,
        min_amount_minor=MAYBE,
        max_amount_minor=MAYBE,
    )


LIMITS = st.builds(
    Limits,
    max_returns_per_customer_30d=COUNTS,
    max_return_value_per_customer_90d_minor=MAYBE,
    auto_approve_threshold_minor=MAYBE,
    auto_approve_max_risk=st.none() | st.integers(0, 100),
    require_review_above_minor=MAYBE,
    review_at_chargebacks=COUNTS,
    refuse_at_risk=st.none() | st.integers(1, 100),
)
POLICIES = st.builds(
    Policy,
    name=st.just("P"),
    rules=st.tuples(rules(st.sampled_from(CATEGORIES[:3])), rules(st.just("default"))),
    limits=LIMITS,
    currency=CURRENCIES,
    non_refundable_flags=st.frozensets(st.sampled_from(ITEM_FLAGS)),
)
ITEMS = st.builds(
    Item,
    sku=st.none() | st.sampled_from(("A", "B")),
    category=st.none() | st.sampled_from(CATEGORIES),
    quantity=st.integers(1, 3),
    amount_minor=MAYBE,
    flags=st.lists(st.sampled_from(ITEM_FLAGS), unique=True, max_size=2).map(tuple),
)
CHARGES = st.builds(
    lambda currency, captured, held, lost, dispute, at: ChargeFacts(
        currency, captured, max(captured - held - lost, 0), held, lost, dispute, at
    ),
    CURRENCIES,
    st.integers(0, 60_000),
    st.integers(0, 20_000),
    st.sampled_from((0, 0, 500)),
    st.sampled_from(("none", "none", "none", "inquiry", "open", "won", "lost")),
    TIMES,
)
FACTS = st.builds(
    Facts,
    now=st.just(START),
    reason=st.sampled_from(("other", "product_not_received")),
    amount_minor=st.none() | AMOUNTS,
    stated_currency=st.none() | CURRENCIES,
    charge=CHARGES,
    items=st.lists(ITEMS, max_size=4).map(tuple),
    delivery=st.builds(
        Delivery, st.sampled_from((None, "delivered", "lost")), st.none() | TIMES, st.none() | TIMES, st.none()
    ),
    customer=st.builds(CustomerFacts, st.booleans(), COUNTS, COUNTS, MAYBE, COUNTS, COUNTS, MAYBE, st.none() | TIMES),
    evidence=st.lists(st.sampled_from(("photo", "receipt")), unique=True, max_size=2).map(tuple),
    rush=st.booleans(),
)


def whole(policy: Policy, facts: Facts) -> tuple[Any, ...]:
    """A decision that compares as a whole; errors compare by what they say."""
    decision = judge(policy, facts)
    refusal = decision.refusal
    said = None if refusal is None else (type(refusal), refusal.message, refusal.details)
    return replace(decision, refusal=None), said


@given(POLICIES, FACTS)
def test_net_is_at_most_gross_and_what_is_not_refused_is_at_most_what_remains(policy: Policy, facts: Facts) -> None:
    decision = judge(policy, facts)

    assert 0 <= decision.fee_minor <= decision.amount.amount_minor
    assert decision.net.amount_minor + decision.fee_minor == decision.amount.amount_minor
    if decision.verdict != "refuse":
        assert decision.net.amount_minor > 0
        assert decision.amount.amount_minor <= facts.charge.remaining_minor
        assert decision.amount.currency == facts.charge.currency


@given(POLICIES, FACTS)
def test_the_verdict_is_what_the_trace_says(policy: Policy, facts: Facts) -> None:
    decision = judge(policy, facts)

    said = {rule.outcome for rule in decision.rules}
    expected = "refuse" if "fail" in said else "review" if said & {"review", "unknown"} else "allow"
    assert decision.verdict == expected
    assert (decision.refusal is not None) == (expected == "refuse")


@given(POLICIES, FACTS, st.randoms(use_true_random=False))
def test_the_same_facts_give_the_same_decision_in_any_order_of_items(policy: Policy, facts: Facts, random: Any) -> None:
    items = list(facts.items)
    random.shuffle(items)

    assert whole(policy, replace(facts, items=tuple(items))) == whole(policy, facts) == whole(policy, facts)


@given(POLICIES, FACTS)
def test_what_is_kept_of_a_decision_gives_it_again(policy: Policy, facts: Facts) -> None:
    decision = judge(policy, facts)

    kept, ground = unpacked(packed(decision.rules, Ground(facts, "pol_1", 3)))
    assert kept == decision.rules
    assert ground is not None
    assert ground == Ground(facts, "pol_1", 3)
    assert whole(policy, ground.facts) == whole(policy, facts)


RESTRICTIONS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("max_returns_per_customer_30d", st.integers(0, 8)),
    ("max_return_value_per_customer_90d_minor", st.integers(0, 50_000)),
    ("auto_approve_threshold_minor", st.integers(0, 50_000)),
    ("auto_approve_max_risk", st.integers(0, 100)),
    ("require_review_above_minor", st.integers(0, 50_000)),
    ("review_at_chargebacks", st.integers(0, 8)),
    ("refuse_at_risk", st.integers(1, 100)),
]


@given(POLICIES, FACTS, st.sampled_from(RESTRICTIONS), st.data())
def test_adding_a_limit_never_makes_a_refund_more_approvable(
    policy: Policy, facts: Facts, restriction: tuple[str, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    name, bounds = restriction
    free = replace(policy, limits=replace(policy.limits, **{name: None}))
    bound = replace(policy, limits=replace(policy.limits, **{name: data.draw(bounds)}))

    assert STRICTNESS[judge(bound, facts).verdict] >= STRICTNESS[judge(free, facts).verdict]


RULES: list[tuple[str, Any, st.SearchStrategy[Any]]] = [
    ("return_window_days", None, st.integers(0, 60)),
    ("restocking_fee_bp", 0, st.integers(0, 10_000)),
    ("final_sale", False, st.just(True)),
    ("non_refundable", False, st.just(True)),
    ("exchange_only", False, st.just(True)),
    ("store_credit_only", False, st.just(True)),
    ("requires_return", False, st.just(True)),
    ("requires_review", False, st.just(True)),
    ("evidence_required_over_minor", None, st.integers(0, 50_000)),
    ("min_amount_minor", None, st.integers(0, 50_000)),
    ("max_amount_minor", None, st.integers(0, 50_000)),
]


@given(POLICIES, FACTS, st.sampled_from(RULES), st.data())
def test_adding_a_restriction_to_a_rule_never_makes_a_refund_more_approvable(
    policy: Policy, facts: Facts, restriction: tuple[str, Any, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    name, nothing, bounds = restriction
    free = replace(policy, rules=tuple(replace(rule, **{name: nothing}) for rule in policy.rules))
    value = data.draw(bounds)
    bound = replace(policy, rules=tuple(replace(rule, **{name: value}) for rule in policy.rules))

    assert STRICTNESS[judge(bound, facts).verdict] >= STRICTNESS[judge(free, facts).verdict]


@given(POLICIES, FACTS, st.frozensets(st.sampled_from(ITEM_FLAGS)))
def test_flagging_more_items_as_never_refundable_never_makes_a_refund_more_approvable(
    policy: Policy, facts: Facts, flags: frozenset[Any]
) -> None:
    more = replace(policy, non_refundable_flags=policy.non_refundable_flags | flags)

    assert STRICTNESS[judge(more, facts).verdict] >= STRICTNESS[judge(policy, facts).verdict]


@given(POLICIES, FACTS)
def test_an_unknown_fact_of_a_rule_in_force_never_approves(policy: Policy, facts: Facts) -> None:
    forgotten: dict[str, Any] = {
        "max_returns_per_customer_30d": {"refunds_30d": None},
        "max_return_value_per_customer_90d_minor": {"value_90d_minor": None},
        "review_at_chargebacks": {"chargebacks_365d": None},
    }
    for limit, unknown in forgotten.items():
        if getattr(policy.limits, limit) is not None:
            assert judge(policy, replace(facts, customer=replace(facts.customer, **unknown))).verdict != "allow"


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any))
def test_shares_sum_to_the_whole_and_none_is_off_by_more_than_one(amount: int, weights: list[int]) -> None:
    parts = allocated(amount, weights)

    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        exact = amount * weight / sum(weights)
        assert abs(part - exact) < 1 + exact * 1e-12
        assert part == 0 or weight > 0
