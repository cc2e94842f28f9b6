"""``/v1/transactions``: what a shop registers ahead of time, and what is shown of a charge beside it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.times import iso

from tests.integration.conftest import World


def registration(world: World, **changes: Any) -> dict[str, Any]:
    now = world.clock.now()
    body = {
        "orderId": "order_456",
        "merchantId": "north",
        "items": [
            {"sku": "SKU-1", "category": "apparel/shoes", "quantity": 2, "amount": 3000, "flags": ["final_sale"]},
            {"sku": "SKU-2"},
        ],
        "delivery": {
            "status": "delivered",
            "fulfilledAt": iso(now - timedelta(days=3)),
            "deliveredAt": iso(now - timedelta(days=1)),
            "country": "US",
        },
        "customer": {
            "id": "cust_789",
            "since": iso(now - timedelta(days=700)),
            "lifetimeOrders": 6,
            "lifetimeSpend": 61120,
        },
        "riskScore": 8,
        "ipCountry": "US",
    }
    return {**body, **changes}


def register(world: World, transaction_id: str, body: Any, **options: Any) -> tuple[int, dict[str, Any]]:
    return world.call("PUT", f"/v1/transactions/{transaction_id}", body, **options)[:2]


def shown(world: World, transaction_id: str) -> dict[str, Any]:
    status, envelope, _ = world.call("GET", f"/v1/transactions/{transaction_id}")
    assert status == 200, envelope
    found: dict[str, Any] = envelope["data"]
    return found


def charge_view(world: World, charge: dict[str, Any], **changes: Any) -> dict[str, Any]:
    view = {
        "id": charge["id"],
        "processor": "stripe",
        "currency": "usd",
        "captured": 5000,
        "refunded": 0,
        "reserved": 0,
        "lost": 0,
        "remaining": 5000,
        "dispute": "none",
        "purchasedAt": iso(world.clock.now()),
        "registration": None,
    }
    return {**view, **changes}


def test_what_is_registered_is_shown_beside_what_is_left_of_the_charge(world: World) -> None:
    charge, body = world.charge(), registration(world)

    status, envelope = register(world, charge["id"], body)

    second: dict[str, Any] = {"sku": "SKU-2", "category": None, "quantity": 1, "amount": None, "flags": []}
    registered = {**body, "items": [body["items"][0], second], "version": 1, "registeredAt": iso(world.clock.now())}
    assert (status, envelope) == (200, {"data": charge_view(world, charge, registration=registered), "error": None})
    assert shown(world, charge["id"]) == envelope["data"]


def test_a_charge_without_a_registration_is_shown_with_its_money(world: World) -> None:
    charge = world.charge()
    world.stripe("POST", f"/_sandbox/charges/{charge['id']}/dispute", {"status": "warning_needs_response"})
    world.execute(world.refund(world.charge()["id"])["id"])

    assert shown(world, charge["id"]) == charge_view(world, charge, dispute="inquiry")


def test_refunds_show_as_held_and_then_as_paid(world: World) -> None:
    charge = world.charge()
    refund = world.refund(charge["id"])
    assert shown(world, charge["id"]) == charge_view(world, charge, reserved=2000, remaining=3000)

    world.execute(refund["id"])
    assert shown(world, charge["id"]) == charge_view(world, charge, refunded=2000, remaining=3000)


def test_a_registration_replaces_all_of_the_one_before(world: World) -> None:
    charge = world.charge()
    register(world, charge["id"], registration(world))

    again = register(world, charge["id"], {"orderId": "order_457"})[1]["data"]["registration"]

    assert again == {
        "version": 2,
        "orderId": "order_457",
        "merchantId": None,
        "items": [],
        "delivery": None,
        "customer": None,
        "riskScore": None,
        "ipCountry": None,
        "registeredAt": iso(world.clock.now()),
    }
    assert shown(world, charge["id"])["registration"] == again


def test_two_names_of_one_charge_are_one_transaction(world: World) -> None:
    charge = world.charge(payment_intent=True)

    register(world, charge["payment_intent"], registration(world))

    assert shown(world, charge["id"])["registration"]["version"] == 1
    assert register(world, charge["id"], {})[1]["data"]["registration"]["version"] == 2
    assert shown(world, charge["payment_intent"])["id"] == charge["id"]


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"orderID": "x"}, "orderID"),
        ({"riskScore": 101}, "riskScore"),
        ({"riskScore": 0.08}, "riskScore"),
        ({"ipCountry": "us"}, "ipCountry"),
        ({"items": [{"sku": "a", "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"amount": -1}]}, "items.0.amount"),
        ({"items": [{"flags": ["gift"]}]}, "items.0.flags.0"),
        ({"items": [{"sku": "a"}] * 101}, "items"),
        ({"customer": {"lifetimeOrders": 1}}, "customer.id"),
        ({"customer": {"id": "a b"}}, "customer.id"),
        ({"customer": {"id": "a", "since": "2030-01-01T00:00:00Z"}}, "customer.since"),
        ({"delivery": {"status": "arrived"}}, "delivery.status"),
        ({"delivery": {"deliveredAt": "2030-01-01T00:00:00Z"}}, "delivery.deliveredAt"),
        (
            {"delivery": {"fulfilledAt": "2026-01-02T00:00:00Z", "deliveredAt": "2026-01-01T00:00:00Z"}},
            "delivery.deliveredAt",
        ),
    ],
)
def test_what_is_not_as_documented_or_contradicts_itself_is_refused_and_keeps_what_stands(
    world: World, changes: dict[str, Any], field: str
) -> None:
    charge = world.charge()
    register(world, charge["id"], {"orderId": "order_456"})
    before = shown(world, charge["id"])

    status, envelope = register(world, charge["id"], {"orderId": "order_457", **changes})

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert field in [detail["field"] for detail in envelope["error"]["details"]]
    assert shown(world, charge["id"]) == before


@pytest.mark.parametrize("name", ["ch_never", "pi_never", "cus_1", "ch_1%23LEDGER", "ch_1#LEDGER", "ch_" + "a" * 300])
def test_what_is_no_transaction_is_not_found(world: World, name: str) -> None:
    path = name.replace("#", "%23")
    for answer in (register(world, path, {}), world.call("GET", f"/v1/transactions/{path}")[:2]):
        assert (answer[0], answer[1]["error"]["code"]) == (404, "not_found")


def test_a_registration_that_lost_a_race_is_made_on_top_of_the_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, orders = world.charge(), world.container.orders
    put = orders.put
    raced: list[Any] = []

    def race(order: Any, previous_version: int | None) -> None:
        if not raced:
            raced.append(order)
            put(order, previous_version)
        put(order, previous_version)

    monkeypatch.setattr(orders, "put", race)
    monkeypatch.setattr(type(world.container.ids), "pause", lambda *_: None)

    assert register(world, charge["id"], registration(world))[1]["data"]["registration"]["version"] == 2


def test_a_store_that_never_takes_it_is_500_in_the_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    charge = world.charge()

    def lost(*_: Any) -> None:
        raise StoreConflict("lost")

    monkeypatch.setattr(world.container.orders, "put", lost)
    monkeypatch.setattr(type(world.container.ids), "pause", lambda *_: None)

    assert register(world, charge["id"], {})[0] == 500
