"""What every store of members promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb import keys as table_keys
from refundkit_core.adapters.dynamodb.api_keys import DynamoApiKeyStore
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.members import DynamoMemberStore
from refundkit_core.adapters.dynamodb.organizations import DynamoOrganizationStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor
from refundkit_core.application.member_ports import MemberStore
from refundkit_core.application.ports import ApiKeyStore
from refundkit_core.application.records import ApiKeyRecord, Organization
from refundkit_core.domain.errors import NotFound, StoreConflict, Unauthenticated
from refundkit_core.domain.members import Member, Role, Roster
from refundkit_core.domain.tenancy import Tenant

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.memory_members import MemoryKeyStore, MemoryMemberStore, limited, member

ORG, OTHER_ORG = TENANT.org_id, OTHER_TENANT.org_id
LIVE = Tenant(ORG, "live")
OWNER = member(1)
OTHER_OWNER = member(9, org_id=OTHER_ORG, email="Member-1@Example.com")
CLOCK = FixedClock()
AUDITOR = Auditor(CLOCK, CountingIds(CLOCK))


def entry(command: str = "members change") -> AuditEntry:
    return AUDITOR.entry(BY_PROGRAM, command, OWNER.id, ORG)


@dataclass
class Office:
    """Two organizations with an owner each, and the stores of members and keys."""

    members: MemberStore
    keys: ApiKeyStore

    def roster(self) -> Roster:
        return self.members.roster(ORG)

    def add(self, wanted: Member) -> Member:
        self.members.add(self.roster(), wanted, entry("members add"))
        return wanted

    def change(self, before: Member, *keys: ApiKeyRecord, **changes: Any) -> Member:
        after = replace(before, version=before.version + 1, **changes)
        self.members.change(self.roster(), before, after, keys, entry())
        return after

    def make_key(self, number: int, owner: Member, role: Role | None, tenant: Tenant = TENANT) -> ApiKeyRecord:
        made = ApiKeyRecord(
            id=f"key_{number:026d}",
            tenant=tenant,
            hash=f"{number:064d}",
            prefix="rk_test_aaaaaaaa",
            name="One",
            owner=owner.id if role else "shopping-agent",
            scopes=frozenset({"admin"}),
            created_at=START,
            expires_at=None,
            limit_per_minute=100,
            role=role,
        )
        self.keys.put(made, entry("keys create"))
        return made

    def role_of(self, key: ApiKeyRecord) -> Role | None:
        return self.keys.admit(key.hash, START).caller.role

    def found(self, member_id: str) -> Member:
        found = self.members.find(ORG, member_id)
        assert found is not None
        return found

    def delete_organization(self) -> None:
        if isinstance(self.members, MemoryMemberStore):
            self.members.deleted.add(ORG)
            return
        at = table_keys.organization(ORG)
        boto3.client("dynamodb").update_item(
            TableName="refundkit",
            Key={"pk": {"S": at.pk}, "sk": {"S": at.sk}},
            UpdateExpression="SET deleted = :at",
            ExpressionAttributeValues={":at": {"S": "2026"}},
        )


def organization(owner: Member) -> Organization:
    return Organization(owner.org_id, "acme", owner.id, owner.name, owner.email, b"s" * 32, START)


@pytest.fixture(params=["table", "memory"])
def office(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    if request.param == "memory":
        members = MemoryMemberStore(OWNER, OTHER_OWNER)
        yield Office(members, MemoryKeyStore(members))
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        settings = create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        box = SecretBox(lambda: boto3.client("kms"), settings["REFUNDKIT_KMS_KEY_ID"])
        organizations = DynamoOrganizationStore(table, box, CLOCK)
        for owner in (OWNER, OTHER_OWNER):
            organizations.create(organization(owner))
        yield Office(DynamoMemberStore(table), DynamoApiKeyStore(table))


def test_a_new_organization_has_its_owner(office: Office) -> None:
    assert office.roster() == Roster(ORG, 1, [OWNER])
    assert office.members.all(OTHER_ORG) == [OTHER_OWNER]
    assert office.members.find(OTHER_ORG, OWNER.id) is None
    with pytest.raises(NotFound):
        office.members.roster("org_00000000000000000000000003")


def test_a_member_reads_back_as_they_were_added(office: Office) -> None:
    plain = office.add(member(2, "member", created_at=START + timedelta(seconds=1)))
    full = office.add(
        member(3, "approver", approval_limit=limited(), slack_user="U012AB3CD", fingerprint="f", created_at=START)
    )

    assert [office.members.find(ORG, each.id) for each in (plain, full)] == [plain, full]
    assert office.roster() == Roster(ORG, 3, [OWNER, full, plain])


def test_a_member_is_found_by_address_in_whatever_letters_and_by_slack_user(office: Office) -> None:
    ada = office.add(member(2, "member", email="Ada@Example.com", slack_user="U012AB3CD"))

    assert office.members.by_email(ORG, "aDA@example.COM") == ada
    assert office.members.by_slack_user(ORG, "U012AB3CD") == ada
    assert office.members.by_email(OTHER_ORG, "ada@example.com") is None
    assert office.members.by_slack_user(OTHER_ORG, "U012AB3CD") is None


def test_a_person_is_found_in_every_organization_that_stands_and_where_they_are_active(office: Office) -> None:
    assert set(office.members.find_by_email_anywhere("MEMBER-1@example.com")) == {OWNER, OTHER_OWNER}
    assert office.members.find_by_email_anywhere("nobody@example.com") == []
    ada = office.add(member(2, "member", email="Ada@example.com"))
    assert office.members.find_by_email_anywhere("ada@EXAMPLE.com") == [ada]
    office.change(ada, active=False, deactivated_at=START)
    assert office.members.find_by_email_anywhere("ada@example.com") == []

    office.delete_organization()

    assert office.members.find_by_email_anywhere("member-1@example.com") == [OTHER_OWNER]


def test_a_member_is_found_by_the_address_that_they_have_now_and_the_old_one_is_free_for_others(office: Office) -> None:
    ada = office.add(member(2, "member", email="ada@example.com"))
    moved = office.change(ada, email="ada@example.org")
    assert office.members.find_by_email_anywhere("ada@example.com") == []
    assert office.members.find_by_email_anywhere("ADA@example.org") == [moved]

    bob = office.add(member(3, "member", email="Ada@Example.com"))
    again = office.change(moved, email="Ada@Example.org")
    assert office.members.find_by_email_anywhere("ada@example.com") == [bob]
    assert office.members.find_by_email_anywhere("ada@example.org") == [again]

    gone = office.change(bob, email="bob@example.com")
    back = office.change(again, email="ada@example.com")
    assert office.members.find_by_email_anywhere("ada@example.com") == [back]
    assert office.members.find_by_email_anywhere("bob@example.com") == [gone]


def test_what_was_decided_on_an_older_roster_is_refused(office: Office) -> None:
    stale = office.roster()
    ada = office.add(member(2, "owner"))

    with pytest.raises(StoreConflict):
        office.members.add(stale, member(3), entry())
    with pytest.raises(StoreConflict):
        office.members.change(stale, ada, replace(ada, role="member", version=2), (), entry())
    assert office.roster() == Roster(ORG, 2, [OWNER, ada])


def test_a_member_is_added_once_and_changed_from_what_they_are(office: Office) -> None:
    with pytest.raises(StoreConflict):
        office.members.add(office.roster(), member(1, "member"), entry())
    ada = office.add(member(2, "member", approval_limit=limited(), slack_user="U012AB3CD"))
    stronger = office.change(ada, role="approver", approval_limit=None, slack_user=None)

    assert office.found(ada.id) == stronger
    with pytest.raises(StoreConflict):
        office.members.change(office.roster(), ada, replace(ada, name="Eve", version=2), (), entry())
    assert office.found(ada.id) == stronger


def test_a_new_role_is_on_all_of_a_members_keys_at_once_and_on_no_other(office: Office) -> None:
    ada = office.add(member(2, "admin"))
    keys = [office.make_key(1, ada, "admin"), office.make_key(2, ada, "admin", LIVE)]
    owners, agents = office.make_key(3, OWNER, "owner"), office.make_key(4, ada, None)

    office.change(office.found(ada.id), *keys, role="approver")

    assert [office.role_of(key) for key in keys] == ["approver", "approver"]
    assert (office.role_of(owners), office.role_of(agents)) == ("owner", None)


def test_the_keys_of_whom_is_deactivated_are_refused(office: Office) -> None:
    ada = office.add(member(2, "admin"))
    key, other = office.make_key(1, ada, "admin"), office.make_key(2, OWNER, "owner")

    office.change(office.found(ada.id), key, active=False, deactivated_at=START)

    with pytest.raises(Unauthenticated):
        office.role_of(key)
    assert office.role_of(other) == "owner"
    stored = office.keys.find(TENANT, key.id)
    assert stored is not None
    assert stored.revoked_at == START


def test_a_key_that_is_made_between_the_reading_and_the_change_is_noticed(office: Office) -> None:
    ada = office.add(member(2, "admin"))
    office.make_key(1, ada, "admin")

    with pytest.raises(StoreConflict):
        office.members.change(office.roster(), ada, replace(ada, role="member", version=2), (), entry())
    assert office.found(ada.id) == replace(ada, keys_made=1)


def test_a_key_that_is_revoked_meanwhile_stops_the_change(office: Office) -> None:
    ada = office.add(member(2, "admin"))
    key = office.make_key(1, ada, "admin")
    known = office.found(ada.id)
    office.keys.revoke(key, START, entry("keys revoke"))

    for changes in ({"role": "member"}, {"active": False, "deactivated_at": START}):
        with pytest.raises(StoreConflict):
            office.change(known, key, **changes)
    assert office.found(ada.id) == known


def test_no_key_is_made_for_a_role_that_its_owner_has_not_any_more(office: Office) -> None:
    ada = office.add(member(2, "admin"))
    weaker = office.change(ada, role="member")

    with pytest.raises(StoreConflict):
        office.make_key(1, ada, "admin")
    office.make_key(2, ada, "member")
    office.change(replace(weaker, keys_made=1), active=False, deactivated_at=START)
    with pytest.raises(StoreConflict):
        office.make_key(3, ada, "member")
    with pytest.raises(StoreConflict):
        office.make_key(4, member(7), "owner")
    assert [key.id[-1] for key in office.keys.of(TENANT)] == ["2"]


def test_nothing_is_made_or_changed_in_a_deleted_organization(office: Office) -> None:
    roster = office.roster()
    office.delete_organization()

    with pytest.raises(NotFound):
        office.roster()
    with pytest.raises(StoreConflict):
        office.members.add(roster, member(2), entry())
    with pytest.raises(StoreConflict):
        office.members.change(roster, OWNER, replace(OWNER, name="Eve", version=2), (), entry())
    for role in ("owner", None):
        with pytest.raises(StoreConflict):
            office.make_key(1, OWNER, role)


def test_every_change_is_written_down_with_it(office: Office) -> None:
    ada = office.add(member(2, "member"))
    office.change(ada, role="approver")

    with pytest.raises(StoreConflict):
        office.members.change(Roster(ORG, 1, ()), ada, ada, (), entry("members never"))
    if isinstance(office.members, MemoryMemberStore):
        trail = list(office.members.trail)
    else:
        trail = list(DynamoAuditTrail(Table(boto3.client("dynamodb"), "refundkit")).of(ORG))
    assert [each.command for each in trail] == ["members add", "members change"]


class TestOrganizationsOfTheFirstRelease:
    """They have one item for their owner, of four attributes, and no counter."""

    @pytest.fixture
    def store(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoMemberStore]:
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        with mock_aws():
            create_parts()
            self.table = Table(boto3.client("dynamodb"), "refundkit")
            at, owner = table_keys.organization(ORG), table_keys.member(ORG, OWNER.id)
            created = "2026-11-20T12:00:00.000Z"
            self.table.put({"pk": at.pk, "sk": at.sk, "name": "acme", "secret": b"s", "created": created})
            stored = {"name": OWNER.name, "email": OWNER.email, "role": "owner", "created": created}
            self.table.put({"pk": owner.pk, "sk": owner.sk, **stored})
            yield DynamoMemberStore(self.table)

    def test_their_owner_is_a_member_like_others(self, store: DynamoMemberStore) -> None:
        assert store.roster(ORG) == Roster(ORG, 0, [OWNER])
        assert store.by_email(ORG, OWNER.email.upper()) == OWNER
        assert store.find_by_email_anywhere(OWNER.email) == []

    def test_the_first_change_of_anybody_makes_the_owner_be_found_anywhere(self, store: DynamoMemberStore) -> None:
        store.add(store.roster(ORG), member(2, "member"), entry())

        assert store.find_by_email_anywhere(OWNER.email) == [OWNER]
        assert store.roster(ORG).version == 1
        with pytest.raises(StoreConflict):
            store.add(Roster(ORG, 0, [OWNER]), member(3), entry())

    def test_the_owner_is_found_by_a_new_address_only(self, store: DynamoMemberStore) -> None:
        after = replace(OWNER, email="ada@example.org", version=2)
        store.change(store.roster(ORG), OWNER, after, (), entry())

        assert store.find_by_email_anywhere("ada@example.org") == [after]
        assert store.find_by_email_anywhere(OWNER.email) == []

    def test_the_owner_can_be_changed_and_gets_keys(self, store: DynamoMemberStore) -> None:
        key_store = DynamoApiKeyStore(self.table)
        key = Office(store, key_store).make_key(1, OWNER, "owner")
        counted = replace(OWNER, keys_made=1)
        assert store.find(ORG, OWNER.id) == counted

        after = replace(counted, name="Ada", version=2)
        store.change(store.roster(ORG), counted, after, [key], entry())

        assert store.find(ORG, OWNER.id) == after
        assert store.find_by_email_anywhere(OWNER.email) == [after]

    def test_a_key_from_before_there_were_roles_is_an_owners_until_its_owner_is_one_no_more(
        self, store: DynamoMemberStore
    ) -> None:
        office = Office(store, DynamoApiKeyStore(self.table))
        key = replace(office.make_key(1, OWNER, None), owner=OWNER.id, id="key_00000000000000000000000002", hash="b")
        office.keys.put(key)
        caller = office.keys.admit("b", START).caller
        assert (caller.role, caller.member_role, caller.may("members:write")) == (None, "owner", True)

        after = replace(OWNER, role="member", version=2)
        store.change(store.roster(ORG), OWNER, after, [key], entry())

        caller = office.keys.admit("b", START).caller
        assert (caller.member_role, caller.may("members:write"), caller.may("members:read")) == ("member", False, True)
