"""What simulations and shadows need from the outside world, and what passes between there and the use cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, Protocol

from refundkit_core.application.records import Page, Position
from refundkit_core.domain.backtest import PastDecision, Tally
from refundkit_core.domain.policies import Policy
from refundkit_core.domain.shadows import ShadowDifference
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import parse_iso

Source = Literal["refunds", "refusals"]
SOURCES: Final[tuple[Source, ...]] = ("refunds", "refusals")
"""Where past decisions are, in the order in which they are read: each newest first."""


class Place(NamedTuple):
    """How far the past was read: of ``source``, everything that is not before ``before``, a position in its order."""

    source: Source
    before: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """One try of a policy on the decisions from ``since`` on and before ``until``.

    ``version`` is None for the draft, which was at ``revision``. ``chunk`` counts the parts that are done: each moves
    ``place`` and adds to ``tally`` in one conditional write. Without a place all is read, and what is left is to put
    the rows together. ``truncated`` says that there were more decisions than one simulation takes.
    """

    id: str
    tenant: Tenant
    policy_id: str
    version: int | None
    revision: int
    since: datetime
    until: datetime
    sample_percent: int
    created_at: datetime
    updated_at: datetime
    place: Place | None
    tally: Tally
    chunk: int = 0
    completed: bool = False
    truncated: bool = False
    fingerprint: str | None = None

    @property
    def percent(self) -> int:
        """How much of the range is read, by time; one source after the other, each half of it."""
        if self.completed or self.place is None:
            return 100 if self.completed else 99
        whole = (self.until - self.since) * len(SOURCES)
        read = self.until - parse_iso(self.place.before.partition("#")[0])
        earlier = (self.until - self.since) * SOURCES.index(self.place.source)
        return min(99, int((earlier + read) / whole * 100))


class SimulationStore(Protocol):
    """Simulations, each with the document that it tries.

    Raises (every write):
        StoreConflict: it is not as expected, or no answer came. Reload and decide again.
    """

    def create(self, simulation: Simulation, policy: Policy) -> None:
        """Keep a new simulation; refused where its id exists."""

    def find(self, tenant: Tenant, simulation_id: str) -> Simulation | None:
        """The simulation as it stands, read consistently."""

    def policy(self, tenant: Tenant, simulation_id: str) -> Policy:
        """The document that it tries, which never changes."""

    def advance(self, before: Simulation, after: Simulation) -> None:
        """Replace exactly ``before``, known by the number of its chunks that are done."""

    def page(self, tenant: Tenant, policy_id: str, part: Position) -> Page[Simulation]:
        """One page of a policy's simulations, newest first; ``next_cursor`` is a position. May lag."""


class DecisionArchive(Protocol):
    """Past decisions, of refunds and of refusals."""

    def newest(
        self, tenant: Tenant, place: Place, since: datetime, limit: int
    ) -> tuple[Sequence[PastDecision], Place | None]:
        """Up to ``limit`` decisions of a source before the place and not before ``since``, newest first, and the place
        after them (None: nothing is left). May lag."""

    def named(self, tenant: Tenant, decision_ids: Sequence[str]) -> Mapping[str, PastDecision]:
        """Up to 100 decisions by their ids; those that are gone are left out."""


class SimulationShelf(Protocol):
    """Where the rows of simulations lie: parts while one runs, and one file of each that is completed."""

    def put_part(self, simulation: Simulation, rows: str) -> None:
        """Keep the rows of the chunk that comes next; again is the same."""

    def complete(self, simulation: Simulation, header: str, rows: str | None) -> None:
        """Make one file of ``header`` and ``rows``, or (None) of the header and all parts in their order."""

    def url(self, simulation: Simulation, seconds: int) -> str:
        """Where whoever knows it may read the file for that long."""


class SimulationQueue(Protocol):
    """Where chunks wait to be worked off."""

    def put(self, tenant: Tenant, simulation_id: str, chunk: int) -> None:
        """Have chunk number ``chunk`` (from 0) worked off."""


class ShadowStore(Protocol):
    """Where decisions differed from what a shadow version would have decided; written with the decisions."""

    def page(self, tenant: Tenant, policy_id: str, part: Position) -> Page[ShadowDifference]:
        """One page of a policy's differences, newest first; ``next_cursor`` is a position. May lag."""
