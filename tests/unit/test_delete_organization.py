"""The end of an organization: who may ask, what has to be settled, and what a death in between leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest
from refundkit_core.application.audit import AuditEntry, By
from refundkit_core.application.delete_organization import DeleteOrganization
from refundkit_core.application.manage_organization import ManageOrganization
from refundkit_core.application.organization_ports import OrganizationState
from refundkit_core.application.records import ApiKeyRecord
from refundkit_core.domain.errors import Denied, Detail, Invalid, NotFound, OrganizationNotSettled, StoreConflict
from refundkit_core.domain.members import Member, Roster
from refundkit_core.domain.tenancy import Caller, Tenant
from refundkit_core.domain.webhooks import Endpoint, Secret

from tests.support.builders import TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fake_processor import FakeConnections
from tests.support.memory_members import MemoryKeyStore, MemoryMemberStore, member
from tests.support.memory_organizations import ListedWork, MemoryOrganizationBook
from tests.support.memory_webhooks import MemoryEndpointStore, MemoryGates

ORG = TENANT.org_id
ACME = OrganizationState(ORG, "acme", START)
OWNER, ADMIN = member(1), member(2, "admin")
BY = By("mem_1 (key_1)")
OWN_KEY = "key_00000000000000000000000001"


class BusyBook(MemoryOrganizationBook):
    """A book to which something happens right before the deletion is written."""

    meanwhile: Callable[[], None] | None = None

    def delete(self, roster: Roster, mark: str, at: datetime, audit: AuditEntry) -> None:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        super().delete(roster, mark, at, audit)


class Office:
    """The use cases over stores in memory; the owner has a test key, an agent and the admin one in each mode."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.members = MemoryMemberStore(OWNER, ADMIN, replace(member(3), active=False, deactivated_at=START))
        self.keys = MemoryKeyStore(self.members)
        self.book = BusyBook(self.members, ACME)
        self.work = ListedWork()
        self.connections = FakeConnections()
        self.ids = CountingIds(self.clock)
        for number, (owner, environment) in enumerate(
            [(OWNER.id, "test"), ("shopping-agent", "test"), (ADMIN.id, "test"), (ADMIN.id, "live")], start=1
        ):
            self._key(number, owner, Tenant(ORG, "live" if environment == "live" else "test"))
        self.endpoints = MemoryEndpointStore(MemoryGates())
        self.delete = DeleteOrganization(
            self.book, self.members, self.work, self.connections, self.keys, self.endpoints, self.clock, self.ids
        )
        self.manage = ManageOrganization(self.book, self.clock, self.ids)

    def _key(self, number: int, owner: str, tenant: Tenant) -> None:
        role = {OWNER.id: OWNER.role, ADMIN.id: ADMIN.role}.get(owner)
        record = ApiKeyRecord(
            id=f"key_{number:026d}",
            tenant=tenant,
            hash=f"{number}",
            prefix="rk_test_aaaaaaaa",
            name="One",
            owner=owner,
            scopes=frozenset({"admin"}),
            created_at=START,
            expires_at=None,
            limit_per_minute=100,
            role=role,
        )
        self.keys.put(record)

    def valid_keys(self) -> list[str]:
        return [key.id for key in self.keys.records.values() if key.revoked_at is None]


def caller(who: Member | str = OWNER) -> Caller:
    owner, role = (who, None) if isinstance(who, str) else (who.id, who.role)
    return Caller(TENANT, OWN_KEY, owner, frozenset({"admin"}), role)


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_owner_deletes_what_is_settled_and_every_key_and_connection_ends(office: Office) -> None:
    deleted = office.delete(caller(), BY)

    assert deleted == office.book.find(ORG) == ACME._replace(deleted_at=START)
    assert office.valid_keys() == []
    assert office.connections.connection.status == "inactive"
    assert [entry.command for entry in office.book.trail] == ["organizations delete"]


@pytest.mark.parametrize("who", [ADMIN, "shopping-agent", member(3), member(99)], ids=["admin", "agent", "ex", "none"])
def test_nobody_else_does(office: Office, who: Member | str) -> None:
    with pytest.raises(Denied) as refused:
        office.delete(caller(who), BY)

    assert refused.value.message == "An organization is deleted by one of its owners"
    assert (office.book.find(ORG), office.book.closed) == (ACME, {})


def test_what_is_open_is_counted_and_named_and_the_organization_opens_again(office: Office) -> None:
    office.work.open_refunds = ["ref_1", "ref_2", "ref_3", "ref_4"]
    office.work.open_approvals = ["apr_4"]

    with pytest.raises(OrganizationNotSettled) as refused:
        office.delete(caller(), BY)

    assert refused.value.details == (
        Detail("refunds", "4: ref_1, ref_2, ref_3 and others"),
        Detail("approvals", "1: apr_4"),
    )
    assert (office.book.find(ORG), office.book.closed, len(office.valid_keys())) == (ACME, {}, 4)


def test_nothing_is_looked_for_before_the_organization_is_closed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refund that is opened after the look would be missed."""
    closed_at_the_look: list[bool] = []

    def look(org_id: str) -> list[str]:
        closed_at_the_look.append(org_id in office.book.closed)
        return []

    monkeypatch.setattr(office.work, "refunds", look)
    monkeypatch.setattr(office.work, "approvals", look)
    office.delete(caller(), BY)

    assert closed_at_the_look == [True, True]


def test_whoever_reopens_it_meanwhile_makes_the_look_be_done_again(office: Office) -> None:
    def reopened_and_used() -> None:
        office.book.closed.clear()
        office.work.open_refunds = ["ref_1"]

    office.book.meanwhile = reopened_and_used

    with pytest.raises(OrganizationNotSettled):
        office.delete(caller(), BY)
    assert (office.book.find(ORG), office.book.closed) == (ACME, {})


def test_a_member_who_changes_meanwhile_makes_it_be_decided_again(office: Office) -> None:
    office.book.meanwhile = lambda: office.members.replace(replace(ADMIN, name="Eve"))

    assert office.delete(caller(), BY).deleted_at == START
    assert office.ids.pauses == [1]


def test_the_same_request_goes_on_where_an_earlier_one_died(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(office.work, "approvals", dies)
        with pytest.raises(Killed):
            office.delete(caller(), BY)
    assert ORG in office.book.closed
    with monkeypatch.context() as patch:
        patch.setattr(office.connections, "disconnect", dies)
        with pytest.raises(Killed):
            office.delete(caller(), BY)
    assert len(office.valid_keys()) == 4
    office.clock.advance(minutes=1)

    assert office.delete(caller(), BY).deleted_at == START
    assert (office.valid_keys(), office.connections.connection.status) == ([], "inactive")
    assert [entry.command for entry in office.book.trail] == ["organizations delete"]


def test_the_callers_own_key_is_revoked_last(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    revoked: list[str] = []
    revoke = office.keys.revoke

    def noted(key: ApiKeyRecord, at: datetime, audit: AuditEntry) -> bool:
        revoked.append(key.id)
        return revoke(key, at, audit)

    monkeypatch.setattr(office.keys, "revoke", noted)
    office.delete(caller(), BY)

    assert (len(revoked), revoked[-1]) == (4, OWN_KEY)


def test_who_never_gets_through_leaves_it_open(office: Office) -> None:
    def always() -> None:
        office.members.replace(ADMIN)
        office.book.meanwhile = always

    office.book.meanwhile = always
    with pytest.raises(StoreConflict):
        office.delete(caller(), BY)
    assert (office.book.find(ORG), office.book.closed, len(office.valid_keys())) == (ACME, {}, 4)


def test_a_name_is_changed_by_members_and_once(office: Office) -> None:
    assert office.manage.rename(caller(ADMIN), "Acme Outdoor", BY).name == "Acme Outdoor"
    office.manage.rename(caller(), "Acme Outdoor", BY)

    assert office.manage.show(ORG).name == "Acme Outdoor"
    assert [entry.command for entry in office.book.trail] == ["organizations rename"]
    with pytest.raises(Denied):
        office.manage.rename(caller("shopping-agent"), "Eve", BY)
    with pytest.raises(Invalid):
        office.manage.rename(caller(), "Acme\r\nBcc: x", BY)
    office.delete(caller(), BY)
    with pytest.raises(NotFound):
        office.manage.show(ORG)


def test_its_webhook_endpoints_are_forgotten_with_their_secrets(office: Office) -> None:
    secret = (Secret("whsec_c2VjcmV0"),)
    for number, tenant in enumerate((Tenant(ORG, "test"), Tenant(ORG, "live"))):
        url = "https://shop.example"
        made = Endpoint(f"whe_{number:026d}", tenant, url, ("*",), "2026-11-01", secret, START, START)
        office.endpoints.endpoints[tenant, made.id] = made

    office.delete(caller(), BY)

    kept = office.endpoints.endpoints.values()
    assert [(endpoint.status, endpoint.secrets) for endpoint in kept] == [("deleted", ())] * 2
    assert [entry.command for entry in office.endpoints.audit] == ["webhooks delete"] * 2
