"""Take audit entries up into their chain, each once, whatever comes twice, late or in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.audit_ports import ChainStore, Kept, Mention, Place, Taken, place_of
from refundkit_core.domain.audit_chain import Chain, Link, digest_of, following
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.automatic_decisions import AutomaticDecisions
    from refundkit_core.application.ports import Clock, Ids
    from refundkit_core.domain.audit_chain import Head

MAX_TRIES: Final = 20


class Chained(NamedTuple):
    """``head`` is the chain's now. ``taken`` entries are new in it, ``known`` ones were in it before, and of ``gone``
    ones there is nothing to chain."""

    head: Head | None
    taken: int
    known: int
    gone: int


class ChainAudit:
    """The use case behind the audit queue; may run any number of times for the same entries."""

    def __init__(self, chains: ChainStore, decisions: AutomaticDecisions, clock: Clock, ids: Ids) -> None:
        self._chains = chains
        self._decisions = decisions
        self._clock = clock
        self._ids = ids

    def __call__(self, chain: Chain, mentions: Sequence[Mention]) -> Chained:
        """Append one block with all of ``mentions``, up to ten of one chain, that are not in it yet.

        Raises:
            StoreConflict: others were faster every time, or the store does not answer. Nothing was done, or all of it.
        """
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return self._appended(chain, mentions)
            except StoreConflict:
                self._ids.pause(attempt)
        raise StoreConflict("The chain is too busy. It is as it was: try again")

    def _appended(self, chain: Chain, mentions: Sequence[Mention]) -> Chained:
        wanted, gone = self._wanted(mentions)
        standing = {kept.place: kept for kept in self._chains.entries(list(wanted))}
        taken: list[Taken] = []
        known = 0
        for place, made in wanted.items():
            kept = standing.get(place)
            if kept is not None and kept.block is not None:
                known += 1
            elif (found := _entry_of(kept, made)) is not None:
                taken.append(found)
            else:
                gone += 1
        head = self._chains.head(chain)
        if not taken:
            return Chained(head, 0, known, gone)
        block = following(chain, head, [link_of(each.entry) for each in taken], iso(self._clock.now()))
        self._chains.append(chain, head, block, taken)
        return Chained(block.head, len(taken), known, gone)

    def _wanted(self, mentions: Sequence[Mention]) -> tuple[dict[Place, AuditEntry | None], int]:
        """Where each mentioned entry stands, with what it is where it is made only now; and how many there are not."""
        wanted: dict[Place, AuditEntry | None] = {}
        gone = 0
        for mention in dict.fromkeys(mentions):
            if mention.kind == "entry":
                wanted[Place(mention.whose, mention.at or "", mention.id)] = None
                continue
            made = self._made(mention)
            if made is None:
                gone += 1
            else:
                wanted[place_of(made)] = made
        return wanted, gone

    def _made(self, mention: Mention) -> AuditEntry | None:
        tenant = mention.whose
        if not isinstance(tenant, Tenant):
            return None
        if mention.kind == "refund":
            return self._decisions.of_refund(tenant, mention.id)
        return self._decisions.of_refusal(tenant, mention.id)


def link_of(entry: AuditEntry) -> Link:
    """An entry as its block names it."""
    environment = entry.whose.environment if isinstance(entry.whose, Tenant) else None
    return Link(entry.id, iso(entry.at), environment, digest_of(entry.as_record()))


def _entry_of(kept: Kept | None, made: AuditEntry | None) -> Taken | None:
    """What there is to chain: an entry that stands, or else the one that was made."""
    if kept is not None:
        return None if kept.entry is None else Taken(kept.entry, is_new=False)
    return None if made is None else Taken(made, is_new=True)
