"""What a caller says, held against what the shop registered: the shop's word holds, and every other word is named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.claims import Claim, Evidence, Settled, settled
from refundkit_core.domain.facts import Delivery, Item

from tests.support.clock import START
from tests.support.orders import order

HAT = Item("HAT", "apparel", 3, 3001, ("final_sale",))
CAP = Item("CAP", "apparel", 1, None)
NO_DELIVERY = Delivery()
SHOPS = order(items=(HAT, CAP), delivery=NO_DELIVERY)


def against_the_shop(*items: Item) -> Settled:
    return settled(Claim(items=items), SHOPS, None)


def test_without_a_registration_the_callers_word_is_all_there_is() -> None:
    claim = Claim((Item("HAT"),), Delivery("lost"), "cust_1", (), "DE")

    assert settled(claim, None, "cus_1") == Settled((Item("HAT"),), Delivery("lost"), ())


def test_nobody_escapes_a_rule_by_naming_no_items() -> None:
    assert against_the_shop() == Settled((HAT, CAP), NO_DELIVERY, ())


def test_where_the_shop_registered_no_items_the_callers_hold() -> None:
    bare = order(items=(), delivery=NO_DELIVERY)

    assert settled(Claim(items=(Item("ANY", "x"),)), bare, None) == Settled((Item("ANY", "x"),), NO_DELIVERY, ())


def test_a_line_is_as_the_shop_sold_it_in_the_quantity_that_is_claimed() -> None:
    found = against_the_shop(Item("HAT", quantity=2))

    assert found == Settled((Item("HAT", "apparel", 2, 2000, ("final_sale",)),), NO_DELIVERY, ())


def test_what_agrees_with_the_shop_contradicts_nothing() -> None:
    assert against_the_shop(HAT).contradictions == ()
    assert against_the_shop(Item("HAT", "apparel", 1, 1000, ("final_sale",))).contradictions == ()
    assert against_the_shop(Item("CAP", None, 1, 500)).contradictions == ()


@pytest.mark.parametrize(
    ("said", "named", "holds"),
    [
        (Item("HAT", "shoes", 3), "item_category", HAT),
        (Item("HAT", None, 3, None, ("digital",)), "item_flags", HAT),
        (Item("HAT", None, 3, None, ("final_sale", "digital")), "item_flags", HAT),
        (Item("HAT", None, 4), "item_quantity", HAT),
        (Item("HAT", None, 3, 3000), "item_amount", HAT),
        (Item("CAP", None, 1, None, ("digital",)), "item_flags", CAP),
        (Item("TIE", "apparel", 1, 5), "item_not_in_order", Item("TIE", "apparel", 1, 5)),
        (Item(None, "apparel", 1), "item_not_in_order", Item(None, "apparel", 1)),
    ],
)
def test_what_is_said_otherwise_is_named_and_the_shops_word_holds(said: Item, named: str, holds: Item) -> None:
    assert against_the_shop(said) == Settled((holds,), NO_DELIVERY, (named,))


def test_a_line_without_a_sku_is_nobodys_even_where_the_shop_has_such_lines() -> None:
    shops = order(items=(Item(None, "apparel", 1),), delivery=NO_DELIVERY)

    assert settled(Claim(items=(Item(None, "apparel"),)), shops, None).contradictions == ("item_not_in_order",)


def test_contradictions_are_named_once_and_in_a_fixed_order() -> None:
    found = against_the_shop(Item("HAT", "x", 9, 1), Item("TIE"), Item("HAT", "y"))

    assert found.contradictions == ("item_amount", "item_category", "item_not_in_order", "item_quantity")


def test_the_shops_delivery_beats_the_callers_part_by_part() -> None:
    shops = order(items=(), delivery=Delivery("delivered", delivered_at=START))
    said = Delivery("lost", START - timedelta(days=3), START, "US")

    found = settled(Claim(delivery=said), shops, None)

    assert found.delivery == Delivery("delivered", START - timedelta(days=3), START, "US")
    assert found.contradictions == ("delivery_status",)


@pytest.mark.parametrize(
    ("part", "other"),
    [
        ("status", "lost"),
        ("fulfilled_at", START),
        ("delivered_at", START),
        ("country", "DE"),
    ],
)
def test_every_part_of_a_delivery_can_contradict(part: str, other: Any) -> None:
    shops = order()

    found = settled(Claim(delivery=Delivery(**{part: other})), shops, None)

    assert (found.delivery, found.contradictions) == (shops.delivery, (f"delivery_{part}",))


@pytest.mark.parametrize(
    ("said", "registered", "processors", "contradicts"),
    [
        ("cust_789", "cust_789", "cus_1", False),
        ("cus_1", "cust_789", "cus_1", False),
        ("cust_780", "cust_789", "cus_1", True),
        ("cust_780", "cust_789", None, True),
        ("cust_780", None, "cus_1", False),
        (None, "cust_789", "cus_1", False),
    ],
)
def test_a_customer_is_another_one_than_both_the_shop_and_the_processor_know(
    said: str | None, registered: str | None, processors: str | None, contradicts: bool
) -> None:
    found = settled(Claim(customer_id=said), order(customer_id=registered), processors)

    assert found.contradictions == (("customer",) if contradicts else ())


@pytest.mark.parametrize(
    ("said", "registered", "contradicts"),
    [("US", "US", False), ("DE", "US", True), ("DE", None, False), (None, "US", False)],
)
def test_a_country_of_the_order_is_held_against_the_registered_one(
    said: str | None, registered: str | None, contradicts: bool
) -> None:
    found = settled(Claim(ip_country=said), order(ip_country=registered), None)

    assert found.contradictions == (("ip_country",) if contradicts else ())


def test_a_claim_is_kept_without_what_was_not_said() -> None:
    claim = Claim(
        (Item("HAT", None, 2),), Delivery("lost", START), "cust_1", (Evidence("photo", "https://x.example/1"),), "DE"
    )

    assert claim.as_record() == {
        "items": [{"sku": "HAT", "quantity": 2}],
        "delivery": {"status": "lost", "fulfilled_at": "2026-11-20T12:00:00.000Z"},
        "customer": "cust_1",
        "evidence": [["photo", "https://x.example/1"]],
        "ip_country": "DE",
    }
    assert Claim().as_record() == {}
