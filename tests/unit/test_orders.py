"""What a shop may register: nothing that contradicts itself or the calendar, and nothing that is nobody's business."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.errors import Invalid
from refundkit_core.domain.facts import Delivery
from refundkit_core.domain.orders import insist_on_sense, without_customer

from tests.support.clock import START
from tests.support.orders import order

A_DAY = timedelta(days=1)
A_MOMENT = timedelta(milliseconds=1)


def wrong_fields(**changes: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        insist_on_sense(order(**changes))
    return [detail.field for detail in caught.value.details]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"delivery": Delivery()},
        {"delivery": Delivery("delivered")},
        {"delivery": Delivery("delivered", START, START)},
        {"delivery": Delivery("delivered", None, START + A_DAY)},
        {"delivery": Delivery("returned", START - A_DAY, START)},
        {"delivery": Delivery("in_transit", START + A_DAY)},
        {"delivery": Delivery("lost", START)},
        {"delivery": Delivery("not_shipped")},
        {"delivery": Delivery(None, START, START)},
        {"customer_since": START + A_DAY},
        {"lifetime_orders": 0, "lifetime_spend_minor": 0},
        {"lifetime_orders": None, "lifetime_spend_minor": 1},
    ],
)
def test_what_makes_sense_is_taken(changes: dict[str, Any]) -> None:
    insist_on_sense(order(**changes))


@pytest.mark.parametrize(
    "changes, fields",
    [
        ({"delivery": Delivery("delivered", START, START - A_MOMENT)}, ["delivery.deliveredAt"]),
        ({"delivery": Delivery(None, START, START - A_MOMENT)}, ["delivery.deliveredAt"]),
        ({"delivery": Delivery("delivered", START + A_DAY + A_MOMENT)}, ["delivery.fulfilledAt"]),
        ({"delivery": Delivery("delivered", None, START + A_DAY + A_MOMENT)}, ["delivery.deliveredAt"]),
        ({"delivery": Delivery("not_shipped", START)}, ["delivery.fulfilledAt"]),
        ({"delivery": Delivery("not_shipped", None, START)}, ["delivery.deliveredAt"]),
        ({"delivery": Delivery("in_transit", START, START)}, ["delivery.deliveredAt"]),
        ({"delivery": Delivery("lost", START, START)}, ["delivery.deliveredAt"]),
        ({"customer_since": START + A_DAY + A_MOMENT}, ["customer.since"]),
        ({"lifetime_orders": 0, "lifetime_spend_minor": 1}, ["customer.lifetimeSpend"]),
        (
            {"customer_since": START + 2 * A_DAY, "lifetime_orders": 0, "delivery": Delivery("not_shipped", START)},
            ["customer.since", "delivery.fulfilledAt", "customer.lifetimeSpend"],
        ),
    ],
)
def test_what_contradicts_itself_is_refused_field_by_field(changes: dict[str, Any], fields: list[str]) -> None:
    assert wrong_fields(**changes) == fields


def test_without_its_customer_an_order_still_tells_what_was_bought() -> None:
    nobodys: dict[str, Any] = dict.fromkeys(
        ("customer_id", "customer_since", "lifetime_orders", "lifetime_spend_minor")
    )

    assert without_customer(order()) == replace(order(), **nobodys)
