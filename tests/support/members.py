"""Members over the API, and their keys."""

from __future__ import annotations

from typing import Any

from refundkit_core.domain.roles import RIGHTS, Role

from tests.integration.conftest import World


def called(world: World, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, Any]:
    """Status, and data or the error's code."""
    world.clock.advance(minutes=1)
    status, envelope, _ = world.call(method, path, body, **options)
    return status, envelope["error"]["code"] if envelope["data"] is None else envelope["data"]


def added(world: World, role: Role = "member", name: str = "", **fields: Any) -> dict[str, Any]:
    named = name or f"Sample {role}"
    body = {"name": named, "email": f"{named.replace(' ', '.')}@example.com", "role": role, **fields}
    status, member = called(world, "POST", "/v1/members", body)
    assert status == 201, member
    found: dict[str, Any] = member
    return found


def key_of(world: World, member: dict[str, Any], *scopes: str, by: str | None = None) -> str:
    """A key of a member with all that their role allows, unless told otherwise."""
    wanted = list(scopes) or sorted(RIGHTS[member["role"]])
    body = {"name": "One", "owner": {"type": "member", "id": member["id"]}, "scopes": wanted}
    status, key = called(world, "POST", "/v1/api-keys", body, **({"key": by} if by else {}))
    assert status == 201, key
    secret: str = key["key"]
    return secret


def agents_key(world: World, *scopes: str) -> str:
    body = {"name": "One", "owner": {"type": "agent", "id": "shopping-agent"}, "scopes": list(scopes)}
    secret: str = called(world, "POST", "/v1/api-keys", body)[1]["key"]
    return secret
