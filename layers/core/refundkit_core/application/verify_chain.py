"""Walk a chain from its first block to its head, then every entry that stands beside it, and tell the first fault.

A walk of a long chain is cut into parts: each part says where the next begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from refundkit_core.application.audit_ports import ChainStore, Kept, KeptBlock, Place
from refundkit_core.domain.audit_chain import Chain, Fault, Head, Link, fault_of_block, fault_of_entry, genesis
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.audit import Whose
    from refundkit_core.application.ports import Clock

IN_TIME: Final = timedelta(minutes=5)
"""An entry that is younger may still be on its way to the chain."""

MOST_ENTRIES: Final = 5_000
"""That one part looks at; one that ends sooner, for want of time, goes on in the next."""

MOST_NAMED: Final = 100
_BLOCKS_A_READ: Final = 25
_ENTRIES_A_READ: Final = 250


@dataclass(frozen=True, slots=True)
class Verification:
    """What one part of a walk saw. ``unchained`` are entries that are in no block and should be, at most 100 of them;
    ``position`` is where the next part begins (None: the walk is over)."""

    head: Head | None
    blocks: int
    entries: int
    fault: Fault | None
    unchained: tuple[Place, ...]
    position: str | None

    @property
    def ok(self) -> bool:
        return self.fault is None and not self.unchained


@dataclass(slots=True)
class _Walk:
    chain: Chain
    head: Head | None
    ends_at: datetime
    most: int
    blocks: int = 0
    entries: int = 0
    unchained: list[Place] = field(default_factory=list)


class VerifyChain:
    """The use case behind ``GET /v1/audit/verify``. ``most_entries`` bounds a part."""

    def __init__(self, chains: ChainStore, clock: Clock, most_entries: int = MOST_ENTRIES) -> None:
        self._chains = chains
        self._clock = clock
        self._most = most_entries

    def __call__(
        self, chain: Chain, time_s: float, position: str | None = None, earlier: Head | None = None
    ) -> Verification:
        """One part of a walk, of about ``time_s`` seconds, from ``position`` on (None: from the first block).

        ``earlier`` is a head that was told before and kept elsewhere: it must still be a block of this chain.
        """
        head = self._chains.head(chain)
        ends_at = self._clock.now() + timedelta(seconds=min(time_s, 3_600))
        walk = _Walk(chain, head, ends_at, self._most)
        if position is None and (fault := self._fault_at_the_ends(chain, head, earlier)) is not None:
            return _seen(walk, fault, None)
        phase, _, rest = (position or "blocks 1 ").partition(" ")
        if phase == "blocks":
            number, _, previous = rest.partition(" ")
            fault, rest = self._blocks(walk, int(number), previous or genesis(chain))
            if fault is not None or rest:
                return _seen(walk, fault, f"blocks {rest}" if rest else None)
            phase, rest = "entries", "0 "
        which, _, after = rest.partition(" ")
        fault, left = self._entries(walk, int(which), after)
        return _seen(walk, fault, f"entries {left}" if left else None)

    def _fault_at_the_ends(self, chain: Chain, head: Head | None, earlier: Head | None) -> Fault | None:
        """Whether something stands behind the head, and whether the chain still holds a head of before."""
        beyond = 1 if head is None else head.number + 1
        if self._chains.blocks(chain, beyond, beyond):
            now = self._chains.head(chain)  # which may have moved on since
            if now is None or now.number < beyond:
                return Fault("head_changed", beyond)
        if earlier is None:
            return None
        found = self._chains.blocks(chain, earlier.number, earlier.number)
        known = found[0].block if found else None
        return None if known is not None and known.hash == earlier.hash else Fault("head_unknown", earlier.number)

    def _blocks(self, walk: _Walk, number: int, previous: str) -> tuple[Fault | None, str]:
        """The blocks from ``number`` up to the head; the rest where time or measure is over ("" where it is not)."""
        head = walk.head
        while head is not None and number <= head.number:
            if self._is_enough(walk):
                return None, f"{number} {previous}"
            last = min(number + _BLOCKS_A_READ - 1, head.number)
            found = {kept.number: kept for kept in self._chains.blocks(walk.chain, number, last)}
            kept_entries = self._entries_of(walk.chain, list(found.values()))
            for expected in range(number, last + 1):
                fault = _fault_of(found.get(expected), expected, previous, kept_entries, walk)
                block = found[expected].block if fault is None else None
                if block is None:
                    return fault, ""
                previous = block.hash
                walk.blocks += 1
            number = last + 1
        if head is not None and head.hash != previous:
            now = self._chains.head(walk.chain)
            if now is None or now.number <= head.number:
                return Fault("head_changed", head.number), ""
        return None, ""

    def _entries_of(self, chain: Chain, found: Sequence[KeptBlock]) -> dict[Place, Kept]:
        links = [link for kept in found if kept.block is not None for link in kept.block.links]
        return {kept.place: kept for kept in self._chains.entries([place_of_link(chain, link) for link in links])}

    def _entries(self, walk: _Walk, which: int, after: str) -> tuple[Fault | None, str]:
        """Everything that stands in the trail: it is in the block that it names, or too young to be in one."""
        trails = trails_of(walk.chain)
        while which < len(trails):
            if self._is_enough(walk):
                return None, f"{which} {after}"
            page, rest = self._chains.entries_after(trails[which], after, min(_ENTRIES_A_READ, walk.most))
            fault = self._fault_in(walk, page)
            if fault is not None:
                return fault, ""
            which, after = (which + 1, "") if rest is None else (which, rest)
        return None, ""

    def _fault_in(self, walk: _Walk, page: Sequence[Kept]) -> Fault | None:
        numbers = sorted({kept.block for kept in page if kept.block is not None})
        named = {place for number in numbers for place in self._places_in(walk.chain, number)}
        young = iso(self._clock.now() - IN_TIME)
        for kept in page:
            walk.entries += 1
            if kept.block is not None and (kept.block, kept.place) not in named:
                return Fault("entry_inserted", kept.block, kept.place.id)
            if kept.block is None and kept.place.at < young and len(walk.unchained) < MOST_NAMED:
                walk.unchained.append(kept.place)
        return None

    def _places_in(self, chain: Chain, number: int) -> list[tuple[int, Place]]:
        found = self._chains.blocks(chain, number, number)
        block = found[0].block if found else None
        return [] if block is None else [(number, place_of_link(chain, link)) for link in block.links]

    def _is_enough(self, walk: _Walk) -> bool:
        seen_some = walk.blocks or walk.entries
        return bool(seen_some) and (walk.entries >= walk.most or self._clock.now() >= walk.ends_at)


def place_of_link(chain: Chain, link: Link) -> Place:
    """Where the entry stands that a block names."""
    whose = chain if chain is None or link.environment is None else Tenant(chain, link.environment)
    return Place(whose, link.at, link.id)


def trails_of(chain: Chain) -> tuple[Whose, ...]:
    """All the trails whose entries go into a chain."""
    return (None,) if chain is None else (Tenant(chain, "test"), Tenant(chain, "live"), chain)


def _fault_of(
    kept: KeptBlock | None, number: int, previous: str, entries: dict[Place, Kept], walk: _Walk
) -> Fault | None:
    """What is wrong with a block, or with the first wrong entry in it."""
    if kept is None:
        return Fault("block_missing", number)
    if kept.block is None:
        return Fault("block_changed", number)
    fault = fault_of_block(kept.block, number, previous)
    if fault is not None:
        return fault
    for link in kept.block.links:
        walk.entries += 1
        standing = entries.get(place_of_link(walk.chain, link))
        if standing is not None and standing.entry is None:
            return Fault("entry_changed", number, link.id)
        record = None if standing is None or standing.entry is None else standing.entry.as_record()
        fault = fault_of_entry(link, number, record, None if standing is None else standing.block)
        if fault is not None:
            return fault
    return None


def _seen(walk: _Walk, fault: Fault | None, position: str | None) -> Verification:
    return Verification(walk.head, walk.blocks, walk.entries, fault, tuple(walk.unchained), position)
