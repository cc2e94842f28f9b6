"""The four answers to "may this be refunded?": yes, too late, already, not so much; and what else is said with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.eligibility import A_PERSON_DECIDES, Eligibility, eligibility, most_refundable
from refundkit_core.domain.facts import Delivery, Facts, Item
from refundkit_core.domain.policies import Limits, Policy, Rule
from refundkit_core.domain.policy import judge

from tests.support.clock import START
from tests.support.risk import charge_facts
from tests.support.risk import facts as any_facts

DAY = timedelta(days=1)
DEFAULT = Rule(category="default", return_window_days=30)
UNTIL = START + 30 * DAY
WITHIN = "Transaction is within the 30-day refund window"
REQUESTED = "Refund must be requested within 30 days of purchase"
ALL_OF_IT = "Maximum refund amount is the original transaction amount"


def policy(*rules: Rule, default: Rule = DEFAULT, **changes: Any) -> Policy:
    return replace(Policy("Ours", (*rules, default)), **changes)


def facts(amount: int | None = None, *items: Item, held: int = 0, lost: int = 0, **changes: Any) -> Facts:
    """A question about a charge of 5,000 usd, bought now."""
    charge = charge_facts(remaining_minor=5000 - held - lost, held_minor=held, lost_minor=lost)
    return replace(any_facts(amount_minor=amount, items=items, charge=charge), **changes)


def answer(found: Eligibility) -> tuple[Any, ...]:
    """All of it but the decision."""
    return found[:5]


def test_what_was_bought_within_the_window_may_be_refunded_until_its_end() -> None:
    found = eligibility(policy(), facts())

    assert answer(found) == (True, WITHIN, 5000, UNTIL, (REQUESTED, ALL_OF_IT))
    assert found.decision.rules == judge(policy(), facts(5000)).rules


def test_an_amount_that_remains_may_be_refunded_and_is_what_was_judged() -> None:
    found = eligibility(policy(), facts(1200))

    assert answer(found) == (True, WITHIN, 5000, UNTIL, (REQUESTED, ALL_OF_IT))
    assert found.decision.amount.amount_minor == 1200


def test_without_a_deadline_it_may_be_refunded_at_any_time() -> None:
    found = eligibility(policy(default=Rule(category="default")), facts())

    assert answer(found) == (True, "Transaction may be refunded at any time", 5000, None, (ALL_OF_IT,))


def test_after_the_window_it_says_when_it_closed_and_names_no_amount() -> None:
    late = facts(now=START + 31 * DAY)

    found = eligibility(policy(), late)

    closed = ("Refund window closed on 2026-12-20T12:00:00.000Z",)
    assert answer(found) == (False, "Transaction exceeds the 30-day refund window", None, None, closed)
    assert found.decision.verdict == "refuse"


def test_after_several_windows_it_is_the_first_that_closed_which_is_named() -> None:
    shop = policy(Rule(category="a", return_window_days=14), Rule(category="b", return_window_days=20))
    late = facts(None, Item("A", "a"), Item("B", "b"), Item("C", "c"), now=START + 31 * DAY)

    found = eligibility(shop, late)

    assert found.reason == "Transaction exceeds the 14-day refund window"
    assert found.conditions == ("Refund window closed on 2026-12-04T12:00:00.000Z",)


def test_items_without_a_deadline_or_a_rule_do_not_hide_the_one_that_is_late() -> None:
    shop = Policy("Ours", (Rule(category="a", return_window_days=14), Rule(category="b")))
    late = facts(None, Item("A", "a"), Item("B", "b"), now=START + 31 * DAY)

    assert eligibility(shop, late).reason == "Transaction exceeds the 14-day refund window"
    # the line that nothing covers comes after the late one, which decides
    uncovered = facts(None, Item("A", "a"), Item("C", "c"), now=START + 31 * DAY)
    assert eligibility(shop, uncovered).reason == "Transaction exceeds the 14-day refund window"


def test_what_was_refunded_already_says_where_the_money_went() -> None:
    found = eligibility(policy(), facts(held=5000))

    went = (
        "Original transaction amount: 5000",
        "Previous partial refund: 5000",
        "Remaining refundable amount: 0",
    )
    assert answer(found) == (False, "Nothing is left to refund", None, None, went)


def test_more_than_remains_is_answered_with_what_does_and_until_when() -> None:
    found = eligibility(policy(), facts(3001, held=1500, lost=500))

    went = (
        "Original transaction amount: 5000",
        "Previous partial refund: 1500",
        "Lost to a chargeback: 500",
        "Remaining refundable amount: 3000",
    )
    reason = "Requested amount of 3001 exceeds the maximum refundable amount of 3000"
    assert answer(found) == (False, reason, 3000, UNTIL, went)
    assert found.decision.amount.amount_minor == 3001
    assert found.decision.verdict == "refuse"


def test_exactly_what_remains_may_be_refunded_and_the_account_is_given() -> None:
    found = eligibility(policy(), facts(4999, held=1))

    account = ("Original transaction amount: 5000", "Previous partial refund: 1", "Remaining refundable amount: 4999")
    assert answer(found) == (True, WITHIN, 4999, UNTIL, (REQUESTED, *account))


def test_a_cent_lost_to_a_chargeback_is_told() -> None:
    found = eligibility(policy(), facts(4999, lost=1))

    account = ("Original transaction amount: 5000", "Lost to a chargeback: 1", "Remaining refundable amount: 4999")
    assert found.conditions == (REQUESTED, *account)


def test_a_rules_own_bound_is_the_most_that_may_be_refunded() -> None:
    shop = policy(Rule(category="a", max_amount_minor=2000), default=replace(DEFAULT, max_amount_minor=3000))

    assert most_refundable(shop, facts()) == 3000
    assert most_refundable(shop, facts(None, Item("A", "a"), Item("B", "b"))) == 2000
    assert most_refundable(shop, facts(held=3500)) == 1500
    assert most_refundable(replace(shop, currency="eur"), facts()) == 5000
    found = eligibility(shop, facts())
    assert answer(found) == (True, WITHIN, 3000, UNTIL, (REQUESTED, "Maximum refund amount is 3000"))
    over = eligibility(shop, facts(3001))
    assert (over.eligible, over.max_amount_minor) == (False, 3000)
    assert over.reason == "Requested amount of 3001 exceeds the maximum refundable amount of 3000"
    assert eligibility(shop, facts(3000)).eligible is True


def test_an_item_that_nothing_covers_does_not_bound_what_may_be_refunded() -> None:
    assert most_refundable(Policy("Ours", ()), facts()) == 5000


def test_too_little_for_a_rule_is_refused_though_more_might_be_refunded() -> None:
    shop = policy(default=replace(DEFAULT, min_amount_minor=2000))

    found = eligibility(shop, facts(1999))

    assert answer(found) == (
        False,
        "the purchase: 19.99 USD is less than the 20.00 USD from which its rule refunds",
        None,
        None,
        (),
    )
    assert found.decision.amount.amount_minor == 1999


def test_what_is_refused_for_another_reason_says_that_one_and_nothing_of_money() -> None:
    shop = policy(Rule(category="sale", final_sale=True))

    found = eligibility(shop, facts(None, Item("HAT", "sale"), held=100))

    assert answer(found) == (False, "HAT: Its rule says final sale", None, None, ())


def test_a_fee_conditions_and_a_person_are_told_beforehand_in_words() -> None:
    shop = policy(
        default=replace(DEFAULT, restocking_fee_bp=1250, conditions=("tags_attached", "unworn")),
        limits=Limits(require_review_above_minor=1),
    )

    assert eligibility(shop, facts()).conditions == (
        REQUESTED,
        ALL_OF_IT,
        "A restocking fee of 12.5 % is withheld",
        "Tags attached required",
        "Unworn required",
        A_PERSON_DECIDES,
    )
    assert A_PERSON_DECIDES == "A person has to approve this refund"


@pytest.mark.parametrize(
    ("rule", "delivery", "start"),
    [
        ({}, {"delivered_at": START, "fulfilled_at": START}, "delivery"),
        ({}, {"fulfilled_at": START}, "fulfilment"),
        ({}, {}, "purchase"),
        ({"window_starts_at": "fulfilment"}, {"delivered_at": START, "fulfilled_at": START}, "fulfilment"),
        ({"window_starts_at": "fulfilment"}, {"delivered_at": START}, "purchase"),
        ({"window_starts_at": "purchase"}, {"delivered_at": START, "fulfilled_at": START}, "purchase"),
    ],
)
def test_what_the_window_counts_from_is_named(rule: dict[str, Any], delivery: dict[str, Any], start: str) -> None:
    found = eligibility(policy(default=replace(DEFAULT, **rule)), facts(delivery=Delivery(**delivery)))

    assert found.conditions[0] == f"Refund must be requested within 30 days of {start}"


def test_of_several_windows_the_one_that_closes_first_is_told_with_what_it_counts_from() -> None:
    shop = policy(
        Rule(category="a", return_window_days=40, window_starts_at="purchase"),
        Rule(category="b", return_window_days=20),
        Rule(category="c"),
    )
    asked = facts(None, Item("A", "a"), Item("B", "b"), Item("C", "c"), delivery=Delivery(delivered_at=START - 5 * DAY))

    found = eligibility(shop, asked)

    assert found.conditions[0] == "Refund must be requested within 20 days of delivery"
    assert found.deadline == START + 15 * DAY


def test_of_windows_that_close_together_the_first_items_is_told() -> None:
    shop = policy(
        Rule(category="a", return_window_days=20, conditions=("x",)),
        Rule(category="b", return_window_days=25, window_starts_at="purchase"),
    )
    asked = facts(None, Item("A", "a"), Item("B", "b"), delivery=Delivery(delivered_at=START + 5 * DAY))

    assert eligibility(shop, asked).conditions[0] == "Refund must be requested within 20 days of delivery"
