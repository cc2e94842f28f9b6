"""Spend caps and the breaker: what fits, from which purse it is taken, and that ten purses hold exactly one cap."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.budgets import (
    NO_GUARDS,
    SHARDS,
    Breaker,
    Cap,
    Charge,
    Guards,
    Spender,
    Taking,
    caps_on,
    purses_of,
    share,
    takings,
)
from refundkit_core.domain.money import Money

from tests.support.clock import START

DAY = "usd#2026-11-20"
OF_ALL = Charge(Cap("organization", "usd", per_day_minor=1000), "all")


def usd(amount: int) -> Money:
    return Money(amount, "usd")


@pytest.mark.parametrize(
    ("cap", "spender", "owner"),
    [
        (Cap("key", "usd"), Spender("key_1", None, None), "key_1"),
        (Cap("key", "usd", id="key_1"), Spender("key_1", None, None), "key_1"),
        (Cap("key", "usd", id="key_2"), Spender("key_1", None, None), False),
        (Cap("agent", "usd"), Spender("key_1", None, None), False),
        (Cap("agent", "usd"), Spender("key_1", "robot", None), "robot"),
        (Cap("agent", "usd", id="other"), Spender("key_1", "robot", None), False),
        (Cap("customer", "usd"), Spender("key_1", None, "cst_1"), "cst_1"),
        (Cap("customer", "usd"), Spender("key_1", None, None), None),
        (Cap("organization", "usd"), Spender(None, None, None), "all"),
        (Cap("key", "usd"), Spender(None, None, None), False),
    ],
)
def test_a_cap_holds_for_whom_it_is_set(cap: Cap, spender: Spender, owner: Any) -> None:
    assert caps_on(Guards((cap,)), spender) == ([] if owner is False else [Charge(cap, owner)])


def test_purses_are_of_one_owner_currency_and_utc_day_and_the_organizations_are_ten() -> None:
    assert purses_of(Charge(Cap("key", "usd", 1), "key_1"), START) == (f"key#key_1#{DAY}",)
    assert purses_of(OF_ALL, START) == tuple(f"organization#all#{DAY}#{shard}" for shard in range(SHARDS))
    assert purses_of(Charge(Cap("customer", "usd", 1), None), START) == ()
    midnight = START.replace(hour=23, minute=59, second=59)
    assert purses_of(Charge(Cap("key", "usd", 1), "k"), midnight) == (f"key#k#{DAY}",)
    assert purses_of(Charge(Cap("key", "usd", 1), "k"), midnight + timedelta(seconds=1)) == ("key#k#usd#2026-11-21",)


@given(st.integers(0, 10**12))
def test_ten_purses_hold_exactly_the_cap_and_differ_by_one_at_most(cap: int) -> None:
    shares = [share(cap, shard) for shard in range(SHARDS)]

    assert sum(shares) == cap
    assert max(shares) - min(shares) <= 1


def test_a_cap_of_one_purse_fits_to_the_last_unit() -> None:
    charge = Charge(Cap("key", "usd", per_day_minor=1000), "key_1")
    purse = f"key#key_1#{DAY}"

    assert takings(charge, usd(400), START, {purse: 600}, 7) == (Taking(purse, 400, 1000),)
    assert takings(charge, usd(401), START, {purse: 600}, 7) is None
    assert takings(Charge(Cap("key", "usd"), "key_1"), usd(10**9), START, {}, 0) == ()


def test_the_organizations_money_comes_from_one_purse_where_one_has_enough_and_from_several_where_none_has() -> None:
    purses = purses_of(OF_ALL, START)

    assert takings(OF_ALL, usd(100), START, {}, 13) == (Taking(purses[3], 100, 100),)
    assert takings(OF_ALL, usd(60), START, {purses[3]: 41}, 3) == (Taking(purses[4], 60, 100),)
    spread = takings(OF_ALL, usd(250), START, {purses[0]: 50}, 0)
    assert spread == (Taking(purses[1], 100, 100), Taking(purses[2], 100, 100), Taking(purses[3], 50, 100))
    assert takings(OF_ALL, usd(1000), START, {}, 0) is not None
    assert takings(OF_ALL, usd(1001), START, {}, 0) is None
    assert takings(OF_ALL, usd(951), START, {purses[9]: 50}, 0) is None


@given(
    st.integers(1, 5_000),
    st.lists(st.integers(0, 600), min_size=SHARDS, max_size=SHARDS),
    st.integers(1, 6_000),
    st.integers(0, 99),
)
def test_takings_sum_to_the_amount_and_never_overdraw_a_purse(
    cap: int, spent: list[int], amount: int, start: int
) -> None:
    charge = Charge(Cap("organization", "usd", per_day_minor=cap), "all")
    purses = purses_of(charge, START)
    gone = {
        purse: min(each, share(cap, number)) for number, (purse, each) in enumerate(zip(purses, spent, strict=True))
    }

    taken = takings(charge, usd(amount), START, gone, start)

    left = cap - sum(gone.values())
    assert (taken is None) == (amount > left)
    if taken is not None:
        assert sum(each.amount_minor for each in taken) == amount
        assert len({each.purse for each in taken}) == len(taken)
        for each in taken:
            assert 0 < each.amount_minor <= each.most_minor - gone[each.purse]


def test_a_breaker_trips_beyond_its_number_or_its_amount() -> None:
    by_count, by_amount = Breaker(10, refunds=3), Breaker(10, amount_minor=500)

    assert [by_count.is_tripped(seen, 10**9) for seen in (3, 4)] == [False, True]
    assert [by_amount.is_tripped(10**6, amount) for amount in (500, 501)] == [False, True]


def test_a_breakers_time_is_counted_in_twelve_parts() -> None:
    breaker = Breaker(12, refunds=1)

    assert breaker.bucket == timedelta(minutes=1)
    parts = [breaker.bucket_of(START + timedelta(seconds=late)) for late in (0, 59, 60)]
    assert [part - parts[0] for part in parts] == [0, 0, 1]


def test_guards_are_kept_and_read_again() -> None:
    guards = Guards((Cap("agent", "eur", 5, None, "robot"), OF_ALL.cap), Breaker(5, 2, None), 7)

    assert Guards.from_record(guards.as_record()) == guards
    assert Guards.from_record(NO_GUARDS.as_record()) == NO_GUARDS


def test_a_breaker_counts_dollars_and_a_cap_bounds_nothing_unless_they_say_so() -> None:
    assert Breaker(10) == Breaker(10, None, None, "usd")
    assert Breaker(10).is_tripped(10**9, 10**9) is False
    assert Cap("key", "usd") == Cap("key", "usd", None, None, None)
    assert Guards((), None, 0) == NO_GUARDS


def test_a_purses_day_is_the_utc_one_wherever_the_clock_stands() -> None:
    late = START.replace(hour=23).astimezone(timezone(timedelta(hours=5)))

    assert purses_of(Charge(Cap("key", "usd", 1), "k"), late) == (f"key#k#{DAY}",)


def test_one_purse_that_has_exactly_enough_is_taken_before_several() -> None:
    purses = purses_of(OF_ALL, START)

    assert takings(OF_ALL, usd(100), START, {purses[0]: 1, purses[1]: 1}, 0) == (Taking(purses[2], 100, 100),)
    assert takings(OF_ALL, usd(50), START, {purses[0]: 50}, 0) == (Taking(purses[0], 50, 100),)


def test_a_purse_with_a_single_unit_left_gives_it() -> None:
    small = Charge(Cap("organization", "usd", per_day_minor=10), "all")
    purses = purses_of(small, START)

    assert takings(small, usd(10), START, {}, 0) == tuple(Taking(purse, 1, 1) for purse in purses)


def test_of_several_caps_on_one_purse_the_strictest_of_each_bound_holds_and_it_is_taken_from_once() -> None:
    caps = (Cap("key", "usd", 900, None), Cap("key", "usd", 500, 80, "key_1"), Cap("key", "usd", None, 70))

    held = caps_on(Guards((*caps, Cap("key", "eur", 5))), Spender("key_1", None, None))

    assert held == [Charge(Cap("key", "usd", 500, 70), "key_1"), Charge(Cap("key", "eur", 5), "key_1")]
