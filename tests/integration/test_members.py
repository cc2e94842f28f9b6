"""Members through their routes: added, changed, deactivated; and what becomes of their keys."""

from __future__ import annotations

from typing import Any

import pytest
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.times import iso

from tests.integration.conftest import World
from tests.support.members import added, called, key_of
from tests.support.store_faults import TROUBLES, FaultyTransactions

NEVER = "mem_00000000000000000000000000"
LIMIT = {"amount": 100_000, "currency": "usd"}


def test_a_member_is_added_shown_listed_changed_deactivated_and_brought_back(world: World) -> None:
    anna = added(world, "approver", "Anna", approvalLimit=LIMIT, slackUserId="U0ANNA01")
    path = f"/v1/members/{anna['id']}"

    assert anna == {
        "id": anna["id"],
        "name": "Anna",
        "email": "Anna@example.com",
        "role": "approver",
        "approvalLimit": LIMIT,
        "slackUserId": "U0ANNA01",
        "active": True,
        "createdAt": iso(world.clock.now()),
        "deactivatedAt": None,
    }
    assert called(world, "GET", path) == (200, anna)
    assert called(world, "GET", path, key=world.organization.live_key) == (200, anna)
    listed = called(world, "GET", "/v1/members")[1]
    assert [each["id"] for each in listed] == [anna["id"], world.organization.owner_id]
    changed = called(world, "PATCH", path, {"email": "anna@example.org", "approvalLimit": None, "slackUserId": None})
    bare = {**anna, "email": "anna@example.org", "approvalLimit": None, "slackUserId": None}
    assert changed == (200, bare)
    assert called(world, "PATCH", path, {"name": None, "role": None, "active": None}) == (200, bare)
    gone = {**bare, "active": False, "deactivatedAt": iso(world.clock.now())}
    world.clock.advance(minutes=-1)
    assert called(world, "DELETE", path) == (200, gone)
    assert called(world, "DELETE", path) == (200, gone)
    assert called(world, "PATCH", path, {"active": True}) == (200, bare)


def test_lists_are_paged(world: World) -> None:
    for number in range(4):
        added(world, name=f"Clerk {number}")

    status, envelope, _ = world.call("GET", "/v1/members?limit=3")
    cursor = envelope["pagination"]["nextCursor"]
    rest = world.call("GET", f"/v1/members?limit=3&cursor={cursor}")[1]

    names = [each["name"] for each in (*envelope["data"], *rest["data"])]
    assert (status, names) == (200, ["Clerk 3", "Clerk 2", "Clerk 1", "Clerk 0", "Ada"])
    assert rest["pagination"]["nextCursor"] is None


def test_the_same_idempotency_key_adds_one_member(world: World) -> None:
    body, headers = {"name": "C", "email": "c@example.com", "role": "member"}, {"idempotency-key": "k-1"}
    first = world.call("POST", "/v1/members", body, headers=headers)
    again = world.call("POST", "/v1/members", body, headers=headers)

    assert (first[0], again[0], again[1]) == (201, 201, first[1])
    assert "idempotent-replayed" not in first[2]
    assert again[2]["idempotent-replayed"] == "true"
    other = {**body, "role": "admin"}
    assert called(world, "POST", "/v1/members", other, headers=headers) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    "wanted",
    [
        {"email": "ADA@example.com"},
        {"email": "Eve <eve@example.com>"},
        {"name": "Eve\r\nBcc: x"},
        {"role": "root"},
        {"approvalLimit": {"amount": 0, "currency": "usd"}},
        {"approvalLimit": {"amount": 1}},
        {"slackUserId": "<!here>"},
        {"active": False},
        {"id": NEVER},
    ],
    ids=str,
)
def test_what_cannot_be_a_member_is_refused(world: World, wanted: dict[str, Any]) -> None:
    body = {"name": "Eve", "email": "eve@example.com", "role": "member", **wanted}

    assert called(world, "POST", "/v1/members", body) == (400, "validation_error")
    assert len(called(world, "GET", "/v1/members")[1]) == 1


def test_the_last_owner_stays_and_nobody_raises_their_own_limit(world: World) -> None:
    own = f"/v1/members/{world.organization.owner_id}"
    for method, body in (("DELETE", None), ("PATCH", {"active": False}), ("PATCH", {"role": "admin"})):
        assert called(world, method, own, body) == (403, "unauthorized")
    max_ = added(world, "owner", "Max", approvalLimit=LIMIT)
    his, path = key_of(world, max_), f"/v1/members/{max_['id']}"
    for limit in (None, {**LIMIT, "amount": 100_001}):
        assert called(world, "PATCH", path, {"approvalLimit": limit}, key=his) == (403, "unauthorized")
    assert called(world, "PATCH", path, {"approvalLimit": {**LIMIT, "amount": 1}}, key=his)[0] == 200


def test_a_deactivated_members_keys_are_refused_at_once_in_both_modes_and_for_good(world: World) -> None:
    max_ = added(world, "admin", "Max")
    keys = [key_of(world, max_), key_of(world, max_, by=world.organization.live_key)]
    assert [called(world, "GET", "/v1/refunds", key=key)[0] for key in keys] == [200, 200]

    called(world, "DELETE", f"/v1/members/{max_['id']}")

    answers = [called(world, "GET", "/v1/refunds", key=key) for key in keys]
    assert answers == [(401, "invalid_api_key")] * 2
    body = {"name": "One", "owner": {"type": "member", "id": max_["id"]}, "scopes": ["refunds:read"]}
    assert called(world, "POST", "/v1/api-keys", body) == (403, "unauthorized")
    called(world, "PATCH", f"/v1/members/{max_['id']}", {"active": True})
    assert called(world, "GET", "/v1/refunds", key=keys[0]) == (401, "invalid_api_key")
    assert called(world, "POST", "/v1/api-keys", body)[0] == 201


def test_a_weaker_role_holds_for_the_keys_that_are_out(world: World) -> None:
    max_ = added(world, "admin", "Max")
    key = key_of(world, max_)

    called(world, "PATCH", f"/v1/members/{max_['id']}", {"role": "member"})

    assert called(world, "GET", "/v1/members", key=key)[0] == 200
    assert called(world, "POST", "/v1/members", {"name": "x"}, key=key) == (403, "unauthorized")


def test_who_left_decides_nothing_by_whatever_channel(world: World) -> None:
    anna = added(world, "approver", "Anna", approvalLimit=LIMIT)
    assert world.container.deciders.known(world.tenant, anna["id"]).limit is not None

    called(world, "DELETE", f"/v1/members/{anna['id']}")

    with pytest.raises(Denied):
        world.container.deciders.known(world.tenant, anna["id"])


def test_changes_are_written_down_without_names_and_addresses(world: World, logs: Any) -> None:
    anna = added(world, "member", "Anna")
    called(world, "PATCH", f"/v1/members/{anna['id']}", {"role": "approver", "email": "anna@example.org"})
    called(world, "PATCH", "/v1/organization", {"name": "Anna's"})

    trail = world.container.trail.of(world.tenant.org_id)
    assert [(each.command, each.target, each.channel) for each in trail if each.actor != "program"] == [
        ("members add", anna["id"], "api"),
        ("members change", anna["id"], "api"),
        ("organizations rename", world.tenant.org_id, "api"),
    ]
    assert dict(trail[-2].details) == {"changed": "email,role", "role": "approver", "roleBefore": "member"}
    written = str(trail) + str(logs())
    assert "Anna" not in written
    assert "@example" not in written


@pytest.mark.parametrize("trouble", TROUBLES)
def test_conflicts_and_lost_answers_change_a_member_once(
    world: World, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.container.ids, "pause", lambda _attempt: None)
    max_ = added(world, "admin", "Max")
    key = key_of(world, max_)
    faults = FaultyTransactions(world.container.client("dynamodb"))
    steps: list[tuple[str, str, Any]] = [
        ("POST", "/v1/members", {"name": "New", "email": "new@example.com", "role": "member"}),
        ("PATCH", f"/v1/members/{max_['id']}", {"role": "approver"}),
        ("DELETE", f"/v1/members/{max_['id']}", None),
        ("PATCH", "/v1/organization", {"name": "Acme Outdoor"}),
    ]
    for step in steps:
        faults.arm(trouble, times=6)
        assert called(world, *step)[0] in (200, 201), step
        assert faults.struck
    faults.remove()

    listed = called(world, "GET", "/v1/members")[1]
    assert [each["name"] for each in listed] == ["New", "Max", "Ada"]
    assert called(world, "GET", "/v1/refunds", key=key) == (401, "invalid_api_key")
    written = [each.command for each in world.container.trail.of(world.tenant.org_id)]
    made = ["members add", "members add", "members change", "members deactivate", "organizations rename"]
    assert written == ["organizations create", *made]
