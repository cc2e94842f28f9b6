"""The chain of hashes: any single change to what it holds is found, and honest growth never is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.application.audit_ports import Place, Taken
from refundkit_core.application.chain_audit import link_of
from refundkit_core.application.verify_chain import VerifyChain, place_of_link
from refundkit_core.domain import audit_chain
from refundkit_core.domain.audit_chain import Block, Head, canonical, digest_of, following, genesis

from tests.support.audit import ORG, entry
from tests.support.clock import START, FixedClock
from tests.support.memory_audit import MemoryChainStore

AT = "2026-11-20T12:00:00.000Z"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def chained(sizes: Sequence[int]) -> MemoryChainStore:
    """A chain with blocks of so many entries."""
    store, number = MemoryChainStore(), 0
    for size in sizes:
        taken = [Taken(entry(number + each), is_new=True) for each in range(size)]
        number += size
        head = store.head(ORG)
        store.append(ORG, head, following(ORG, head, [link_of(each.entry) for each in taken], AT), taken)
    return store


def walked(store: MemoryChainStore, earlier: Head | None = None, most: int = 5_000) -> tuple[bool, Any]:
    """Whether all parts of a walk are well, and the fault or what is unchained."""
    clock = FixedClock(START)
    clock.advance(days=1)
    verify = VerifyChain(store, clock, most)
    seen = verify(ORG, 60, None, earlier)
    while seen.position is not None and seen.ok:
        seen = verify(ORG, 60, seen.position, earlier)
    return seen.ok, seen.fault or [place.id for place in seen.unchained]


@given(VALUES, VALUES)
def test_two_values_have_one_canonical_form_only_where_they_are_equal(one: Any, other: Any) -> None:
    def typed(value: Any) -> Any:
        match value:
            case list():
                return ["list", *map(typed, value)]
            case dict():
                return {name: typed(inner) for name, inner in value.items()}
        return (type(value).__name__, value)

    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


def test_the_canonical_form_does_not_depend_on_the_order_of_names() -> None:
    assert (
        canonical({"b": [1, None], "a": "ü"})
        == canonical({"a": "ü", "b": [1, None]})
        == '{"a":"ü","b":[1,null]}'.encode()
    )


@pytest.mark.parametrize("value", [1.5, {"a": float("nan")}, {1: "a"}, [{"a": {"b"}}], b"bytes"])
def test_what_has_several_spellings_has_no_canonical_form(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_hashes_are_sha_256_of_the_canonical_form_and_stay_what_they_are() -> None:
    assert digest_of({"a": 1}) == "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862"
    assert genesis("org_1") != genesis("org_2") != genesis(None)


def test_a_block_without_entries_is_none() -> None:
    with pytest.raises(ValueError, match="at least one"):
        following(ORG, None, [], AT)


@given(st.lists(st.integers(1, 10), min_size=1, max_size=6))
def test_an_untouched_chain_is_well_in_one_part_or_in_many(sizes: list[int]) -> None:
    store = chained(sizes)

    assert walked(store) == (True, [])
    assert walked(store, most=1) == (True, [])
    assert walked(store, earlier=store.kept[ORG, 1].head) == (True, [])


@st.composite
def tampered(draw: st.DrawFn) -> tuple[str, MemoryChainStore, Head]:
    """A chain with one thing changed in it, and the head that it had before."""
    store = chained(draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    head = store.heads[ORG]
    number = draw(st.integers(1, head.number))
    block = store.kept[ORG, number]
    place = draw(st.sampled_from(sorted(store.trail, key=lambda each: each.id)))
    kind = draw(st.sampled_from(sorted(TAMPERINGS)))
    TAMPERINGS[kind](store, block, place, draw)
    return kind, store, head


def _entry_changed(store: MemoryChainStore, _: Block, place: Place, draw: Any) -> None:
    kept, number = store.trail[place]
    assert kept is not None
    field = draw(st.sampled_from(["actor", "command", "target", "because", "channel", "details"]))
    value: Any = {"amount": 1} if field == "details" else "system" if field == "channel" else "another"
    changes: dict[str, Any] = {field: value}
    store.trail[place] = (replace(kept, **changes), number)


def _entry_removed(store: MemoryChainStore, _: Block, place: Place, __: Any) -> None:
    del store.trail[place]


def _entry_unmarked(store: MemoryChainStore, _: Block, place: Place, __: Any) -> None:
    store.trail[place] = (store.trail[place][0], None)


def _entry_unreadable(store: MemoryChainStore, _: Block, place: Place, __: Any) -> None:
    store.trail[place] = (None, store.trail[place][1])


def _entry_inserted(store: MemoryChainStore, block: Block, _: Place, draw: Any) -> None:
    added = entry(1_000)
    number = draw(st.sampled_from([None, block.number, 10**6]))
    store.trail[place_of_link(ORG, link_of(added))] = (added, number)


def _block_changed(store: MemoryChainStore, block: Block, _: Place, draw: Any) -> None:
    changed = draw(
        st.sampled_from(
            [
                block._replace(at="2026-11-20T12:00:01.000Z"),
                block._replace(previous="0" * 64),
                block._replace(links=block.links[1:]),
                block._replace(links=(block.links[0]._replace(digest="0" * 64), *block.links[1:])),
            ]
        )
    )
    rehashed = audit_chain.hash_of(changed.number, changed.previous, changed.links, changed.at)
    store.kept[ORG, block.number] = draw(st.sampled_from([changed, changed._replace(hash=rehashed)]))


def _block_removed(store: MemoryChainStore, block: Block, _: Place, __: Any) -> None:
    del store.kept[ORG, block.number]


def _blocks_exchanged(store: MemoryChainStore, block: Block, _: Place, __: Any) -> None:
    other = block.number % store.heads[ORG].number + 1
    store.kept[ORG, block.number], store.kept[ORG, other] = store.kept[ORG, other], block


def _truncated(store: MemoryChainStore, _: Block, __: Place, draw: Any) -> None:
    """The last block is gone; the head says so or not."""
    last = store.heads[ORG].number
    del store.kept[ORG, last]
    if draw(st.booleans()):
        store.heads[ORG] = store.kept[ORG, last - 1].head


def _head_moved_back(store: MemoryChainStore, _: Block, __: Place, ___: Any) -> None:
    store.heads[ORG] = store.kept[ORG, store.heads[ORG].number - 1].head


def _head_changed(store: MemoryChainStore, _: Block, __: Place, ___: Any) -> None:
    store.heads[ORG] = store.heads[ORG]._replace(hash="0" * 64)


def _head_removed(store: MemoryChainStore, _: Block, __: Place, ___: Any) -> None:
    del store.heads[ORG]


TAMPERINGS = {
    kind.__name__: kind
    for kind in (
        _entry_changed,
        _entry_removed,
        _entry_unmarked,
        _entry_unreadable,
        _entry_inserted,
        _block_changed,
        _block_removed,
        _blocks_exchanged,
        _truncated,
        _head_moved_back,
        _head_changed,
        _head_removed,
    )
}


@given(tampered())
def test_any_single_change_is_found(made: tuple[str, MemoryChainStore, Head]) -> None:
    kind, store, _ = made

    ok, found = walked(store)
    assert not ok, kind
    assert found
    assert not walked(store, most=1)[0], kind


def test_who_rewrites_everything_is_found_by_a_head_that_was_kept_elsewhere() -> None:
    honest, rewritten = chained([2, 3, 1]), chained([2, 3])

    assert walked(rewritten) == (True, [])
    assert walked(rewritten, earlier=honest.heads[ORG])[1].kind == "head_unknown"
    assert walked(rewritten, earlier=honest.kept[ORG, 2].head) == (True, [])


def test_a_chain_of_another_organization_is_no_chain_of_ours() -> None:
    store = chained([1])
    foreign = following("org_another", None, store.kept[ORG, 1].links, AT)
    store.kept[ORG, 1], store.heads[ORG] = foreign, foreign.head

    assert walked(store)[1].kind == "chain_broken"


def test_an_empty_chain_is_well_and_has_no_head() -> None:
    seen = VerifyChain(MemoryChainStore(), FixedClock())(ORG, 60)

    assert (seen.ok, seen.head, seen.position) == (True, None, None)
