"""The chain's store and queue in memory. Held to the real store by tests/contract."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from refundkit_core.application.approval_ports import KeyOwners
from refundkit_core.application.audit import AuditEntry, Whose
from refundkit_core.application.audit_ports import Kept, KeptBlock, Mention, Place, Taken, place_of
from refundkit_core.application.automatic_decisions import AutomaticDecisions
from refundkit_core.application.openings import Refusal
from refundkit_core.domain.audit_chain import Block, Chain, Head
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.tenancy import Tenant

from tests.support.memory_store import MemoryRefundStore


@dataclass
class MemoryChainStore:
    """``ChainStore`` in dictionaries, which tests may also change behind its back."""

    heads: dict[Chain, Head] = field(default_factory=dict)
    kept: dict[tuple[Chain, int], Block] = field(default_factory=dict)
    trail: dict[Place, tuple[AuditEntry | None, int | None]] = field(default_factory=dict)

    def put(self, entry: AuditEntry) -> None:
        """An entry that is stored with its change."""
        self.trail[place_of(entry)] = (entry, None)

    def head(self, chain: Chain) -> Head | None:
        return self.heads.get(chain)

    def append(self, chain: Chain, before: Head | None, block: Block, taken: Sequence[Taken]) -> None:
        fresh = all((place_of(each.entry) not in self.trail) == each.is_new for each in taken)
        unmarked = all(self.trail.get(place_of(each.entry), (None, None))[1] is None for each in taken)
        if self.heads.get(chain) != before or (chain, block.number) in self.kept or not fresh or not unmarked:
            raise StoreConflict("conflict")
        self.heads[chain] = block.head
        self.kept[chain, block.number] = block
        for each in taken:
            standing = self.trail.get(place_of(each.entry), (each.entry, None))
            self.trail[place_of(each.entry)] = (standing[0], block.number)

    def blocks(self, chain: Chain, first: int, last: int) -> Sequence[KeptBlock]:
        found = sorted(number for owner, number in self.kept if owner == chain and first <= number <= last)
        return [KeptBlock(number, self.kept[chain, number]) for number in found]

    def entries(self, places: Sequence[Place]) -> Sequence[Kept]:
        return [Kept(place, *self.trail[place]) for place in dict.fromkeys(places) if place in self.trail]

    def entries_after(self, whose: Whose, after: str, limit: int) -> tuple[Sequence[Kept], str | None]:
        places = sorted((place for place in self.trail if place.whose == whose), key=_position)
        left = [place for place in places if _position(place) > after]
        page = [Kept(place, *self.trail[place]) for place in left[:limit]]
        return page, _position(left[limit - 1]) if len(left) > limit else None


def _position(place: Place) -> str:
    return f"{place.at}#{place.id}"


@dataclass
class MemoryAuditQueue:
    """``AuditQueue`` that keeps what it is given."""

    mentions: list[Mention] = field(default_factory=list)

    def put(self, mentions: Sequence[Mention]) -> None:
        self.mentions += mentions


@dataclass
class ListedSources:
    """``AuditSources`` that a test fills."""

    listed: list[Mention] = field(default_factory=list)

    def mentions(self, tenant: Tenant, since: datetime, until: datetime) -> Iterable[Mention]:
        return [each for each in self.listed if each.whose == tenant]


class Owners(KeyOwners):
    """``KeyOwners`` of one member."""

    def owner_of(self, tenant: Tenant, key_id: str) -> str | None:
        return "mem_1" if key_id == "key_1" else None


class KeptRefusals:
    """``RefusalStore`` in a dictionary."""

    def __init__(self) -> None:
        self.refusals: dict[str, Refusal] = {}

    def put(self, refusal: Refusal) -> None:
        self.refusals[refusal.id] = refusal

    def find(self, tenant: Tenant, refusal_id: str) -> Refusal | None:
        found = self.refusals.get(refusal_id)
        return found if found is not None and found.tenant == tenant else None


def decisions_of(store: MemoryRefundStore, refusals: KeptRefusals | None = None) -> AutomaticDecisions:
    """The entries of decisions by rule over stores in memory."""
    return AutomaticDecisions(store, refusals or KeptRefusals(), Owners())


class MemoryTrail:
    """``AuditTrail`` in a list."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []

    def put(self, entry: AuditEntry) -> None:
        self.entries.append(entry)

    def of(self, whose: Whose) -> Sequence[AuditEntry]:
        return [entry for entry in self.entries if entry.whose == whose]
