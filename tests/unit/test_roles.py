"""Roles: the table of rights, and what it makes of a key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.domain.errors import Denied
from refundkit_core.domain.rights import SCOPES, covers
from refundkit_core.domain.roles import RIGHTS, ROLES, Role, is_above, may_decide, role_may
from refundkit_core.domain.tenancy import Caller

from tests.support.builders import TENANT

CALLER = Caller(TENANT, "key_1", "mem_00000000000000000000000001", frozenset({"admin"}), "owner")
SCOPE = st.sampled_from(sorted(SCOPES))
ROLE = st.sampled_from(ROLES)


def test_the_table_of_rights() -> None:
    reading = {scope for scope in SCOPES if scope.endswith(":read")}

    assert {role: set(rights) for role, rights in RIGHTS.items()} == {
        "owner": SCOPES,
        "admin": SCOPES - {"members:write", "members:*"},
        "approver": reading | {"approvals:decide"},
        "member": reading,
    }
    assert {"refunds:read", "keys:read", "reports:read", "audit:read", "approvals:read"} <= reading


@pytest.mark.parametrize(("role", "decides"), [("owner", True), ("admin", True), ("approver", True), ("member", False)])
def test_who_decides_approvals(role: Role, decides: bool) -> None:
    assert may_decide(role) is decides


@given(upper=ROLE, lower=ROLE, scope=SCOPE)
def test_no_role_allows_more_than_the_one_above_it(upper: Role, lower: Role, scope: str) -> None:
    assert is_above(upper, lower) is (ROLES.index(upper) < ROLES.index(lower))
    if is_above(upper, lower):
        assert role_may(upper, scope) or not role_may(lower, scope)
        assert RIGHTS[lower] <= RIGHTS[upper]
        assert RIGHTS[lower] < RIGHTS[upper]


@given(role=ROLE, scopes=st.frozensets(SCOPE), wanted=SCOPE)
def test_a_members_key_does_what_it_grants_and_the_role_allows(role: Role, scopes: frozenset[str], wanted: str) -> None:
    caller = replace(CALLER, scopes=scopes, role=role)

    assert caller.may(wanted) is (covers(scopes, wanted, for_agent=False) and wanted in RIGHTS[role])


@given(scopes=st.frozensets(SCOPE), wanted=SCOPE)
def test_a_members_key_from_before_there_were_roles_is_an_owners(scopes: frozenset[str], wanted: str) -> None:
    old, owners = replace(CALLER, scopes=scopes, role=None), replace(CALLER, scopes=scopes)

    assert old.may(wanted) is owners.may(wanted)
    assert (old.member_role, owners.member_role) == ("owner", "owner")


@given(scopes=st.frozensets(SCOPE), wanted=st.sampled_from(["members:write", "members:*"]))
def test_an_agents_key_never_writes_members_whatever_it_grants(scopes: frozenset[str], wanted: str) -> None:
    agent = replace(CALLER, owner="shopping-agent", scopes=scopes | {"admin", "members:*", "members:write"}, role=None)

    assert not agent.may(wanted)
    assert agent.may("members:read")
    assert agent.member_role is None


def test_what_the_role_does_not_allow_is_said_otherwise_than_what_the_key_lacks() -> None:
    caller = replace(CALLER, role="member", scopes=frozenset({"refunds:write"}))

    with pytest.raises(Denied) as by_role:
        caller.insist_on("refunds:write")
    with pytest.raises(Denied) as by_key:
        caller.insist_on("refunds:read")

    assert by_role.value.message == "The role member does not allow refunds:write"
    assert by_key.value.message == "This key lacks the scope refunds:read"
