"""A version in the shadow judges along: where it differs is told, and nothing else is different."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from refundkit_core.application import shadowing

from tests.integration.conftest import World
from tests.integration.test_kills_of_keys_and_erasures import Killed, killed_at
from tests.support.policies import stored
from tests.support.simulations import LAX, STRICT, draft, policy_of

STRICTER: dict[str, Any] = {**STRICT, "name": "Stricter"}


def shadowed(world: World, real: dict[str, Any] = LAX, shadow: dict[str, Any] = STRICT) -> str:
    """A policy with a version in force and another in the shadow."""
    policy = policy_of(world, real)
    draft(world, policy, shadow)
    assert world.call("POST", f"/v1/policies/{policy}/publish", {"shadow": True})[0] == 200
    return policy


def asked(world: World, amount: int, category: str = "hats", **fields: Any) -> tuple[int, dict[str, Any]]:
    charge = world.charge(amount=50_000)["id"]
    body = {"transactionId": charge, "amount": amount, "reason": "other", "items": [{"category": category}], **fields}
    return world.call("POST", "/v1/refunds", body)[:2]


def differences(world: World, policy: str, query: str = "") -> list[dict[str, Any]]:
    status, envelope, _ = world.call("GET", f"/v1/policies/{policy}/shadow{query}")
    assert status == 200, envelope
    found: list[dict[str, Any]] = envelope["data"]
    return found


def test_what_the_shadow_would_have_decided_otherwise_is_listed_newest_first(world: World) -> None:
    policy = shadowed(world)
    agreed = asked(world, 1000)[1]["data"]
    big = asked(world, 2000)[1]["data"]
    world.clock.advance(seconds=1)
    shoes = asked(world, 3000, "shoes")[1]["data"]
    assert [each["status"] for each in (agreed, big, shoes)] == ["pending"] * 3

    found = differences(world, policy)

    shown = {"currency": "usd", "verdict": "allow", "version": 2}
    rules = [[rule["rule"] for rule in each.pop("shadowRules")] for each in found]
    assert rules == [["final_sale"], ["auto_approve"]]
    assert found == [
        {
            **shown,
            "decisionId": shoes["id"],
            "decidedAt": shoes["createdAt"],
            "net": 3000,
            "shadowVerdict": "refuse",
            "shadowNet": 0,
        },
        {
            **shown,
            "decisionId": big["id"],
            "decidedAt": big["createdAt"],
            "net": 2000,
            "shadowVerdict": "review",
            "shadowNet": 2000,
        },
    ]


def test_a_refused_request_is_listed_under_its_decision(world: World) -> None:
    policy = shadowed(world, STRICT, LAX)

    status, envelope = asked(world, 3000, "shoes")

    assert (status, envelope["error"]["code"]) == (422, "policy_violation")
    (found,) = differences(world, policy)
    assert found["decisionId"] == envelope["error"]["details"][-1]["message"]
    assert (found["verdict"], found["net"], found["shadowVerdict"], found["shadowNet"]) == ("refuse", 0, "allow", 3000)
    assert world.call("GET", f"/v1/decisions/{found['decisionId']}")[0] == 200


def test_publishing_for_real_ends_it_and_what_was_found_stays(world: World) -> None:
    policy = shadowed(world)
    asked(world, 3000, "shoes")
    draft(world, policy, STRICTER)
    assert world.call("POST", f"/v1/policies/{policy}/publish", {})[0] == 200

    assert asked(world, 2000)[0] == 201
    assert len(differences(world, policy)) == 1


def test_a_shadow_that_fails_harms_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = shadowed(world)

    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(shadowing, "differing", fail)

    assert asked(world, 3000, "shoes")[0] == 201
    assert differences(world, policy) == []


def test_agreement_writes_nothing_more_than_no_shadow_does(world: World) -> None:
    def written_by(ask: Callable[[], object]) -> list[tuple[str, str]]:
        before = {(item["pk"]["S"], item["sk"]["S"]) for item in stored(world)}
        ask()
        new = {(item["pk"]["S"], item["sk"]["S"]) for item in stored(world)} - before
        return sorted((pk.split("#")[3], sk) for pk, sk in new)

    policy = policy_of(world, LAX)
    alone = written_by(lambda: asked(world, 1000))
    draft(world, policy, STRICT)
    world.call("POST", f"/v1/policies/{policy}/publish", {"shadow": True})

    assert written_by(lambda: asked(world, 1000)) == alone
    assert sorted([*alone, ("REFUND", "SHADOW")]) == written_by(lambda: asked(world, 2000))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_refund_and_its_difference_are_kept_together_wherever_a_worker_dies(world: World, moment: str) -> None:
    policy = shadowed(world)
    call, died = 0, True
    while died:
        call += 1
        world.clock.advance(minutes=1)
        charge = world.charge(amount=50_000, created=int(world.clock.now().timestamp()))["id"]
        body = {"transactionId": charge, "amount": 3000, "reason": "other", "items": [{"category": "shoes"}]}
        headers = {"idempotency-key": f"key-{call}"}
        died = False
        with killed_at(world, call, moment):
            try:
                world.call("POST", "/v1/refunds", body, headers=headers)
            except Killed:
                died = True
        opened = {refund["id"] for refund in world.call("GET", "/v1/refunds?limit=100")[1]["data"]}
        assert {each["decisionId"] for each in differences(world, policy, "?limit=100")} == opened
        assert world.call("POST", "/v1/refunds", body, headers=headers)[0] == 201
        assert len(differences(world, policy, "?limit=100")) == call
    assert call > 5


def test_a_list_is_paged_with_a_cursor_of_its_own(world: World) -> None:
    policy = shadowed(world)
    made = []
    for _ in range(3):
        world.clock.advance(seconds=1)
        made.append(asked(world, 3000, "shoes")[1]["data"]["id"])

    status, envelope, _ = world.call("GET", f"/v1/policies/{policy}/shadow?limit=2")
    cursor = envelope["pagination"]["nextCursor"]
    rest = differences(world, policy, f"?limit=2&cursor={cursor}")

    assert [each["decisionId"] for each in (*envelope["data"], *rest)] == made[::-1]
    status, envelope, _ = world.call("GET", f"/v1/policies/{policy}/simulations?cursor={cursor}")
    assert (status, envelope["error"]["code"]) == (400, "validation_error")
