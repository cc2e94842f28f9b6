"""The money of a refund: everything adds up, in every currency and in any steps, and never to more than there is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.errors import Detail, Invalid
from refundkit_core.domain.money import Money
from refundkit_core.domain.quote import Bought, Purchase, Quote, QuotedLine, Tender, digest_of, quote

PLENTY = Money(10**9, "usd")
CURRENCIES = st.sampled_from(["usd", "jpy", "kwd"])


def test_a_whole_order_comes_back_with_its_discount_tax_shipping_and_fee() -> None:
    purchase = Purchase(
        lines=(
            Bought(6000, 3, 3, sku="A", fee_bp=1500, tax_minor=100),
            Bought(4000, 1, 1, sku="B", discount_minor=500),
        ),
        discount_minor=950,
        tax_minor=905,
        shipping_minor=500,
        refunds_shipping=True,
    )

    assert quote(purchase, Money(10_055, "usd")) == Quote(
        currency="usd",
        lines=(QuotedLine("A", 3, 6000, 600, 100 + 540, 906), QuotedLine("B", 1, 4000, 850, 315, 0)),
        shipping_minor=550,
        value_minor=10_055,
        shares=(Tender("charge", 10_055, True),),
        gross_minor=10_055,
        fee_minor=906,
        remaining_before_minor=10_055,
    )


def test_a_fee_is_rounded_down_and_the_rest_is_paid() -> None:
    found = quote(Purchase((Bought(999, fee_bp=1500),)), PLENTY)

    assert (found.gross_minor, found.fee_minor, found.net_minor) == (999, 149, 850)
    assert found.remaining_after_minor == found.remaining_before_minor - 999


def test_units_that_come_back_one_by_one_sum_to_their_line_and_the_last_carries_the_remainder() -> None:
    steps = [quote(Purchase((Bought(100, 3, 1, returned),)), PLENTY).gross_minor for returned in range(3)]

    assert steps == [33, 33, 34]


def test_only_what_this_charge_paid_is_refunded_to_it() -> None:
    tenders = (Tender("gift card", 2500), Tender("visa", 7500, is_charge=True))
    found = quote(Purchase((Bought(10_000, 4, 1, fee_bp=1000),), tenders=tenders), Money(7500, "usd"))

    assert found.shares == (Tender("gift card", 625), Tender("visa", 1875, is_charge=True))
    assert (found.value_minor, found.gross_minor, found.fee_minor, found.net_minor) == (2500, 1875, 187, 1688)


def test_no_more_than_remains_is_refunded_and_the_fee_shrinks_with_it() -> None:
    found = quote(Purchase((Bought(10_000, fee_bp=1000),)), Money(5000, "usd"))

    assert (found.value_minor, found.gross_minor, found.fee_minor, found.remaining_after_minor) == (
        10_000,
        5000,
        500,
        0,
    )


def test_what_cost_nothing_is_quoted_at_nothing() -> None:
    found = quote(Purchase((Bought(0, 2, 1),)), PLENTY)

    assert (found.value_minor, found.gross_minor, found.fee_minor, found.net_minor) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "purchase, field, said",
    [
        (Purchase(()), "items", "Name at least one that comes back"),
        (Purchase((Bought(1, 2, 3),)), "items.0.quantity", "At most 2 of 2 can come back"),
        (Purchase((Bought(1), Bought(1, 2, 2, 1))), "items.1.quantity", "At most 1 of 2 can come back"),
        (Purchase((Bought(1, 2, 1, 2),)), "items.0.quantity", "At most 0 of 2 can come back"),
        (Purchase((Bought(1, 2, 1, 3),)), "items.0.quantity", "At most 0 of 2 can come back"),
        (Purchase((Bought(1, 1, 0),)), "items", "Name at least one that comes back"),
        (Purchase((Bought(1), Bought(1, 1, -1))), "items.1.quantity", "At most 1 of 1 can come back"),
        (Purchase((Bought(1, discount_minor=2),)), "items.0.discount", "Not more than the line costs"),
        (
            Purchase((Bought(5, discount_minor=2),), discount_minor=4),
            "discount",
            "Not more than the lines cost: 3",
        ),
        (Purchase((Bought(5),), tenders=(Tender("a", 4, True),)), "tenders", "They sum to 4, the order to 5"),
        (Purchase((Bought(5),), tenders=(Tender("a", 5),)), "tenders", "Mark the one that is this charge"),
        (
            Purchase((Bought(5),), tenders=(Tender("a", 3, True), Tender("b", 2, True))),
            "tenders",
            "Mark the one that is this charge",
        ),
    ],
)
def test_what_does_not_add_up_is_refused_by_its_field(purchase: Purchase, field: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        quote(purchase, PLENTY)
    assert caught.value.message == "The purchase does not add up"
    assert caught.value.details == (Detail(field, said),)


def test_a_line_is_one_unit_that_comes_back_and_a_purchase_its_lines_alone_unless_more_is_said() -> None:
    assert asdict(Purchase((Bought(5),))) == {
        "lines": (
            {
                "price_minor": 5,
                "bought": 1,
                "quantity": 1,
                "returned": 0,
                "discount_minor": 0,
                "tax_minor": 0,
                "fee_bp": 0,
                "sku": None,
                "category": None,
            },
        ),
        "discount_minor": 0,
        "tax_minor": 0,
        "shipping_minor": 0,
        "refunds_shipping": False,
        "tenders": (),
    }
    assert Tender("visa", 5).is_charge is False


def test_the_fee_of_a_line_is_whole_minor_units() -> None:
    assert [line.fee_minor for line in quote(Purchase((Bought(999, fee_bp=1500),)), PLENTY).lines] == [149]


def test_what_comes_back_is_digested_as_it_has_always_been() -> None:
    articles = [("B", "hats", 1), (None, "hats", 2), (None, None, 3), ("A", None, 0)]
    text = '[["", "", 3], ["", "hats", 2], ["B", "", 1]]'

    assert digest_of(articles) == hashlib.sha256(text.encode()).hexdigest()[:32]


def test_a_purchase_is_bound_by_what_comes_back_in_whichever_order() -> None:
    one, other = Bought(5, sku="A"), Bought(7, 3, 2, category="hats")

    def digest(*lines: Bought) -> str:
        return Purchase(lines).digest()

    assert digest(one, other) == digest(other, one) == digest(one, Bought(9, 3, 2, category="hats"), Bought(1, 1, 0))
    assert digest(one) == digest(replace(one, category="coats")) == digest_of([("A", None, 1)])
    differing = [digest(one), digest(replace(one, sku="B")), digest(replace(one, bought=2, quantity=2)), digest(other)]
    assert len(set(differing)) == len(differing)
    assert digest(Bought(5)) == digest_of([])


@st.composite
def bought(draw: Any) -> Bought:
    """A line of up to five units, none of them back yet."""
    price = draw(st.integers(0, 100_000))
    return Bought(
        price_minor=price,
        bought=draw(st.integers(1, 5)),
        discount_minor=draw(st.integers(0, price)),
        tax_minor=draw(st.integers(0, 20_000)),
        fee_bp=draw(st.integers(0, 10_000)),
    )


@st.composite
def purchases(draw: Any) -> Purchase:
    """An order of up to four lines, by one charge or two tenders, of which nothing comes back yet."""
    lines = tuple(draw(st.lists(bought(), min_size=1, max_size=4)))
    goods = sum(line.price_minor - line.discount_minor for line in lines)
    made = Purchase(
        lines,
        draw(st.integers(0, goods)),
        draw(st.integers(0, 20_000)),
        draw(st.integers(0, 5_000)),
        draw(st.booleans()),
    )
    total = order_total(made)
    by_charge = draw(st.none() | st.integers(0, total))
    if by_charge is None:
        return made
    return replace(made, tenders=(Tender("gift card", total - by_charge), Tender("visa", by_charge, is_charge=True)))


def order_total(purchase: Purchase) -> int:
    lines = sum(line.price_minor - line.discount_minor + line.tax_minor for line in purchase.lines)
    return lines - purchase.discount_minor + purchase.tax_minor + purchase.shipping_minor


def coming_back(purchase: Purchase, quantities: list[int]) -> Purchase:
    """The purchase with so many units of each line, the first ones."""
    lines = tuple(replace(line, quantity=count) for line, count in zip(purchase.lines, quantities, strict=True))
    return replace(purchase, lines=lines)


@given(purchases(), st.data(), st.integers(0, 500_000), CURRENCIES)
def test_parts_sum_to_the_whole_and_net_is_no_more_than_gross_and_gross_than_what_remains(
    purchase: Purchase, data: Any, remaining_minor: int, currency: str
) -> None:
    quantities = [data.draw(st.integers(1, line.bought)) for line in purchase.lines]
    found = quote(coming_back(purchase, quantities), Money(remaining_minor, currency))

    assert sum(line.value_minor for line in found.lines) + found.shipping_minor == found.value_minor
    assert sum(share.amount_minor for share in found.shares) == found.value_minor <= order_total(purchase)
    assert 0 <= found.net_minor <= found.gross_minor <= min(remaining_minor, found.value_minor)
    assert found.net_minor + found.fee_minor == found.gross_minor
    assert found.remaining_after_minor == remaining_minor - found.gross_minor >= 0
    assert all(0 <= line.net_minor <= line.value_minor for line in found.lines)
    assert all(0 <= line.discount_minor <= line.gross_minor for line in found.lines)
    paid = {tender.name: tender.amount_minor for tender in purchase.tenders}
    assert all(share.amount_minor <= paid.get(share.name, found.value_minor) for share in found.shares)
    assert found.currency == currency


@given(purchases())
def test_a_whole_order_comes_back_to_the_last_minor_unit(purchase: Purchase) -> None:
    whole = replace(coming_back(purchase, [line.bought for line in purchase.lines]), refunds_shipping=True)

    assert quote(whole, PLENTY).value_minor == order_total(purchase)


@given(purchases(), st.data())
def test_in_any_steps_the_units_of_a_line_sum_to_it_and_all_refunds_to_no_more_than_the_order(
    purchase: Purchase, data: Any
) -> None:
    """One line at a time here, each in steps of its own, in an order that is drawn."""
    remaining = order_total(purchase)
    values = [0] * len(purchase.lines)
    whole = quote(coming_back(purchase, [line.bought for line in purchase.lines]), PLENTY)
    none = coming_back(purchase, [0] * len(purchase.lines))
    left = dict.fromkeys(range(len(purchase.lines)), 0)
    while left:
        at = data.draw(st.sampled_from(sorted(left)))
        line = purchase.lines[at]
        step = data.draw(st.integers(1, line.bought - left[at]))
        lines = (*none.lines[:at], replace(line, quantity=step, returned=left[at]), *none.lines[at + 1 :])
        found = quote(replace(none, lines=lines, refunds_shipping=False), PLENTY)
        assert [each.quantity for each in found.lines] == [step]
        values[at] += found.value_minor
        remaining -= found.value_minor
        left[at] += step
        if left[at] == line.bought:
            del left[at]

    assert values == [line.value_minor for line in whole.lines]
    assert remaining == order_total(purchase) - sum(values) >= 0


@given(purchases(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_what_was_refunded_step_by_step_is_never_more_than_the_charge(purchase: Purchase, again: list[bool]) -> None:
    paid = next((tender.amount_minor for tender in purchase.tenders if tender.is_charge), order_total(purchase))
    remaining = Money(paid, "jpy")
    whole = coming_back(purchase, [line.bought for line in purchase.lines])
    for _ in again:
        found = quote(whole, remaining)
        remaining = Money(found.remaining_after_minor, "jpy")

    assert 0 <= remaining.amount_minor <= paid
