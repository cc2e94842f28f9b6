"""A customer's history: windows whose last instant is inside, values of one currency, and what no window reaches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from refundkit_core.domain.customers import MONTH, QUARTER, YEAR, Counted, CustomerRecord, History

from tests.support.clock import START

MOMENT = timedelta(milliseconds=1)


def record(*ages: timedelta, currency: str = "usd", chargebacks: tuple[timedelta, ...] = ()) -> CustomerRecord:
    refunds = {f"ref_{n}": Counted(START - age, 100 + n, currency) for n, age in enumerate(ages)}
    return CustomerRecord("key", 1, refunds, {f"ch_{n}": START - age for n, age in enumerate(chargebacks)})


def test_nobodys_history_is_empty_and_not_unknown() -> None:
    assert CustomerRecord("key").history("usd", START) == History(0, 0, 0, 0)
    assert CustomerRecord("key").version == 0


def test_windows_are_thirty_ninety_and_365_days_of_seconds() -> None:
    assert [window.total_seconds() / 86_400 for window in (MONTH, QUARTER, YEAR)] == [30, 90, 365]


@pytest.mark.parametrize(
    ("age", "history"),
    [
        (timedelta(), History(1, 1, 100, 0)),
        (MONTH, History(1, 1, 100, 0)),
        (MONTH + MOMENT, History(0, 1, 100, 0)),
        (QUARTER, History(0, 1, 100, 0)),
        (QUARTER + MOMENT, History(0, 0, 0, 0)),
    ],
)
def test_a_refund_counts_up_to_the_last_instant_of_each_window(age: timedelta, history: History) -> None:
    assert record(age).history("usd", START) == history


def test_several_refunds_are_counted_each_in_its_windows_and_their_values_are_summed() -> None:
    found = record(timedelta(), timedelta(days=1), timedelta(days=31), timedelta(days=91)).history("usd", START)

    assert found == History(2, 3, 100 + 101 + 102, 0)


def test_the_value_is_unknown_where_any_of_the_windows_refunds_was_in_another_currency() -> None:
    assert record(timedelta(), currency="eur").history("usd", START) == History(1, 1, None, 0)
    assert record(QUARTER + MOMENT, currency="eur").history("usd", START) == History(0, 0, 0, 0)


@pytest.mark.parametrize(("age", "count"), [(timedelta(), 1), (YEAR, 1), (YEAR + MOMENT, 0)])
def test_a_chargeback_counts_for_a_year(age: timedelta, count: int) -> None:
    assert record(chargebacks=(age,)).history("usd", START).chargebacks_365d == count


def test_every_charge_that_was_charged_back_counts() -> None:
    assert record(chargebacks=(timedelta(), MONTH, YEAR)).history("usd", START).chargebacks_365d == 3


def test_what_no_window_reaches_any_more_is_forgotten_in_a_fixed_order() -> None:
    ages = (QUARTER + MOMENT, QUARTER, timedelta(), QUARTER + MONTH)

    assert record(*ages).forgotten(START) == ["ref_0", "ref_3"]
