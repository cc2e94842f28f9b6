"""The store fails, or a worker dies, while a policy is written or published: asked again it is done once, and whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import World
from tests.integration.test_kills_of_keys_and_erasures import Request, kill_at_every_call
from tests.support.policies import SMALL, answered, made, published, stored
from tests.support.store_faults import TROUBLES, FaultyTransactions

WRITES: dict[str, Callable[[World, str], tuple[int, dict[str, Any]]]] = {
    "write": lambda world, policy: world.call("PUT", f"/v1/policies/{policy}", SMALL)[:2],
    "publish": lambda world, policy: world.call("POST", f"/v1/policies/{policy}/publish", {})[:2],
    "make": lambda world, _: world.call("POST", "/v1/policies", {**SMALL, "merchantId": "other"})[:2],
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("write", WRITES)
def test_a_store_in_trouble_once_does_what_was_asked_once(world: World, write: str, trouble: str) -> None:
    policy = made(world)["id"]
    faults = FaultyTransactions(world.container.client("dynamodb"))
    try:
        faults.arm(trouble)
        status, envelope = WRITES[write](world, policy)
        assert faults.struck == 1
    finally:
        faults.remove()

    assert status in (200, 201), envelope
    commands = [entry.command for entry in world.container.trail.of(world.tenant)]
    expected = {"write": "policies update", "publish": "policies publish", "make": "policies create"}[write]
    assert commands.count(expected) == (2 if write == "make" else 1)
    shown = answered(world, "GET", f"/v1/policies/{envelope['data']['id']}")
    assert shown == envelope["data"]


def whole(world: World, merchant: str) -> dict[str, Any]:
    """What stands of a merchant's policy: it must all fit together."""
    pointer = world.container.policies.pointer(world.tenant, merchant)
    assert pointer is not None
    shown = answered(world, "GET", f"/v1/policies/{pointer.policy_id}")
    numbers = [version["number"] for version in shown["versions"]]
    assert numbers == [*range(1, len(numbers) + 1)]
    real = [version["number"] for version in shown["versions"] if not version["shadow"]]
    assert [number for number, _ in pointer.versions] == real
    assert pointer.shadow == shown["shadowVersion"]
    own = [item["sk"]["S"] for item in stored(world) if item["pk"]["S"].endswith(pointer.policy_id)]
    assert own == ["#HEAD", "DRAFT", *(f"{kind}#{n:06d}" for kind in ("EVENT", "VERSION") for n in numbers)]
    trail = sorted(entry.target for entry in world.container.trail.of(world.tenant))
    assert [target for target in trail if target.startswith(f"{pointer.policy_id} ")] == [
        f"{pointer.policy_id} version {number}" for number in numbers
    ]
    return dict(shown)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_policy_is_made_once_whenever_a_worker_dies(world: World, moment: str) -> None:
    names: list[str] = []

    def prepare() -> Request:
        names.append(f"merchant-{len(names)}")
        body, headers = {**SMALL, "merchantId": names[-1]}, {"idempotency-key": names[-1]}
        world.container.organizations._opened.forget(world.organization.org_id)
        return lambda: world.call("POST", "/v1/policies", body, headers=headers)[:2]

    for request in kill_at_every_call(world, moment, prepare):
        first, second = request(), request()
        assert first == second
        assert first[0] == 201
        assert whole(world, names[-1]) == first[1]["data"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("shadow", [False, True])
def test_nothing_is_half_published_whenever_a_worker_dies(world: World, moment: str, shadow: bool) -> None:
    merchants: list[str] = []

    def prepare() -> Request:
        merchants.append(f"merchant-{len(merchants)}")
        policy = made(world, {**SMALL, "merchantId": merchants[-1]})["id"]
        published(world, policy)
        answered(world, "PUT", f"/v1/policies/{policy}", {**SMALL, "name": "Next"})
        headers, body = {"idempotency-key": policy}, {"shadow": shadow, "revision": 2}
        world.container.organizations._opened.forget(world.organization.org_id)
        return lambda: world.call("POST", f"/v1/policies/{policy}/publish", body, headers=headers)[:2]

    for request in kill_at_every_call(world, moment, prepare):
        dead = whole(world, merchants[-1])
        assert dead["latestVersion"] in (1, 2)
        world.clock.advance(minutes=1)
        status, envelope = request()
        assert (status, envelope["data"]["shownVersion"]) == (200, 2)
        assert whole(world, merchants[-1]) == envelope["data"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_draft_is_written_whole_whenever_a_worker_dies(world: World, moment: str) -> None:
    policy = made(world, SMALL)["id"]
    names: list[str] = []

    def prepare() -> Request:
        names.append(f"Name {len(names)}")
        return lambda: world.call("PUT", f"/v1/policies/{policy}", {**SMALL, "name": names[-1]})[:2]

    for request in kill_at_every_call(world, moment, prepare):
        assert whole(world, world.organization.org_id)["name"] in (SMALL["name"], names[-1])
        status, envelope = request()
        assert (status, envelope["data"]["document"]["name"]) == (200, names[-1])
        assert request() == (status, envelope)
        world.clock.advance(minutes=1)
