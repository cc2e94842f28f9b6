"""API keys through their routes: made, listed, limited, revoked; and what a key cannot give."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from refundkit.api_keys import has_valid_checksum, hash_api_key
from refundkit_core.domain.times import iso

from tests.integration.conftest import World

NEVER = "key_00000000000000000000000000"
AGENT = {"type": "agent", "id": "shopping-agent"}


def made(world: World, by: str | None = None, **wanted: Any) -> dict[str, Any]:
    """A new key that must be given."""
    status, envelope, _ = world.call("POST", "/v1/api-keys", {"name": "One", **wanted}, key=by or owners(world))
    assert status == 201, envelope
    key: dict[str, Any] = envelope["data"]
    return key


def owners(world: World) -> str:
    return world.organization.test_key


def refused(world: World, by: str, **wanted: Any) -> tuple[int, str]:
    status, envelope, _ = world.call("POST", "/v1/api-keys", {"name": "One", **wanted}, key=by)
    return status, envelope["error"]["code"]


def works(world: World, key: str) -> int:
    return world.call("GET", "/v1/refunds", key=key)[0]


def test_a_key_is_shown_once_and_works(world: World) -> None:
    key = made(world, name="Shop", scopes=["refunds:read"], expiresAt="2026-12-24T18:00:00Z", limitPerMinute=7)
    secret = key.pop("key")

    assert has_valid_checksum(secret)
    assert key == {
        "id": key["id"],
        "name": "Shop",
        "prefix": secret[:16],
        "environment": "test",
        "owner": {"type": "member", "id": world.organization.owner_id},
        "scopes": ["refunds:read"],
        "limitPerMinute": 7,
        "createdAt": iso(world.clock.now()),
        "expiresAt": "2026-12-24T18:00:00.000Z",
        "lastUsedAt": None,
        "revokedAt": None,
    }
    world.clock.advance(seconds=61)
    assert works(world, secret) == 200
    shown = world.call("GET", f"/v1/api-keys/{key['id']}")[1]["data"]
    assert shown == {**key, "lastUsedAt": iso(world.clock.now())}
    listed = world.call("GET", "/v1/api-keys")[1]["data"]
    assert shown in listed
    assert secret not in str(listed)


def test_nothing_of_a_key_but_its_hash_and_its_first_characters_is_stored(world: World) -> None:
    secret = made(world, expiresAt="2027-01-01T00:00:00Z")["key"]

    stored = str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])
    assert hash_api_key(secret) in stored
    assert secret[:16] in stored
    assert secret[:17] not in stored


def test_a_key_that_says_nothing_of_its_rights_can_ask_open_and_read_refunds(world: World) -> None:
    assert made(world)["scopes"] == ["policies:read", "refunds:read", "refunds:write"]


def test_a_repeated_request_is_the_same_key_without_its_secret(world: World) -> None:
    body, headers = {"name": "Once"}, {"idempotency-key": "k-1"}
    first = world.call("POST", "/v1/api-keys", body, headers=headers)
    again = world.call("POST", "/v1/api-keys", body, headers=headers)
    other = world.call("POST", "/v1/api-keys", {"name": "Other"}, headers=headers)

    assert (first[0], again[0]) == (201, 201)
    assert again[1]["data"] == {**first[1]["data"], "key": None}
    assert "idempotent-replayed" not in first[2]
    assert again[2]["idempotent-replayed"] == "true"
    assert (other[0], other[1]["error"]["code"]) == (409, "idempotency_key_reused")
    assert sum(key["name"] == "Once" for key in world.call("GET", "/v1/api-keys")[1]["data"]) == 1


def test_the_same_idempotency_key_in_the_other_mode_makes_another_key(world: World) -> None:
    headers = {"idempotency-key": "k-1"}
    one = world.call("POST", "/v1/api-keys", {"name": "Once"}, headers=headers)
    other = world.call("POST", "/v1/api-keys", {"name": "Once"}, headers=headers, key=world.organization.live_key)

    assert other[1]["data"]["id"] != one[1]["data"]["id"]
    assert other[1]["data"]["key"].startswith("rk_live_")


def test_a_revoked_key_is_refused_at_its_very_next_request_and_stays_listed(world: World) -> None:
    key = made(world)
    assert works(world, key["key"]) == 200

    status, envelope, _ = world.call("DELETE", f"/v1/api-keys/{key['id']}")

    assert status == 200
    assert envelope["data"]["revokedAt"] == iso(world.clock.now())
    assert works(world, key["key"]) == 401
    world.clock.advance(minutes=5)
    assert world.call("DELETE", f"/v1/api-keys/{key['id']}")[1] == world.call("GET", f"/v1/api-keys/{key['id']}")[1]
    trail = [(entry.command, entry.target) for entry in world.container.trail.of(world.tenant)]
    assert sorted(entry for entry in trail if entry[1] == key["id"]) == [
        ("keys create", key["id"]),
        ("keys revoke", key["id"]),
    ]


def test_an_expired_key_is_refused_from_that_very_second_on(world: World) -> None:
    secret = made(world, expiresAt=iso(world.clock.now() + timedelta(hours=1)))["key"]

    world.clock.advance(seconds=3_599)
    assert works(world, secret) == 200
    world.clock.advance(seconds=1)
    assert works(world, secret) == 401
    assert refused(world, owners(world), expiresAt=iso(world.clock.now())) == (400, "validation_error")


def test_a_key_gives_nothing_that_it_lacks(world: World) -> None:
    keeper = made(world, scopes=["keys:*", "refunds:read"])["key"]

    assert made(world, keeper, scopes=["refunds:read", "keys:read"])["scopes"] == ["keys:read", "refunds:read"]
    for scopes in (["refunds:write"], ["admin"], ["keys:*", "returns:*"], ["approvals:decide"]):
        assert refused(world, keeper, scopes=scopes) == (403, "unauthorized")
    reader = made(world, scopes=["keys:read"])["key"]
    assert refused(world, reader) == (403, "unauthorized")
    assert world.call("GET", "/v1/api-keys", key=reader)[0] == 200


def test_a_family_of_scopes_holds_all_of_it(world: World) -> None:
    keeper = made(world, scopes=["keys:*"])["key"]

    assert world.call("GET", "/v1/api-keys", key=keeper)[0] == 200
    assert works(world, keeper) == 403


def test_an_agents_key_manages_its_own_keys_only(world: World) -> None:
    rights = ["keys:*", "refunds:read"]
    agents = made(world, owner=AGENT, scopes=rights)
    other = made(world, owner={"type": "agent", "id": "other-agent"}, scopes=rights)

    assert made(world, agents["key"], scopes=["refunds:read"])["owner"] == AGENT
    for owner in (other["owner"], {"type": "member", "id": world.organization.owner_id}):
        assert refused(world, agents["key"], owner=owner, scopes=["refunds:read"]) == (403, "unauthorized")
    assert world.call("DELETE", f"/v1/api-keys/{other['id']}", key=agents["key"])[0] == 403
    assert works(world, other["key"]) == 200
    assert world.call("DELETE", f"/v1/api-keys/{agents['id']}", key=agents["key"])[0] == 200
    assert works(world, agents["key"]) == 401


def test_an_agent_decides_approvals_only_where_a_member_says_so_and_passes_that_on_to_no_key(world: World) -> None:
    agents = made(world, owner=AGENT, scopes=["admin"])["key"]
    deciding = made(world, owner=AGENT, scopes=["admin", "approvals:decide"])

    assert deciding["scopes"] == ["admin", "approvals:decide"]
    for key in (agents, deciding["key"]):
        assert refused(world, key, scopes=["approvals:decide"]) == (403, "unauthorized")


@pytest.mark.parametrize(
    "owner",
    [
        {"type": "agent", "id": "mem_00000000000000000000000001"},
        {"type": "member", "id": "shopping-agent"},
        {"type": "member", "id": "mem_0000000000000000000000000U"},  # U is no letter of an id
        {"type": "agent", "id": "With Blanks"},
        {"type": "robot", "id": "x"},
        {"type": "agent"},
        "shopping-agent",
    ],
)
def test_an_owner_that_is_none_is_400(world: World, owner: object) -> None:
    assert refused(world, owners(world), owner=owner) == (400, "validation_error")


def test_a_member_of_nobody_or_of_another_organization_is_404_alike(world: World) -> None:
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    answers = [
        world.call("POST", "/v1/api-keys", {"name": "x", "owner": {"type": "member", "id": member}})[:2]
        for member in (other.owner_id, "mem_00000000000000000000000000")
    ]

    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["error"]["code"]) == (404, "not_found")


def test_another_organizations_key_is_404_like_one_that_never_was(world: World) -> None:
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    key = made(world)

    for method in ("GET", "DELETE"):
        expected = world.call(method, f"/v1/api-keys/{NEVER}")[:2]
        assert expected[0] == 404
        for foreign in (other.test_key, world.organization.live_key):
            assert world.call(method, f"/v1/api-keys/{key['id']}", key=foreign)[:2] == expected
    assert works(world, key["key"]) == 200


def test_keys_are_listed_newest_first_page_by_page(world: World) -> None:
    for number in range(5):
        world.clock.advance(minutes=1)
        headers = {"idempotency-key": f"k-{number}"}  # whose ids are in no order of time
        assert world.call("POST", "/v1/api-keys", {"name": f"Key {number}"}, headers=headers)[0] == 201

    status, first, _ = world.call("GET", "/v1/api-keys?limit=4")
    assert status == 200
    cursor = first["pagination"]["nextCursor"]
    rest = world.call("GET", f"/v1/api-keys?limit=4&cursor={cursor}")[1]
    by_offset = world.call("GET", "/v1/api-keys?limit=2&offset=4")[1]

    assert [key["name"] for key in first["data"]] == ["Key 4", "Key 3", "Key 2", "Key 1"]
    assert [key["name"] for key in rest["data"]] == ["Key 0", "First test key"]
    assert by_offset["data"] == rest["data"]
    assert (first["pagination"]["limit"], rest["pagination"]["nextCursor"]) == (4, None)
    foreign = world.call("GET", f"/v1/refunds?cursor={cursor}")
    assert (foreign[0], foreign[1]["error"]["code"]) == (400, "validation_error")


def test_every_answer_to_a_key_says_what_is_left_of_its_minute(world: World) -> None:
    secret = made(world, limitPerMinute=3)["key"]
    world.clock.advance(seconds=70)  # the clock stood at a full minute

    answers = [world.call("GET", f"/v1/refunds{path}", key=secret) for path in ("", "/ref_x", "?limit=0", "")]

    left = [(status, headers["ratelimit-remaining"]) for status, _, headers in answers]
    assert left == [(200, "2"), (404, "1"), (400, "0"), (429, "0")]
    assert {(headers["ratelimit-limit"], headers["ratelimit-reset"]) for _, _, headers in answers} == {("3", "50")}
    assert [headers.get("retry-after") for _, _, headers in answers] == [None, None, None, "50"]
    world.clock.advance(seconds=50)
    assert works(world, secret) == 200


def test_a_wrong_key_is_told_of_no_limit(world: World) -> None:
    headers = world.call("GET", "/v1/refunds", key="rk_test_nobody")[2]

    assert not [name for name in headers if re.match("ratelimit|retry", name)]
