"""What is withheld for restocking: each line's share at its own rate, rounded down, and never in doubt unsaid."""

from __future__ import annotations

import pytest
from refundkit_core.domain.facts import Item
from refundkit_core.domain.fees import Fee, fee_on, percent
from refundkit_core.domain.item_rules import Line
from refundkit_core.domain.policies import Rule


def line(bp: int | None, worth: int | None = None) -> Line:
    rule = None if bp is None else Rule(category="c", restocking_fee_bp=bp)
    return Line("HAT", Item("HAT", "c", 1, worth), rule, None)


@pytest.mark.parametrize(
    ("amount", "bp", "fee"), [(1999, 1500, 299), (10_000, 1, 1), (9_999, 1, 0), (100, 10_000, 100), (1, 0, 0)]
)
def test_one_rate_needs_no_shares_and_rounds_down(amount: int, bp: int, fee: int) -> None:
    assert fee_on([line(bp), line(bp)], amount) == Fee(fee, certain=True)


def test_several_rates_take_each_lines_share_of_what_is_asked_for() -> None:
    assert fee_on([line(1000, 100), line(2000, 300)], 400) == Fee(10 + 60, certain=True)
    assert fee_on([line(1000, 100), line(2000, 300)], 200) == Fee(5 + 30, certain=True)


def test_a_share_that_does_not_divide_is_rounded_before_its_rate_and_then_down() -> None:
    assert fee_on([line(5000, 1), line(0, 2)], 100) == Fee(16, certain=True)  # a third of 100 is 33, half of it 16
    assert fee_on([line(5000, 2), line(0, 1)], 100) == Fee(33, certain=True)  # two thirds are 67


def test_what_no_rule_covers_has_no_fee() -> None:
    assert fee_on([line(None)], 10_000) == Fee(0, certain=True)
    assert fee_on([line(None, 500), line(1000, 500)], 1000) == Fee(50, certain=True)


@pytest.mark.parametrize("worths", [(None, 100), (100, None), (None, None), (0, 0)])
def test_without_known_shares_the_highest_rate_holds_and_is_not_certain(worths: tuple[int | None, int | None]) -> None:
    assert fee_on([line(1000, worths[0]), line(2000, worths[1])], 999) == Fee(199, certain=False)


def test_a_line_that_cost_nothing_takes_no_share() -> None:
    assert fee_on([line(9000, 0), line(1000, 100)], 100) == Fee(10, certain=True)
    assert fee_on([line(9000, 1), line(0, 0)], 1) == Fee(0, certain=True)


@pytest.mark.parametrize(("bp", "words"), [(1500, "15"), (1250, "12.5"), (1, "0.01"), (10_000, "100"), (0, "0")])
def test_a_rate_is_said_in_percent(bp: int, words: str) -> None:
    assert percent(bp) == words
