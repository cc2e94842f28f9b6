"""What every book of organizations promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.brakes import DynamoSwitches
from refundkit_core.adapters.dynamodb.members import DynamoMemberStore
from refundkit_core.adapters.dynamodb.organization_book import DynamoOrganizationBook
from refundkit_core.adapters.dynamodb.organizations import DynamoOrganizationStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.adapters.secrets import SecretBox
from refundkit_core.application.audit import BY_PROGRAM, AuditEntry, Auditor
from refundkit_core.application.member_ports import MemberStore
from refundkit_core.application.organization_ports import OrganizationBook, OrganizationState
from refundkit_core.application.records import Organization
from refundkit_core.domain.errors import NotFound, StoreConflict
from refundkit_core.domain.tenancy import Tenant

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.memory_members import MemoryMemberStore, member
from tests.support.memory_organizations import MemoryOrganizationBook

ORG, OTHER_ORG = TENANT.org_id, OTHER_TENANT.org_id
OWNER, OTHER_OWNER = member(1), member(9, org_id=OTHER_ORG, email="other@example.com")
ACME, OTHER = OrganizationState(ORG, "acme", START), OrganizationState(OTHER_ORG, "other", START)
CLOCK = FixedClock()
AUDITOR = Auditor(CLOCK, CountingIds(CLOCK))


def entry(command: str = "organizations delete") -> AuditEntry:
    return AUDITOR.entry(BY_PROGRAM, command, ORG, ORG)


@dataclass
class Registry:
    """Two organizations with an owner each: their book and their members."""

    book: OrganizationBook
    members: MemberStore

    def is_closed(self, environment: str = "test", org_id: str = ORG) -> bool:
        """Whether requests that open refunds are refused."""
        if isinstance(self.book, MemoryOrganizationBook):
            return org_id in self.book.closed
        tenant = Tenant(org_id, "live" if environment == "live" else "test")
        brakes = DynamoSwitches(Table(boto3.client("dynamodb"), "refundkit")).brakes(tenant)
        assert brakes.pause("key_1") is brakes.closing
        return brakes.closing

    def trail(self) -> list[str]:
        if isinstance(self.book, MemoryOrganizationBook):
            return [each.command for each in self.book.trail]
        found = DynamoAuditTrail(Table(boto3.client("dynamodb"), "refundkit")).of(ORG)
        return [each.command for each in found]


@pytest.fixture(params=["table", "memory"])
def registry(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    if request.param == "memory":
        members = MemoryMemberStore(OWNER, OTHER_OWNER)
        yield Registry(MemoryOrganizationBook(members, ACME, OTHER), members)
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        settings = create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        box = SecretBox(lambda: boto3.client("kms"), settings["REFUNDKIT_KMS_KEY_ID"])
        organizations = DynamoOrganizationStore(table, box, CLOCK)
        for state, owner in ((ACME, OWNER), (OTHER, OTHER_OWNER)):
            made = Organization(state.id, state.name, owner.id, owner.name, owner.email, b"s" * 32, START)
            organizations.create(made)
        yield Registry(DynamoOrganizationBook(table), DynamoMemberStore(table))


def test_an_organization_reads_back_and_is_renamed_from_the_name_that_it_has(registry: Registry) -> None:
    registry.book.rename(ACME, "Acme Outdoor", entry("organizations rename"))

    assert registry.book.find(ORG) == ACME._replace(name="Acme Outdoor")
    assert registry.book.find("org_00000000000000000000000099") is None
    with pytest.raises(StoreConflict):
        registry.book.rename(ACME, "Eve", entry())
    assert registry.trail() == ["organizations rename"]


def test_closing_holds_in_both_modes_until_its_own_mark_is_taken_back(registry: Registry) -> None:
    registry.book.close(ORG, "cls_1")
    assert (registry.is_closed("test"), registry.is_closed("live")) == (True, True)
    assert not registry.is_closed(org_id=OTHER_ORG)

    registry.book.close(ORG, "cls_2")
    registry.book.reopen(ORG, "cls_1")
    assert (registry.is_closed("test"), registry.is_closed("live")) == (True, True)
    registry.book.reopen(ORG, "cls_2")
    assert (registry.is_closed("test"), registry.is_closed("live")) == (False, False)
    registry.book.reopen(ORG, "cls_2")


def test_what_was_closed_by_another_or_opened_again_is_not_deleted(registry: Registry) -> None:
    roster = registry.members.roster(ORG)
    with pytest.raises(StoreConflict):
        registry.book.delete(roster, "cls_1", START, entry())
    for steps in ([registry.book.close], [registry.book.close, registry.book.reopen]):
        registry.book.close(ORG, "cls_1")
        for step in steps:
            step(ORG, "cls_2")
        with pytest.raises(StoreConflict):
            registry.book.delete(roster, "cls_1", START, entry())
    assert registry.book.find(ORG) == ACME
    assert registry.trail() == []


def test_members_who_have_changed_since_stop_the_deletion(registry: Registry) -> None:
    stale = registry.members.roster(ORG)
    registry.book.close(ORG, "cls_1")
    registry.members.add(stale, member(2, "admin"), entry("members add"))

    with pytest.raises(StoreConflict):
        registry.book.delete(stale, "cls_1", START, entry())
    assert registry.book.find(ORG) == ACME


def test_a_deleted_organization_says_when_and_nothing_in_it_changes(registry: Registry) -> None:
    registry.book.close(ORG, "cls_1")
    registry.book.delete(registry.members.roster(ORG), "cls_1", START, entry())

    assert registry.book.find(ORG) == ACME._replace(deleted_at=START)
    assert registry.is_closed("test")
    assert registry.members.find(ORG, OWNER.id) == OWNER
    assert registry.trail() == ["organizations delete"]
    with pytest.raises(NotFound):
        registry.members.roster(ORG)
    with pytest.raises(StoreConflict):
        registry.book.close(ORG, "cls_2")
    with pytest.raises(StoreConflict):
        registry.book.rename(ACME, "Eve", entry())
    assert registry.book.find(OTHER_ORG) == OTHER
