"""Money: whole minor units of one currency, compared and written without loss."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.money import Money, allocated, exponent

AMOUNTS = st.integers(-(10**15), 10**15)
CURRENCIES = st.sampled_from(["usd", "jpy", "kwd"])


@given(AMOUNTS, AMOUNTS, CURRENCIES)
def test_arithmetic_is_that_of_integers(left: int, right: int, currency: str) -> None:
    one, other = Money(left, currency), Money(right, currency)

    assert one + other == Money(left + right, currency)
    assert one - other == Money(left - right, currency)
    assert (one < other, one <= other) == (left < right, left <= right)
    assert one <= Money(left, currency)
    assert not one < Money(left, currency)


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_is_the_amount_in_the_currencys_own_decimals(amount: int, currency: str) -> None:
    number, _, unit = str(Money(amount, currency)).partition(" ")

    assert unit == currency.upper()
    assert Decimal(number) * 10 ** exponent(currency) == amount


def test_amounts_are_written_for_people() -> None:
    amounts = [Money(2999, "usd"), Money(-5, "eur"), Money(500, "jpy"), Money(1250, "kwd"), Money(0, "usd")]

    assert [str(amount) for amount in amounts] == ["29.99 USD", "-0.05 EUR", "500 JPY", "1.250 KWD", "0.00 USD"]


def test_the_currencies_without_cents_and_those_with_thousandths() -> None:
    whole = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf".split()
    thousandths = "bhd iqd jod kwd lyd omr tnd".split()
    cents = "aud brl chf eur gbp huf inr isk mxn nok twd usd".split()

    assert {currency: exponent(currency) for currency in (*whole, *thousandths, *cents)} == (
        dict.fromkeys(whole, 0) | dict.fromkeys(thousandths, 3) | dict.fromkeys(cents, 2)
    )


@pytest.mark.parametrize("calculate", [operator.add, operator.sub, operator.lt, operator.le])
def test_currencies_do_not_mix(calculate: Callable[[Any, Any], Any]) -> None:
    with pytest.raises(ValueError, match=r"^cannot mix usd and eur$"):
        calculate(Money(1, "usd"), Money(1, "eur"))


@pytest.mark.parametrize(
    ("amount", "kind"), [(1.0, "float"), (True, "bool"), ("1", "str"), (None, "NoneType"), (Decimal(1), "Decimal")]
)
def test_an_amount_is_an_integer_and_nothing_else(amount: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=f"^amount_minor must be an int, not {kind}$"):
        Money(amount, "usd")


@pytest.mark.parametrize("currency", ["USD", "us", "usdt", "us€", "usé", "u1", "", "us1", "US1", "123", "us ", "   "])
def test_a_currency_is_three_lower_case_letters(currency: str) -> None:
    with pytest.raises(ValueError, match=f"^currency must be three lower-case letters, not '{currency}'$"):
        Money(1, currency)


def test_money_is_not_changed_but_made_anew() -> None:
    with pytest.raises(FrozenInstanceError):
        Money(1, "usd").amount_minor = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    "total, weights, parts",
    [
        (10, [1, 1, 1], [4, 3, 3]),
        (11, [1, 1, 1], [4, 4, 3]),
        (100, [1, 2, 3], [17, 33, 50]),
        (1, [1, 2], [0, 1]),
        (1, [1, 1], [1, 0]),
        (0, [5, 5], [0, 0]),
        (7, [0, 0], [4, 3]),
        (7, [0, 3], [0, 7]),
        (0, [], []),
    ],
)
def test_a_total_is_parted_by_largest_remainder(total: int, weights: list[int], parts: list[int]) -> None:
    assert allocated(total, weights) == parts
