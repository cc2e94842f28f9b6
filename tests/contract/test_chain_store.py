"""What every store of audit chains promises: one suite, held against the table and against the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.audit import DynamoAuditTrail
from refundkit_core.adapters.dynamodb.audit_chain import DynamoChainStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.audit_ports import ChainStore, Kept, KeptBlock, Taken, place_of
from refundkit_core.application.chain_audit import link_of
from refundkit_core.domain.audit_chain import Block, Chain, following
from refundkit_core.domain.errors import StoreConflict

from tests.support.audit import ORG, entry
from tests.support.aws import create_parts
from tests.support.builders import TENANT
from tests.support.memory_audit import MemoryChainStore

AT = "2026-11-20T12:00:00.000Z"
Put = Callable[[AuditEntry], None]


@pytest.fixture(params=["memory", "dynamodb"])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ChainStore, Put]]:
    if request.param == "memory":
        made = MemoryChainStore()
        yield made, made.put
        return
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        create_parts()
        table = Table(boto3.client("dynamodb"), "refundkit")
        yield DynamoChainStore(table), DynamoAuditTrail(table).put


def appended(store: ChainStore, *entries: AuditEntry, new: bool = False, chain: Chain = ORG) -> Block:
    """A block with these entries behind the head."""
    before = store.head(chain)
    block = following(chain, before, [link_of(each) for each in entries], AT)
    store.append(chain, before, block, [Taken(each, is_new=new) for each in entries])
    return block


def test_a_chain_begins_without_a_head_and_grows_block_by_block(parts: Any) -> None:
    store, put = parts
    for number in range(3):
        put(entry(number))
    assert (store.head(ORG), store.blocks(ORG, 1, 10)) == (None, [])

    first = appended(store, entry(0), entry(1))
    second = appended(store, entry(2))
    third = appended(store, entry(3), new=True)

    assert store.head(ORG) == third.head
    assert store.blocks(ORG, 1, 10) == [KeptBlock(each.number, each) for each in (first, second, third)]
    assert store.blocks(ORG, 2, 2) == [KeptBlock(2, second)]
    assert store.head(None) is None
    kept = store.entries([place_of(entry(number)) for number in range(5)])
    assert sorted(kept, key=lambda each: each.place.id) == [
        Kept(place_of(entry(number)), entry(number), block) for number, block in enumerate((1, 1, 2, 3))
    ]


def test_the_stack_has_a_chain_of_its_own(parts: Any) -> None:
    store, put = parts
    put(entry(1, whose=None))

    block = appended(store, entry(1, whose=None), chain=None)

    assert (store.head(None), store.head(ORG)) == (block.head, None)


def refused(store: ChainStore, attempt: Callable[[], object]) -> None:
    """The attempt is refused, and nothing of it done."""
    before = (store.head(ORG), store.blocks(ORG, 1, 10), store.entries([place_of(entry(n)) for n in range(5)]))
    with pytest.raises(StoreConflict):
        attempt()
    assert before == (store.head(ORG), store.blocks(ORG, 1, 10), store.entries([place_of(entry(n)) for n in range(5)]))


def test_an_entry_is_chained_once_and_only_where_it_stands(parts: Any) -> None:
    store, put = parts
    put(entry(0))
    put(entry(1))
    appended(store, entry(0))
    appended(store, entry(2), new=True)

    refused(store, lambda: appended(store, entry(1), entry(0)))
    refused(store, lambda: appended(store, entry(2), new=True))
    refused(store, lambda: appended(store, entry(1), new=True))
    refused(store, lambda: appended(store, entry(3)))


def test_a_block_goes_behind_the_head_that_its_maker_saw_or_nowhere(parts: Any) -> None:
    store, put = parts
    for number in range(3):
        put(entry(number))
    stale = following(ORG, None, [link_of(entry(2))], AT)
    first = appended(store, entry(0))

    refused(store, lambda: store.append(ORG, None, stale, [Taken(entry(2), is_new=False)]))
    appended(store, entry(1))
    late = following(ORG, first.head, [link_of(entry(2))], AT)
    refused(store, lambda: store.append(ORG, first.head, late, [Taken(entry(2), is_new=False)]))


def test_a_trail_is_read_oldest_first_in_pages(parts: Any) -> None:
    store, put = parts
    mine = [entry(number, whose=TENANT) for number in range(7)]
    for each in [*reversed(mine), entry(100, whose=ORG)]:
        put(each)

    found: list[Kept] = []
    after: str | None = ""
    sizes = []
    while after is not None:
        page, after = store.entries_after(TENANT, after, 3)
        sizes.append(len(page))
        found += page

    assert sizes == [3, 3, 1]
    assert found == [Kept(place_of(each), each, None) for each in mine]
    assert store.entries_after(ORG, "", 1) == (
        [Kept(place_of(entry(100, whose=ORG)), entry(100, whose=ORG), None)],
        None,
    )
