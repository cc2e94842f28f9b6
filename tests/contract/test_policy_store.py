"""What every policy store promises: one suite, held against the table and against the store in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb import policies as adapter
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.adapters.dynamodb.policies import DynamoPolicyStore
from refundkit_core.adapters.dynamodb.refund_items import event_of
from refundkit_core.adapters.dynamodb.table import Item, Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.policy_ports import Draft, PolicyHead, PolicyPointer, PolicyStore, Publication
from refundkit_core.application.records import Position
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event, of_publication
from refundkit_core.domain.policies import Limits, Policy, PolicyVersion, Rule

from tests.support.aws import create_parts
from tests.support.builders import OTHER_TENANT, TENANT
from tests.support.clock import START
from tests.support.memory_policies import MemoryPolicyStore
from tests.support.store_faults import FaultyTransactions

FIRST = Policy("First", (Rule(category="default", return_window_days=30, restocking_fee_bp=725),))
SECOND = Policy(
    "Zweite — ☂",
    (
        Rule(sku="SKU-1", non_refundable=True, conditions=("unworn",), effective_until=START + timedelta(days=9)),
        Rule(category="default"),
    ),
    Limits(auto_approve_threshold_minor=0, refuse_at_risk=90),
    currency="kwd",
    categories={"shoes": "clothing"},
    effective_from=START + timedelta(days=1),
)


@dataclass
class Kept:
    """A store, and what it has written beside the policies."""

    store: PolicyStore
    events: Callable[[], list[Event]]
    audited: Callable[[], list[AuditEntry]]
    anew: Callable[[], PolicyStore]
    faults: FaultyTransactions | None = None


@pytest.fixture(params=["table", "memory"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    if request.param == "memory":
        memory = MemoryPolicyStore()
        yield Kept(memory, lambda: memory.events, lambda: memory.audited, lambda: memory)
        return
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        create_parts()
        client = boto3.client("dynamodb")
        table = Table(client, "refundkit")

        def events() -> list[Event]:
            return [event_of(item) for item in table.query(f"ORG#{TENANT.org_id}#test#POLICY#{head().id}", "EVENT#")]

        def audited() -> list[AuditEntry]:
            return list(DynamoAuditTrail(table).of(TENANT))

        yield Kept(
            DynamoPolicyStore(table), events, audited, lambda: DynamoPolicyStore(table), FaultyTransactions(client)
        )


def head(number: int = 1, **changes: Any) -> PolicyHead:
    made = PolicyHead(
        id=f"pol_{number:026d}",
        tenant=TENANT,
        merchant_id=f"merch_{number}",
        name=FIRST.name,
        created_at=START + timedelta(minutes=number),
        updated_at=START + timedelta(minutes=number),
        revision=1,
        fingerprint="f" * 64,
    )
    return replace(made, **changes)


def audit(command: str = "policies create", number: int = 1) -> AuditEntry:
    at = START + timedelta(seconds=number)
    return AuditEntry(f"aud_{number:026d}", TENANT, "mem_1 (key_1)", command, head().id, None, at)


def published(before: PolicyHead, policy: Policy, since: datetime | None) -> tuple[Any, ...]:
    """What publishing takes: before, after, version, event, entry."""
    number = 1 if before.latest is None else before.latest.number + 1
    at = before.updated_at + timedelta(seconds=1)
    publication = Publication(number, before.revision, at, since, "pol_key", "[]")
    after = replace(
        before,
        updated_at=at,
        publications=(*before.publications, publication),
        shadow=number if since is None else None,
    )
    event = of_publication(before.tenant, before.id, before.merchant_id, number, at, since)
    return (
        before,
        after,
        PolicyVersion(before.id, number, policy, since),
        event,
        audit("policies publish", 10 + number),
    )


def test_a_new_policy_reads_back_and_judges_nothing_yet(kept: Kept) -> None:
    draft = Draft(head(), FIRST)
    kept.store.create(draft, audit())

    assert kept.store.draft(TENANT, head().id) == draft
    assert kept.store.head(TENANT, head().id) == head()
    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id)
    assert kept.store.version(TENANT, head().id, 1) is None
    assert kept.audited() == [audit()]
    assert kept.events() == []


def test_what_is_not_there_is_none_and_nobody_elses_is_seen(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    kept.store.publish(*published(head(), FIRST, START))

    assert kept.store.version(TENANT, head().id, 1) is not None
    for tenant in (OTHER_TENANT, replace(TENANT, environment="live")):
        assert kept.store.head(tenant, head().id) is None
        assert kept.store.draft(tenant, head().id) is None
        assert kept.store.pointer(tenant, "merch_1") is None
        assert kept.store.version(tenant, head().id, 1) is None
    assert kept.store.pointer(TENANT, "merch_2") is None


def test_an_id_and_a_merchant_are_taken_once(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())

    for taken in (head(merchant_id="merch_9"), head(2, merchant_id="merch_1")):
        with pytest.raises(StoreConflict):
            kept.store.create(Draft(taken, SECOND), audit("x", 2))
    assert kept.store.draft(TENANT, head().id) == Draft(head(), FIRST)
    assert kept.store.pointer(TENANT, "merch_9") is None
    assert kept.store.head(TENANT, head(2).id) is None
    assert kept.audited() == [audit()]


def test_a_draft_is_replaced_by_who_has_read_the_one_that_stands(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    later = Draft(head(revision=2, name=SECOND.name, updated_at=START + timedelta(hours=1)), SECOND)
    kept.store.update(head(), later, audit("policies update", 2))

    with pytest.raises(StoreConflict):
        kept.store.update(head(), Draft(head(revision=2), FIRST), audit("policies update", 3))
    assert kept.store.draft(TENANT, head().id) == later
    assert kept.audited() == [audit(), audit("policies update", 2)]


def test_a_publication_changes_version_policy_what_is_in_force_event_and_trail_together(kept: Kept) -> None:
    kept.store.create(Draft(head(), SECOND), audit())
    publishing = published(head(), SECOND, START + timedelta(days=1))
    kept.store.publish(*publishing)

    _, after, version, event, entry = publishing
    assert kept.store.draft(TENANT, head().id) == Draft(after, SECOND)
    assert kept.store.version(TENANT, head().id, 1) == version
    assert kept.anew().version(TENANT, head().id, 1) == version
    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id, ((1, START + timedelta(days=1)),))
    assert kept.events() == [event]
    assert kept.audited() == [audit(), entry]


def test_a_version_is_published_once_and_never_changes(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    publishing = published(head(), FIRST, START)
    kept.store.publish(*publishing)

    with pytest.raises(StoreConflict):
        kept.store.publish(*published(head(), SECOND, START))
    assert kept.anew().version(TENANT, head().id, 1) == publishing[2]
    assert kept.events() == [publishing[3]]


def test_a_draft_that_has_changed_is_not_published(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    kept.store.update(head(), Draft(head(revision=2), SECOND), audit("policies update", 2))

    with pytest.raises(StoreConflict):
        kept.store.publish(*published(head(), FIRST, START))
    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id)
    assert kept.store.version(TENANT, head().id, 1) is None
    assert kept.events() == []


def test_a_draft_is_not_replaced_by_who_does_not_know_what_was_published(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    kept.store.publish(*published(head(), FIRST, START))

    with pytest.raises(StoreConflict):
        kept.store.update(head(), Draft(head(revision=2), SECOND), audit("policies update", 2))
    standing = kept.store.head(TENANT, head().id)
    assert standing is not None
    assert len(standing.publications) == 1


def test_a_shadow_stands_beside_what_is_in_force_until_the_next_publication(kept: Kept) -> None:
    kept.store.create(Draft(head(), FIRST), audit())
    first = published(head(), FIRST, START)
    kept.store.publish(*first)
    shadow = published(first[1], FIRST, None)
    kept.store.publish(*shadow)

    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id, ((1, START),), 2)
    assert kept.store.version(TENANT, head().id, 2) == PolicyVersion(head().id, 2, FIRST, None)
    later = START + timedelta(hours=1)
    kept.store.publish(*published(shadow[1], FIRST, later))
    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id, ((1, START), (3, later)), None)


def test_policies_are_listed_newest_first_page_by_page(kept: Kept) -> None:
    for number in (1, 2, 3):
        kept.store.create(Draft(head(number), FIRST), audit("policies create", number))
    kept.store.create(Draft(head(4, tenant=OTHER_TENANT), FIRST), audit("policies create", 4))

    first = kept.store.page(TENANT, Position(2, 0, None))
    rest = kept.store.page(TENANT, Position(2, 0, first.next_cursor))
    assert [each.id for each in first.found] == [head(3).id, head(2).id]
    assert list(rest.found) == [head(1)]
    assert rest.next_cursor is None
    assert list(kept.store.page(TENANT, Position(1, 2, None)).found) == [head(1)]


def test_of_many_publishers_at_once_one_wins() -> None:
    store = MemoryPolicyStore()
    store.create(Draft(head(), FIRST), audit())

    def publish(_: int) -> bool:
        try:
            store.publish(*published(head(), FIRST, START))
        except StoreConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(publish, range(40))) == 1
    assert len(store.events) == 1


@pytest.mark.parametrize("trouble", ["conflict", "throttled", "server error", "unreachable", "lost, read timeout"])
def test_a_write_in_trouble_is_a_conflict_and_whole_or_not_at_all(kept: Kept, trouble: str) -> None:
    if kept.faults is None:
        return  # the store in memory has no troubles of its own
    kept.store.create(Draft(head(), FIRST), audit())
    publishing = published(head(), FIRST, START)
    kept.faults.arm(trouble)
    with pytest.raises(StoreConflict):
        kept.store.publish(*publishing)
    kept.faults.disarm()

    made = trouble.startswith("lost")
    assert kept.store.version(TENANT, head().id, 1) == (publishing[2] if made else None)
    assert kept.store.pointer(TENANT, "merch_1") == PolicyPointer(head().id, ((1, START),) if made else ())
    assert kept.store.head(TENANT, head().id) == (publishing[1] if made else head())
    assert kept.events() == ([publishing[3]] if made else [])
    assert len(kept.audited()) == 1 + made


def test_a_draft_that_is_replaced_while_it_is_read_is_read_again(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept.store
    if not isinstance(store, DynamoPolicyStore):
        return
    store.create(Draft(head(), FIRST), audit())
    later = Draft(head(revision=2, name=SECOND.name), SECOND)
    read, reads = store._table.get, itertools.count(1)

    def interrupted(key: Key) -> Item | None:
        found = read(key)
        if next(reads) == 1:
            store.update(head(), later, audit("policies update", 2))
        return found

    monkeypatch.setattr(store._table, "get", interrupted)
    assert store.draft(TENANT, head().id) == later


def test_a_draft_that_never_stands_still_is_a_conflict(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept.store
    if not isinstance(store, DynamoPolicyStore):
        return
    store.create(Draft(head(), FIRST), audit())
    read = store._table.get

    def torn(key: Key) -> Item | None:
        found = read(key)
        return found if found is None or key.sk != "DRAFT" else {**found, "revision": 9}

    monkeypatch.setattr(store._table, "get", torn)
    with pytest.raises(StoreConflict):
        store.draft(TENANT, head().id)


def test_a_worker_reads_a_version_once_and_remembers_only_so_many(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept.store
    if not isinstance(store, DynamoPolicyStore):
        return
    monkeypatch.setattr(adapter, "_MAX_REMEMBERED", 1)
    before = head()
    store.create(Draft(before, FIRST), audit())
    for _ in range(2):
        publishing = published(before, FIRST, START)
        store.publish(*publishing)
        before = publishing[1]
    reads: list[object] = []
    read = store._table.get

    def counted(key: Key) -> Item | None:
        reads.append(key)
        return read(key)

    monkeypatch.setattr(store._table, "get", counted)

    numbers = (1, 1, 2, 2, 1)
    assert [found and found.number for found in (store.version(TENANT, before.id, n) for n in numbers)] == [*numbers]
    assert len(reads) == 3
