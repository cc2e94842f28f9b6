"""Who may change whom, what becomes of their keys, and what always holds for all members together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.application.audit import AuditEntry, By
from refundkit_core.application.manage_members import (
    MAX_KEYS_AT_ONCE,
    AddedMember,
    ManageMembers,
    MemberChange,
    WantedMember,
)
from refundkit_core.application.records import ApiKeyRecord, Slice
from refundkit_core.domain.errors import Denied, IdempotencyKeyReused, Invalid, NotFound, StoreConflict
from refundkit_core.domain.members import MAX_MEMBERS, Member, Roster
from refundkit_core.domain.money import Money
from refundkit_core.domain.roles import ROLES, Role
from refundkit_core.domain.tenancy import Caller, Tenant

from tests.support.builders import TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fake_processor import FakeOrganizations
from tests.support.memory_members import MemoryKeyStore, MemoryMemberStore, limited, member

ORG = TENANT.org_id
BY = By("mem_1 (key_1)")
OWNER, ADMIN, APPROVER, CLERK = (member(number, role) for number, role in enumerate(ROLES, start=1))
CARA = WantedMember("Cara", "cara@example.com", "member")


class BusyMembers(MemoryMemberStore):
    """Members of whom somebody else changes one before the next write."""

    meanwhile: Callable[[], object] | None = None

    def add(self, roster: Roster, member: Member, audit: AuditEntry) -> None:
        self._be_slower()
        super().add(roster, member, audit)

    def change(
        self, roster: Roster, before: Member, after: Member, keys: object, audit: AuditEntry
    ) -> None:  # the keys are those of the base class
        self._be_slower()
        super().change(roster, before, after, keys, audit)  # type: ignore[arg-type]

    def _be_slower(self) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()


class Office:
    """The use case over stores in memory, with one member of each role unless told otherwise."""

    def __init__(self, *members: Member) -> None:
        self.clock = FixedClock()
        self.members = BusyMembers(*(members or (OWNER, ADMIN, APPROVER, CLERK)))
        self.keys = MemoryKeyStore(self.members)
        self.ids = CountingIds(self.clock)
        self.manage = ManageMembers(self.members, self.keys, FakeOrganizations(), self.clock, self.ids)

    def as_(self, who: Member) -> Caller:
        return Caller(TENANT, "key_1", who.id, frozenset({"admin"}), who.role)

    def add(self, by: Member, wanted: WantedMember = CARA, key: str | None = None) -> AddedMember:
        return self.manage.add_for(self.as_(by), wanted, key, BY)

    def change(self, by: Member, whom: Member, **wanted: object) -> Member:
        return self.manage.change_for(self.as_(by), whom.id, MemberChange(**wanted), BY)  # type: ignore[arg-type]

    def key_of(self, owner: Member, number: int = 1, **changes: object) -> ApiKeyRecord:
        stands = self.now(owner)
        made = ApiKeyRecord(
            id=f"key_{number:026d}",
            tenant=TENANT,
            hash=f"{number}",
            prefix="rk_test_aaaaaaaa",
            name="One",
            owner=owner.id,
            scopes=frozenset({"admin"}),
            created_at=START,
            expires_at=None,
            limit_per_minute=100,
            role=stands.role,
        )
        made = replace(made, **changes)  # type: ignore[arg-type]
        self.keys.put(made)
        return made

    def now(self, whom: Member) -> Member:
        found = self.members.find(ORG, whom.id)
        assert found is not None
        return found


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_member_is_what_was_wanted(office: Office) -> None:
    wanted = WantedMember("Anna", "Anna@example.com", "approver", limited(), "U0ANNA01")
    added = office.add(OWNER, wanted).member

    assert added == Member(
        added.id,
        ORG,
        "Anna",
        "Anna@example.com",
        "approver",
        START,
        approval_limit=limited(),
        slack_user="U0ANNA01",
        fingerprint=wanted.fingerprint,
    )
    assert office.now(added) == added


@pytest.mark.parametrize("giver", [OWNER, ADMIN, APPROVER, CLERK], ids=ROLES)
@pytest.mark.parametrize("given_role", ROLES)
def test_owners_make_everybody_and_others_nobody(giver: Member, given_role: Role) -> None:
    office = Office()
    wanted = CARA._replace(role=given_role)

    if giver is OWNER:
        assert office.add(giver, wanted).member.role == given_role
        return
    with pytest.raises(Denied):
        office.add(giver, wanted)
    assert len(office.members.all(ORG)) == 4


@pytest.mark.parametrize("changer", [OWNER, ADMIN, APPROVER, CLERK], ids=ROLES)
@pytest.mark.parametrize("changed", [member(number, role) for number, role in enumerate(ROLES, start=11)], ids=ROLES)
@pytest.mark.parametrize("wanted", [{"name": "Eve"}, {"active": False}, {"role": "member"}, {"slack_user": "U0EVE"}])
def test_who_may_change_whom(changer: Member, changed: Member, wanted: dict[str, object]) -> None:
    office = Office(OWNER, ADMIN, APPROVER, CLERK, changed)

    if changer is OWNER:
        office.change(changer, changed, **wanted)
        return
    with pytest.raises(Denied):
        office.change(changer, changed, **wanted)
    assert office.now(changed) == changed


def test_an_agent_and_whoever_left_change_nothing(office: Office) -> None:
    ex_owner = member(9, "owner", active=False, deactivated_at=START)
    gone = Office(OWNER, ex_owner)
    agent = Caller(TENANT, "key_1", "shopping-agent", frozenset({"admin", "members:*"}))

    asked: list[Callable[[], object]] = [
        lambda: office.manage.add_for(agent, CARA, None, BY),
        lambda: office.manage.change_for(agent, CLERK.id, MemberChange(name="Eve"), BY),
        lambda: gone.add(ex_owner),
    ]
    for ask in asked:
        with pytest.raises(Denied) as refused:
            ask()
        assert refused.value.message == "Members are managed by active owners"


def test_who_is_an_owner_no_more_meanwhile_is_judged_again() -> None:
    second = member(9, "owner")
    office = Office(OWNER, second)
    office.members.meanwhile = lambda: office.members.replace(replace(second, role="admin", version=2))

    with pytest.raises(Denied):
        office.add(second)
    assert len(office.members.all(ORG)) == 2


@pytest.mark.parametrize("wanted", [{"active": False}, {"role": "admin"}])
def test_of_two_owners_who_remove_each_other_at_once_one_stays(wanted: dict[str, object]) -> None:
    other = member(5)
    office = Office(OWNER, other)
    office.members.meanwhile = lambda: office.members.replace(replace(OWNER, role="member", version=2))

    with pytest.raises(Denied):
        office.change(OWNER, other, **wanted)
    assert office.now(other) == other


@pytest.mark.parametrize("wanted", [{"active": False}, {"role": "admin"}])
def test_the_last_active_owner_stays_even_where_an_operator_asks(office: Office, wanted: dict[str, object]) -> None:
    change = MemberChange(**wanted)  # type: ignore[arg-type]
    with pytest.raises(Denied):
        office.change(OWNER, OWNER, **wanted)
    with pytest.raises(Denied):
        office.manage.change(ORG, OWNER.id, change, BY)
    assert office.now(OWNER) == OWNER


def test_nobody_raises_their_own_limit_and_everybody_may_lower_it() -> None:
    limits = {"had": Money(500, "usd"), "more": Money(501, "usd"), "less": Money(499, "usd"), "other": Money(1, "eur")}
    limited_owner = replace(OWNER, approval_limit=limits["had"])
    office = Office(limited_owner, member(2))

    for wanted in (limits["more"], limits["other"], None):
        with pytest.raises(Denied) as refused:
            office.change(OWNER, OWNER, approval_limit=wanted)
        assert refused.value.message == "Nobody raises their own approval limit: another member has to"
    assert office.change(OWNER, OWNER, approval_limit=limits["less"]).approval_limit == limits["less"]
    assert office.change(member(2), OWNER, approval_limit=None).approval_limit is None
    assert office.change(OWNER, OWNER, approval_limit=limits["other"]).approval_limit == limits["other"]


def test_what_is_not_named_stays_and_what_stands_already_is_not_written(office: Office) -> None:
    full = replace(CLERK, approval_limit=limited(), slack_user="U0CARA01")
    office.members.replace(full)

    renamed = office.change(OWNER, full, name="Cara")
    assert renamed == replace(full, name="Cara", version=2)
    assert office.change(OWNER, full, name="Cara", role="member", active=True) == renamed
    bare = office.change(OWNER, full, approval_limit=None, slack_user=None)
    assert (bare.approval_limit, bare.slack_user, bare.version) == (None, None, 3)
    assert [entry.command for entry in office.members.trail] == ["members change"] * 2


def test_a_new_role_is_on_the_keys_and_a_deactivation_revokes_them_for_good(office: Office) -> None:
    live = Tenant(ORG, "live")
    keys = [office.key_of(ADMIN, 1), office.key_of(ADMIN, 2, tenant=live)]
    others = office.key_of(OWNER, 3)

    office.change(OWNER, ADMIN, role="approver")
    assert [office.keys.records[key.id].role for key in keys] == ["approver", "approver"]
    gone = office.change(OWNER, ADMIN, active=False)
    back = office.change(OWNER, ADMIN, active=True)

    assert (gone.deactivated_at, back.active, back.deactivated_at) == (START, True, None)
    assert [office.keys.records[key.id].revoked_at for key in keys] == [START, START]
    assert office.keys.records[others.id] == others


def test_a_member_with_many_keys_loses_all_of_them_and_keeps_their_role_until_some_are_gone(office: Office) -> None:
    for number in range(MAX_KEYS_AT_ONCE + 5):
        office.key_of(ADMIN, number)
    expired = office.key_of(ADMIN, 99, expires_at=START - timedelta(seconds=1))

    with pytest.raises(Denied) as refused:
        office.change(OWNER, ADMIN, role="member")
    assert refused.value.message == "This member has more than 40 valid keys: revoke some first"
    office.change(OWNER, ADMIN, active=False)

    left = [key.id for key in office.keys.records.values() if key.revoked_at is None]
    assert left == [expired.id]


def test_a_key_that_is_made_meanwhile_is_revoked_too(office: Office) -> None:
    office.members.meanwhile = lambda: office.key_of(ADMIN, 7)

    office.change(OWNER, ADMIN, active=False)

    assert [key.revoked_at for key in office.keys.records.values()] == [START]


def test_the_same_idempotency_key_adds_one_member_and_another_body_is_refused(office: Office) -> None:
    first, again = office.add(OWNER, key="k-1"), office.add(OWNER, key="k-1")

    assert (first.replayed, again.replayed, again.member) == (False, True, first.member)
    with pytest.raises(IdempotencyKeyReused):
        office.add(OWNER, CARA._replace(role="admin"), key="k-1")
    assert len(office.members.all(ORG)) == 5


def test_an_address_and_a_slack_user_are_one_members(office: Office) -> None:
    office.add(OWNER, CARA._replace(slack_user="U0CARA01"))

    with pytest.raises(Invalid):
        office.add(OWNER, CARA._replace(email="CARA@example.com"))
    with pytest.raises(Invalid):
        office.change(OWNER, CLERK, email="cara@EXAMPLE.com")
    with pytest.raises(Invalid):
        office.change(OWNER, CLERK, slack_user="U0CARA01")
    with pytest.raises(Invalid):
        office.change(OWNER, CLERK, name="Bcc:\nx")


def test_an_organization_has_room_for_a_thousand() -> None:
    office = Office(*(member(number) for number in range(1, MAX_MEMBERS + 1)))

    with pytest.raises(Invalid):
        office.add(member(1))


def test_what_is_written_down_names_ids_roles_and_fields_only(office: Office) -> None:
    added = office.add(OWNER).member
    office.change(OWNER, added, name="Eve", email="eve@example.com", role="approver")
    office.change(OWNER, added, active=False)
    office.change(OWNER, added, active=True)

    assert [(entry.command, entry.target, dict(entry.details)) for entry in office.members.trail] == [
        ("members add", added.id, {"role": "member"}),
        ("members change", added.id, {"changed": "name,email,role", "role": "approver", "roleBefore": "member"}),
        ("members deactivate", added.id, {"role": "approver"}),
        ("members reactivate", added.id, {"role": "approver"}),
    ]
    assert {entry.whose for entry in office.members.trail} == {ORG}
    assert "@" not in str(office.members.trail)


def test_members_are_listed_newest_first_page_by_page() -> None:
    everyone = [member(number, created_at=START + timedelta(seconds=number % 3)) for number in range(1, 8)]
    office = Office(*everyone)
    expected = [each.id for each in sorted(everyone, key=lambda each: (each.created_at, each.id), reverse=True)]

    first = office.manage.page(TENANT, Slice(3, 0, None))
    second = office.manage.page(TENANT, Slice(3, 0, first.next_cursor))
    third = office.manage.page(TENANT, Slice(3, 0, second.next_cursor))

    assert [each.id for page in (first, second, third) for each in page.found] == expected
    assert third.next_cursor is None
    assert [each.id for each in office.manage.page(TENANT, Slice(2, 5, None)).found] == expected[5:]
    with pytest.raises(Invalid):
        office.manage.page(Tenant(ORG, "live"), Slice(3, 0, first.next_cursor))


def test_unknown_members_and_organizations_are_not_found(office: Office) -> None:
    for missing in ("mem_00000000000000000000000099", "eve"):
        with pytest.raises(NotFound):
            office.manage.show(ORG, missing)
    with pytest.raises(NotFound):
        office.change(OWNER, member(99), name="Eve")
    with pytest.raises(NotFound):
        office.manage.add("org_00000000000000000000000099", CARA, BY)


def test_who_never_gets_the_write_through_is_told(office: Office) -> None:
    def always() -> None:
        office.members.replace(replace(CLERK, version=office.now(CLERK).version + 1))
        office.members.meanwhile = always

    office.members.meanwhile = always
    with pytest.raises(StoreConflict):
        office.change(OWNER, APPROVER, name="Eve")
    assert len(office.ids.pauses) == 20


PEOPLE = [member(number, role) for number, role in enumerate((*ROLES, "owner", "admin"), start=1)]
STEP = st.tuples(
    st.sampled_from(PEOPLE),
    st.sampled_from(PEOPLE),
    st.fixed_dictionaries({}, optional={"role": st.sampled_from(ROLES), "active": st.booleans()}),
)


@given(steps=st.lists(STEP, max_size=25))
def test_there_is_always_an_active_owner_and_owners_alone_change_members(
    steps: list[tuple[Member, Member, dict[str, object]]],
) -> None:
    office = Office(*PEOPLE)
    for number, each in enumerate(PEOPLE, start=1):
        office.key_of(each, number)

    for actor, target, wanted in steps:
        acting, before = office.now(actor), office.now(target)
        try:
            after = office.manage.change_for(office.as_(acting), target.id, MemberChange(**wanted), BY)  # type: ignore[arg-type]
        except Denied:
            after = office.now(target)
            assert after == before
        if after != before:
            assert acting.active
            assert acting.role == "owner"
        everyone = office.members.all(ORG)
        assert any(each.active and each.role == "owner" for each in everyone)
        for key in office.keys.records.values():
            owner = next(each for each in everyone if each.id == key.owner)
            assert key.revoked_at is not None or (owner.active and key.role == owner.role)
