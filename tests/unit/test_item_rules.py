"""What each line's rule says, in full: the sentence for staff, the one for the customer, the fact and the limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain import errors
from refundkit_core.domain.decisions import Decision, ItemVerdict, RuleResult, Terms
from refundkit_core.domain.errors import Detail
from refundkit_core.domain.facts import Delivery, Facts, Item
from refundkit_core.domain.item_rules import DAY, Line, lines_of
from refundkit_core.domain.policies import Policy, Rule
from refundkit_core.domain.policy import judge

from tests.support.clock import START
from tests.support.risk import facts as any_facts

DEFAULT = Rule(category="default", return_window_days=30)
HAT = Item("HAT", "c")
UNTIL = "2026-12-20T12:00:00.000Z"
NOW = "2026-11-20T12:00:00.000Z"


def policy(*rules: Rule, default: Rule = DEFAULT, **changes: Any) -> Policy:
    return replace(Policy("Ours", (*rules, default)), **changes)


def asked(*items: Item, amount: int = 2000, **changes: Any) -> Facts:
    """A request about a charge of 5,000 usd, bought now."""
    return replace(any_facts(amount_minor=amount, items=items), **changes)


def failed(decision: Decision) -> RuleResult:
    """The one rule that refused."""
    (found,) = [rule for rule in decision.rules if rule.outcome == "fail"]
    return found


@pytest.mark.parametrize(
    ("rule", "code", "said", "told"),
    [
        ({"final_sale": True}, "final_sale", "Its rule says final sale", "This item was a final sale"),
        ({"non_refundable": True}, "non_refundable", "Its rule says non-refundable", "This item cannot be refunded"),
        (
            {"exchange_only": True},
            "exchange_only",
            "Its rule allows an exchange only",
            "This item can be exchanged, not refunded",
        ),
        (
            {"store_credit_only": True},
            "store_credit_only",
            "Its rule allows store credit only, which cannot be issued yet",
            "This item is refunded as store credit only",
        ),
        (
            {"requires_return": True},
            "requires_return",
            "Its rule wants the goods back first, and returns cannot be taken yet",
            "This item must be sent back first",
        ),
    ],
)
def test_a_rule_that_refuses_says_so_to_both(rule: dict[str, Any], code: str, said: str, told: str) -> None:
    decision = judge(policy(Rule(category="c", restocking_fee_bp=100, **rule)), asked(HAT))

    assert failed(decision) == RuleResult(code, "fail", f"HAT: {said}", told, item="HAT")
    assert isinstance(decision.refusal, errors.Refused)
    assert (decision.refusal.message, decision.refusal.details) == (f"HAT: {said}", (Detail(code, f"HAT: {said}"),))
    assert decision.items == (ItemVerdict("HAT", "HAT", False, f"HAT: {said}", None, 100),)


def test_what_no_rule_covers_says_so_to_both() -> None:
    decision = judge(Policy("None", ()), asked(HAT))

    said = "HAT: No rule of the policy covers it"
    assert failed(decision) == RuleResult("no_rule", "fail", said, "This item cannot be refunded", item="HAT")
    assert decision.items == (ItemVerdict("HAT", "HAT", False, said, None, 0),)


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("final_sale",), "final_sale", "final sale"),
        (("digital", "subscription"), "non_refundable", "digital and subscription"),
        (("usage_based",), "non_refundable", "usage based"),
        (("subscription", "final_sale"), "final_sale", "final sale and subscription"),
    ],
)
def test_a_flag_that_is_never_refunded_is_named_in_words(flags: Any, code: str, words: str) -> None:
    strict = policy(non_refundable_flags=frozenset({"final_sale", "digital", "subscription", "usage_based"}))

    decision = judge(strict, asked(Item("HAT", "c", flags=flags)))

    said = f"HAT: It is {words}, which is never refunded"
    assert failed(decision) == RuleResult(code, "fail", said, "This item was sold as final", item="HAT")


def test_a_flag_beside_those_that_are_never_refunded_refuses_nothing() -> None:
    assert judge(policy(), asked(Item("HAT", "c", flags=("digital",)))).refusal is None


@pytest.mark.parametrize(
    ("late", "days"),
    [
        (timedelta(milliseconds=1), "1 day"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=1, milliseconds=1), "2 days"),
        (timedelta(days=9), "9 days"),
    ],
)
def test_a_window_that_closed_says_which_when_and_how_long_ago(late: timedelta, days: str) -> None:
    now = START + timedelta(days=30) + late

    decision = judge(policy(), asked(HAT, now=now))

    said = f"HAT: The 30-day refund window closed on {UNTIL}, {days} ago"
    told = "The time to return this item ended on 2026-12-20"
    result = failed(decision)
    assert result == replace(RuleResult("return_window", "fail", said, told, "", UNTIL, "HAT"), fact=result.fact)
    assert str(result.fact).startswith(f"{now:%Y-%m-%dT%H:%M}")
    assert isinstance(decision.refusal, errors.ReturnWindowExpired)
    assert decision.refusal.details == (Detail("daysPastDeadline", days.split()[0]), Detail("return_window", said))


def test_without_items_the_purchase_itself_is_too_late() -> None:
    decision = judge(policy(), asked(now=START + timedelta(days=31)))

    assert failed(decision).message == f"The 30-day refund window closed on {UNTIL}, 1 day ago"
    assert decision.items == ()


@pytest.mark.parametrize(
    ("bounds", "amount", "said", "limit"),
    [
        (
            {"min_amount_minor": 2001},
            2000,
            "20.00 USD is less than the 20.01 USD from which its rule refunds",
            2001,
        ),
        ({"max_amount_minor": 1999}, 2000, "20.00 USD is more than the 19.99 USD up to which its rule refunds", 1999),
        ({"max_amount_minor": 0}, 1, "0.01 USD is more than the 0.00 USD up to which its rule refunds", 0),
    ],
)
def test_an_amount_outside_of_its_rules_bounds_is_told_the_bound(
    bounds: dict[str, Any], amount: int, said: str, limit: int
) -> None:
    decision = judge(policy(Rule(category="c", **bounds)), asked(HAT, amount=amount))

    told = "This amount cannot be refunded for this item"
    assert failed(decision) == RuleResult("amount_limits", "fail", said, told, amount, limit, "HAT")
    assert decision.refusal is not None
    assert decision.refusal.message == f"HAT: {said}"


def test_bounds_in_another_currency_than_the_charges_are_not_compared() -> None:
    euros = policy(Rule(category="c", max_amount_minor=1), currency="eur")

    assert judge(euros, asked(HAT)).refusal is None


def test_the_first_step_that_refuses_a_line_is_the_one_that_is_named() -> None:
    everything = Rule(
        category="c",
        return_window_days=0,
        final_sale=True,
        non_refundable=True,
        exchange_only=True,
        store_credit_only=True,
        requires_return=True,
        max_amount_minor=1,
    )
    late = asked(Item("HAT", "c", flags=("final_sale",)), now=START + DAY)
    steps = []
    rule, facts = everything, late
    for less in (
        {"flags": ()}, {"final_sale": False}, {"non_refundable": False}, {"return_window_days": None},
        {"exchange_only": False}, {"store_credit_only": False}, {"requires_return": False}, {},
    ):  # fmt: skip
        steps.append(failed(judge(policy(rule), facts)).message.split(": ")[-1][:22])
        if "flags" in less:
            facts = asked(HAT, now=START + DAY)
        else:
            rule = replace(rule, **less)

    assert steps == [
        "It is final sale, whic",
        "Its rule says final sa",
        "Its rule says non-refu",
        "The 0-day refund windo",
        "Its rule allows an exc",
        "Its rule allows store ",
        "Its rule wants the goo",
        "20.00 USD is more than",
    ]


def test_lines_have_an_order_and_names_of_their_own() -> None:
    items = (
        Item("B", "a", 1, 5),
        Item(None, "hats", 2, 5),
        Item(None, "hats", 1, 5, ("digital",)),
        Item(None, "hats", 1, 5),
        Item(None, "hats", 1, 4),
        Item(None, "caps"),
        Item("A", "z"),
        Item(),
    )

    lines = lines_of(policy(), asked(*items))

    assert [(line.name, line.item) for line in lines] == [
        ("an item", items[7]),
        ("caps", items[5]),
        ("hats", items[4]),
        ("hats", items[3]),
        ("hats", items[2]),
        ("hats", items[1]),
        ("A", items[6]),
        ("B", items[0]),
    ]
    assert lines_of(policy(), asked(*reversed(items))) == lines


def test_without_items_there_is_one_line_under_the_default_rule() -> None:
    assert lines_of(policy(), asked()) == [Line("the purchase", Item(), DEFAULT, START + timedelta(days=30))]


def test_a_line_that_nothing_covers_has_no_rule_and_no_deadline() -> None:
    assert lines_of(Policy("None", ()), asked(HAT)) == [Line("HAT", HAT, None, None)]


def test_what_is_refused_by_none_is_said_with_the_deadline() -> None:
    decision = judge(policy(), asked(HAT))

    assert decision.rules[4:7] == (
        RuleResult("final_sale", "pass", "Nothing of it was a final sale or is non-refundable"),
        RuleResult(
            "return_window",
            "pass",
            f"Within 30 days, until {UNTIL}",
            "You are in time: this can be returned until 2026-12-20",
            NOW,
            UNTIL,
        ),
        RuleResult("exchange_only", "pass", "It may be refunded, not only exchanged"),
    )
    assert decision.items == (ItemVerdict("HAT", "HAT", True, "Within the return window", START + 30 * DAY, 0),)


def test_without_a_deadline_none_is_named_and_the_item_says_so() -> None:
    decision = judge(policy(Rule(category="c", restocking_fee_bp=50)), asked(HAT))

    assert decision.rules[5] == RuleResult("return_window", "pass", "No rule sets a deadline", "", NOW, None)
    assert decision.items == (ItemVerdict("HAT", "HAT", True, "No deadline applies", None, 50),)


def test_the_strictest_terms_of_all_lines_hold() -> None:
    shop = policy(
        Rule(category="a", return_window_days=40, window_starts_at="purchase", conditions=("x", "y")),
        Rule(category="b", return_window_days=30, restocking_fee_bp=7, conditions=("y", "z")),
        Rule(category="c", restocking_fee_bp=5, exchange_only=True),
        Rule(category="d", final_sale=True),
    )
    delivery = Delivery(delivered_at=START + 20 * DAY)
    kinds = [Item(name, name) for name in ("a", "b", "c", "d")]

    def terms(*items: Item) -> Terms:
        return judge(shop, asked(*items, delivery=delivery)).terms

    assert terms(*kinds[:2]) == Terms(40, START + 40 * DAY, 7, conditions=("x", "y", "z"))
    assert terms(kinds[1]) == Terms(30, START + 50 * DAY, 7, conditions=("y", "z"))
    assert terms(kinds[2]) == Terms(None, None, 5, exchange_only=True)
    assert terms(kinds[3]) == Terms(final_sale=True)
    assert terms(kinds[2], kinds[1], kinds[3]) == Terms(
        30, START + 50 * DAY, 7, exchange_only=True, final_sale=True, conditions=("y", "z")
    )
    assert terms(Item("e", "b", flags=("final_sale",))).final_sale is True
    assert judge(Policy("None", ()), asked(HAT)).terms == Terms()


def test_unknown_categories_and_amounts_come_first_in_the_order() -> None:
    nothing, early, unknown, cheap = Item(), Item(None, "A"), Item(None, "b", 5), Item(None, "b", 1, 1)

    lines = lines_of(policy(), asked(cheap, unknown, early, nothing))

    assert [line.item for line in lines] == [nothing, early, unknown, cheap]


def test_an_articles_own_rule_judges_it() -> None:
    shop = policy(Rule(sku="HAT", final_sale=True))

    assert failed(judge(shop, asked(HAT))).rule == "final_sale"
    assert judge(shop, asked(Item("CAP", "c"))).refusal is None


def test_of_windows_that_close_together_the_first_lines_terms_are_told() -> None:
    shop = policy(
        Rule(category="a", return_window_days=20),
        Rule(category="b", return_window_days=25, window_starts_at="purchase"),
    )
    asking = asked(Item("A", "a"), Item("B", "b"), delivery=Delivery(delivered_at=START + 5 * DAY))

    assert judge(shop, asking).terms == Terms(20, START + 25 * DAY)
