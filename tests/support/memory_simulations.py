"""Simulations, their rows and their queue in memory. The store and the archive are held to the real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from refundkit_core.application.records import Page, Position
from refundkit_core.application.simulation_ports import Place, Simulation
from refundkit_core.domain.backtest import PastDecision
from refundkit_core.domain.errors import NotFound, StoreConflict
from refundkit_core.domain.policies import Policy
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso


class MemorySimulationStore:
    """``SimulationStore`` in dictionaries."""

    def __init__(self) -> None:
        self._heads: dict[tuple[Tenant, str], Simulation] = {}
        self._policies: dict[tuple[Tenant, str], Policy] = {}

    def create(self, simulation: Simulation, policy: Policy) -> None:
        key = (simulation.tenant, simulation.id)
        if key in self._heads:
            raise StoreConflict("conflict")
        self._heads[key], self._policies[key] = simulation, policy

    def find(self, tenant: Tenant, simulation_id: str) -> Simulation | None:
        return self._heads.get((tenant, simulation_id))

    def policy(self, tenant: Tenant, simulation_id: str) -> Policy:
        if (tenant, simulation_id) not in self._policies:
            raise NotFound("The simulation's document is gone")
        return self._policies[tenant, simulation_id]

    def advance(self, before: Simulation, after: Simulation) -> None:
        standing = self._heads.get((before.tenant, before.id))
        if standing is None or (standing.chunk, standing.completed) != (before.chunk, before.completed):
            raise StoreConflict("conflict")
        self._heads[after.tenant, after.id] = after

    def page(self, tenant: Tenant, policy_id: str, part: Position) -> Page[Simulation]:
        own = [each for each in self._heads.values() if (each.tenant, each.policy_id) == (tenant, policy_id)]
        newest = sorted(own, key=lambda each: (each.created_at, each.id), reverse=True)
        start = int(part.after or 0) + part.offset
        end = start + part.limit
        return Page(newest[start:end], str(end) if len(newest) > end else None)


class MemoryArchive:
    """``DecisionArchive`` over a list of one tenant's decisions."""

    def __init__(self, tenant: Tenant, decisions: Sequence[PastDecision] = ()) -> None:
        self.tenant = tenant
        self.decisions = list(decisions)

    def newest(
        self, tenant: Tenant, place: Place, since: datetime, limit: int
    ) -> tuple[Sequence[PastDecision], Place | None]:
        prefix = "ref_" if place.source == "refunds" else "dec_"
        own = [each for each in self.decisions if tenant == self.tenant and each.id.startswith(prefix)]
        left = [each for each in own if iso(since) <= each.place < place.before]
        found = sorted(left, key=lambda each: each.place, reverse=True)
        after = Place(place.source, found[limit - 1].place) if len(found) > limit else None
        return found[:limit], after

    def named(self, tenant: Tenant, decision_ids: Sequence[str]) -> Mapping[str, PastDecision]:
        return {each.id: each for each in self.decisions if tenant == self.tenant and each.id in decision_ids}


class MemoryShelf:
    """``SimulationShelf`` in dictionaries."""

    def __init__(self) -> None:
        self.parts: dict[tuple[str, int], str] = {}
        self.files: dict[str, str] = {}

    def put_part(self, simulation: Simulation, rows: str) -> None:
        self.parts[simulation.id, simulation.chunk] = rows

    def complete(self, simulation: Simulation, header: str, rows: str | None) -> None:
        parts = [self.parts[simulation.id, number] for number in range(simulation.chunk)] if rows is None else [rows]
        self.files[simulation.id] = "".join([header, *parts])

    def url(self, simulation: Simulation, seconds: int) -> str:
        return f"https://files.test/{simulation.id}?for={seconds}"


class MemorySimulationQueue:
    """``SimulationQueue`` in a list."""

    def __init__(self) -> None:
        self.messages: list[tuple[Tenant, str, int]] = []

    def put(self, tenant: Tenant, simulation_id: str, chunk: int) -> None:
        self.messages.append((tenant, simulation_id, chunk))
