"""``/v1/settings/guards``: set, shown, audited, and held to by every refund from then on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import World

PATH = "/v1/settings/guards"


def put(world: World, **body: Any) -> tuple[int, dict[str, Any]]:
    return world.call("PUT", PATH, body)[:2]


def refund(world: World, charge: str, **fields: Any) -> tuple[int, str | None]:
    body = {"transactionId": charge, "reason": "other", "amount": 1000, **fields}
    status, envelope, _ = world.call("POST", "/v1/refunds", body)
    return status, envelope["error"] and envelope["error"]["code"]


def test_guards_are_shown_as_they_were_set_and_empty_before(world: World) -> None:
    assert world.call("GET", PATH)[1]["data"] == {"caps": [], "breaker": None, "version": 0}

    status, envelope = put(
        world, caps=[{"scope": "agent", "perRefund": 5}], breaker={"minutes": 5, "refunds": 2}, version=0
    )

    stands = {
        "caps": [{"scope": "agent", "id": None, "perDay": None, "perRefund": 5, "currency": "usd"}],
        "breaker": {"minutes": 5, "refunds": 2, "amount": None, "currency": "usd"},
        "version": 1,
    }
    assert (status, envelope["data"]) == (200, stands)
    assert world.call("GET", PATH)[1]["data"] == stands
    assert put(world, version=0)[1]["error"]["code"] == "approval_superseded"
    assert put(world)[1]["data"] == {"caps": [], "breaker": None, "version": 2}
    audited = [entry.command for entry in world.container.trail.of(world.tenant)]
    assert audited.count("guards set") == 2


@pytest.mark.parametrize(
    "body",
    [
        {"caps": [{"scope": "key"}]},
        {"caps": [{"scope": "customer", "perDay": 1, "id": "cus_1"}]},
        {"caps": [{"scope": "planet", "perDay": 1}]},
        {"caps": [{"scope": "key", "perDay": 0}]},
        {"caps": [{"scope": "key", "perDay": 1.5}]},
        {"caps": [{"scope": "key", "perDay": 1}] * 21},
        {"breaker": {"minutes": 5}},
        {"breaker": {"minutes": 0, "refunds": 1}},
        {"limit": 1},
    ],
)
def test_guards_that_guard_nothing_or_nobody_are_400(world: World, body: dict[str, Any]) -> None:
    assert put(world, **body)[1]["error"]["code"] == "validation_error"


def test_caps_and_pauses_stand_side_by_side(world: World) -> None:
    put(world, caps=[{"scope": "organization", "perDay": 1500}])
    charge = world.charge()["id"]
    world.container.switches.set(world.tenant, None, True)
    assert refund(world, charge) == (503, "refunds_paused")
    world.container.switches.set(world.tenant, None, False)

    assert refund(world, charge) == (201, None)
    assert refund(world, charge, amount=501) == (429, "budget_exceeded")
    body = {"transactionId": charge, "reason": "other", "amount": 501}
    assert world.call("POST", "/v1/refunds", body)[2]["retry-after"] == str(12 * 3600)
    assert refund(world, charge, amount=500) == (201, None)


def test_an_agents_cap_holds_for_its_keys_together_and_for_nobody_else(world: World) -> None:
    put(world, caps=[{"scope": "agent", "perDay": 1500}])
    charge = world.charge(amount=50_000)["id"]
    agent = {"owner": {"type": "agent", "id": "robot"}, "scopes": ["refunds:write"]}
    made = [world.call("POST", "/v1/api-keys", {"name": name, **agent})[1]["data"]["key"] for name in "ab"]

    def by(key: str, amount: int) -> int:
        body = {"transactionId": charge, "reason": "other", "amount": amount}
        return world.call("POST", "/v1/refunds", body, key=key)[0]

    assert [by(made[0], 1000), by(made[1], 501), by(made[1], 500), by(made[0], 1)] == [201, 429, 201, 429]
    assert refund(world, charge, amount=9_999) == (201, None)


def test_a_refused_request_says_what_is_left_and_keeps_its_decision(world: World) -> None:
    put(world, caps=[{"scope": "key", "perRefund": 500}])
    charge = world.charge()["id"]

    status, envelope, headers = world.call(
        "POST", "/v1/refunds", {"transactionId": charge, "reason": "other", "amount": 501}
    )

    details = {detail["field"]: detail["message"] for detail in envelope["error"]["details"]}
    assert (status, details["left"], "retry-after" in headers) == (429, "500", False)
    kept = world.call("GET", f"/v1/decisions/{details['decisionId']}")[1]["data"]
    assert kept["code"] == "budget_exceeded"


def test_a_rush_asks_a_person_until_it_is_over(world: World) -> None:
    put(world, breaker={"minutes": 10, "refunds": 1})
    charge = world.charge()["id"]
    opened = [world.refund(charge, amount=amount)["status"] for amount in (100, 101)]
    world.clock.advance(minutes=11)

    assert opened == ["pending", "pending_approval"]
    assert world.refund(charge, amount=102)["status"] == "pending"
