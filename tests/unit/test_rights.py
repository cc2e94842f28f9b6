"""What a key may do: exactly what its scopes say, and an agent decides only where that is said by name."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.rights import DEFAULT_SCOPES, SCOPES, covers, is_agent_name
from refundkit_core.domain.tenancy import Caller

from tests.support.builders import TENANT

MEMBER = Caller(TENANT, "key_1", "mem_00000000000000000000000001", frozenset({"refunds:read"}))
AGENT = replace(MEMBER, owner="support-bot")


def may(caller: Caller, scopes: str, wanted: str) -> bool:
    return replace(caller, scopes=frozenset(scopes.split())).may(wanted)


@pytest.mark.parametrize("caller", [MEMBER, AGENT])
@pytest.mark.parametrize(
    ("scopes", "wanted", "allowed"),
    [
        ("", "refunds:read", False),
        ("refunds:read", "refunds:read", True),
        ("refunds:read", "refunds:write", False),
        ("refunds:write", "refunds:read", False),
        ("returns:*", "returns:read", True),
        ("returns:*", "returns:write", True),
        ("returns:*", "refunds:read", False),
        ("returns:read", "returns:*", False),
        ("admin", "refunds:write", True),
        ("admin", "keys:write", True),
        ("admin", "admin", True),
        ("keys:*", "admin", False),
        ("approvals:decide", "approvals:decide", True),
        ("approvals:read", "approvals:decide", False),
    ],
)
def test_a_right_is_given_by_itself_its_family_or_admin(
    caller: Caller, scopes: str, wanted: str, allowed: bool
) -> None:
    assert may(caller, scopes, wanted) is allowed


def test_only_members_decide_approvals_by_being_admin() -> None:
    assert may(MEMBER, "admin", "approvals:decide")
    assert not may(AGENT, "admin", "approvals:decide")
    assert may(AGENT, "admin approvals:decide", "approvals:decide")
    assert may(AGENT, "admin", "approvals:read")


@pytest.mark.parametrize(
    ("owner", "agent"),
    [
        ("mem_00000000000000000000000001", False),
        ("support-bot", True),
        ("mem_", True),
        ("mem_bot", True),
        ("org_00000000000000000000000001", True),
    ],
)
def test_whoever_is_no_member_is_an_agent(owner: str, agent: bool) -> None:
    assert replace(MEMBER, owner=owner).is_agent is agent


def test_a_missing_right_is_denied_by_its_name() -> None:
    MEMBER.insist_on("refunds:read")

    with pytest.raises(Denied) as denied:
        MEMBER.insist_on("refunds:write")

    assert denied.value.message == "This key lacks the scope refunds:write"


def test_who_asks_cannot_be_changed_on_the_way() -> None:
    with pytest.raises(FrozenInstanceError):
        MEMBER.scopes = frozenset({"admin"})  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        TENANT.environment = "live"  # type: ignore[misc]


def test_the_rights_that_there_are() -> None:
    families = {
        "refunds": "read write",
        "policies": "read write",
        "returns": "read write *",
        "credits": "read write",
        "approvals": "read decide",
        "webhooks": "read write *",
        "reports": "read",
        "transactions": "write",
        "members": "read write *",
        "audit": "read",
        "keys": "read write *",
    }

    named = {f"{family}:{right}" for family, rights in families.items() for right in rights.split()}
    assert named | {"admin"} == SCOPES


def test_a_new_key_may_ask_open_and_read_refunds_and_decide_nothing() -> None:
    assert {wanted for wanted in SCOPES if covers(DEFAULT_SCOPES, wanted, for_agent=False)} == {
        "refunds:read",
        "refunds:write",
        "policies:read",
    }


@pytest.mark.parametrize("name", ["a", "0", "shopping-agent", "agent.v2", "a" * 64])
def test_an_agents_name_is_small_letters_digits_dots_and_hyphens(name: str) -> None:
    assert is_agent_name(name) is True


@pytest.mark.parametrize("name", ["", "-a", ".a", "Agent", "an agent", "mem_1", "a" * 65, "agent\n", "ágent"])
def test_nothing_else_is_an_agents_name(name: str) -> None:
    assert is_agent_name(name) is False
