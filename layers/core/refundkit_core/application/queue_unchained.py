"""Find what never reached its chain, and queue it again: a message that was lost, entries from before there was one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.audit_ports import Kept, Mention, Place
from refundkit_core.application.automatic_decisions import entry_id
from refundkit_core.application.verify_chain import IN_TIME, trails_of
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

if TYPE_CHECKING:
    from refundkit_core.application.audit_ports import AuditQueue, AuditSources, ChainStore
    from refundkit_core.application.ports import Clock, OrganizationStore
    from refundkit_core.domain.audit_chain import Chain

RECENT: Final = timedelta(days=3)
"""How far back each day's pass looks: three of them may be missed."""
_A_READ: Final = 250
_A_BATCH: Final = 100


class Requeued(NamedTuple):
    """How many chains were looked at, and how many entries were not in theirs."""

    chains: int
    unchained: int


class QueueUnchained:
    """The daily pass over all chains, and the operator's over one."""

    def __init__(
        self,
        chains: ChainStore,
        sources: AuditSources,
        organizations: OrganizationStore,
        queue: AuditQueue,
        clock: Clock,
    ) -> None:
        self._chains = chains
        self._sources = sources
        self._organizations = organizations
        self._queue = queue
        self._clock = clock

    def __call__(self) -> Requeued:
        """Queue what of the last three days is in no chain."""
        since = self._clock.now() - RECENT
        owners: list[Chain] = [None, *(each.id for each in self._organizations.all())]
        return Requeued(len(owners), sum(self._of_chain(chain, since) for chain in owners))

    def of(self, chain: Chain, since: datetime) -> Requeued:
        """Queue what of one chain is not in it, from ``since`` on."""
        return Requeued(1, self._of_chain(chain, since))

    def _of_chain(self, chain: Chain, since: datetime) -> int:
        until = self._clock.now() - IN_TIME
        missing = iter([*self._stored(chain, since, until), *self._derived(chain, since, until)])
        count = 0
        while batch := list(islice(missing, _A_BATCH)):
            self._queue.put(batch)
            count += len(batch)
        return count

    def _stored(self, chain: Chain, since: datetime, until: datetime) -> Iterator[Mention]:
        """Entries that stand in the trail and in no block."""
        for trail in trails_of(chain):
            after: str | None = iso(since)
            while after is not None:
                page, after = self._chains.entries_after(trail, after, _A_READ)
                for kept in page:
                    if kept.block is None and kept.place.at < iso(until):
                        yield _mention(chain, kept)
                    if kept.place.at >= iso(until):
                        after = None

    def _derived(self, chain: Chain, since: datetime, until: datetime) -> Iterator[Mention]:
        """Decisions by rule of which no entry was ever made."""
        if chain is None:
            return
        for tenant in (Tenant(chain, "test"), Tenant(chain, "live")):
            found = iter(self._sources.mentions(tenant, since, until))
            while batch := list(islice(found, _A_BATCH)):
                yield from self._without_entry(tenant, batch)

    def _without_entry(self, tenant: Tenant, mentions: Iterable[Mention]) -> Iterator[Mention]:
        places = {Place(tenant, mention.at or "", entry_id(mention.id)): mention for mention in mentions}
        standing = {kept.place for kept in self._chains.entries(list(places))}
        yield from (mention for place, mention in places.items() if place not in standing)


def _mention(chain: Chain, kept: Kept) -> Mention:
    whose = kept.place.whose
    environment = whose.environment if isinstance(whose, Tenant) else None
    return Mention(chain, environment, "entry", kept.place.id, kept.place.at)
