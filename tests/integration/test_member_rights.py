"""Each role × each route of members and their organization."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from refundkit_core.domain.roles import ROLES

from tests.integration.conftest import World, made_world
from tests.support.members import added, agents_key, called, key_of


class Company:
    """A world with a member of each role, who has a key of all that the role allows, and an agent with all rights."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.members = {role: added(world, role) for role in ROLES}
        self.keys: dict[str, str] = {role: key_of(world, member) for role, member in self.members.items()}
        self.keys["agent"] = agents_key(world, "admin", "members:read")
        self.subjects = {role: added(world, role, f"Subject {role}")["id"] for role in ROLES}


@pytest.fixture(scope="module")
def company(sandbox_server: Any) -> Iterator[Company]:
    with made_world(sandbox_server) as world:
        yield Company(world)


ALLOWED: dict[str, str] = {
    "POST /v1/members owner": "owner",
    "POST /v1/members admin": "owner",
    "POST /v1/members approver": "owner",
    "POST /v1/members member": "owner",
    "GET /v1/members": "owner admin approver member agent",
    "GET /v1/members/{owner}": "owner admin approver member agent",
    "PATCH /v1/members/{owner}": "owner",
    "PATCH /v1/members/{admin}": "owner",
    "PATCH /v1/members/{approver}": "owner",
    "PATCH /v1/members/{member}": "owner",
    "DELETE /v1/members/{owner}": "owner",
    "DELETE /v1/members/{admin}": "owner",
    "DELETE /v1/members/{approver}": "owner",
    "DELETE /v1/members/{member}": "owner",
    "GET /v1/organization": "owner admin approver member agent",
    "PATCH /v1/organization": "owner admin",
}
"""Who may do what: the route, and the role that is given or changed."""


@pytest.mark.parametrize("who", [*ROLES, "agent"])
@pytest.mark.parametrize("asked_for", ALLOWED)
def test_each_role_does_what_the_table_says(company: Company, who: str, asked_for: str) -> None:
    world, (method, path, *given) = company.world, asked_for.split()
    for role, subject in company.subjects.items():
        path = path.replace(f"{{{role}}}", subject)
    body: Any = {"POST": None, "PATCH": {"name": f"By {who}"}}.get(method)
    if given:
        number = world.clock.now().timestamp()
        body = {"name": "New", "email": f"{who}-{given[0]}-{number}@example.com", "role": given[0]}

    status, answer = called(world, method, path, body, key=company.keys[who])

    if who in ALLOWED[asked_for].split():
        assert status in (200, 201), answer
        if method == "DELETE":
            called(world, "PATCH", path, {"active": True})
        return
    assert (status, answer) == (403, "unauthorized")


def test_nobody_but_an_owner_deletes_the_organization(company: Company) -> None:
    for who in ("admin", "approver", "member", "agent"):
        answer = called(company.world, "DELETE", "/v1/organization", key=company.keys[who])
        assert answer == (403, "unauthorized"), who
    assert called(company.world, "GET", "/v1/organization")[0] == 200
