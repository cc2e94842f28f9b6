"""Show what was simulated, and what shadow versions would have decided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from refundkit_core.application.paging import Paging
from refundkit_core.application.policy_ports import PolicyStore
from refundkit_core.application.ports import OrganizationStore
from refundkit_core.application.records import Page, Slice
from refundkit_core.application.replay import trial_of
from refundkit_core.application.simulation_ports import (
    DecisionArchive,
    ShadowStore,
    Simulation,
    SimulationShelf,
    SimulationStore,
)
from refundkit_core.domain.backtest import Replayed
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.shadows import ShadowDifference
from refundkit_core.domain.tenancy import Tenant

URL_LIVES_S: Final = 900
MOST_RULES: Final = 8_000
"""Of all traces that one answer shows: a decision on a hundred lines has hundreds, and an answer has six megabytes."""


class ShownSimulation(NamedTuple):
    """A simulation; once it is completed with its examples, judged anew to be shown whole, and where its rows are."""

    simulation: Simulation
    examples: Sequence[Replayed] = ()
    csv_url: str | None = None


class ReadSimulations:
    """The use cases behind ``GET /v1/simulations/{id}`` and ``GET /v1/policies/{id}/simulations``, ``…/shadow``."""

    def __init__(
        self,
        simulations: SimulationStore,
        policies: PolicyStore,
        archive: DecisionArchive,
        shelf: SimulationShelf,
        shadows: ShadowStore,
        organizations: OrganizationStore,
    ) -> None:
        self._simulations = simulations
        self._policies = policies
        self._archive = archive
        self._shelf = shelf
        self._shadows = shadows
        self._paging = Paging(organizations, "simulations")
        self._shadow_paging = Paging(organizations, "shadows")

    def one(self, tenant: Tenant, simulation_id: str) -> ShownSimulation:
        """The simulation as it stands. Raises NotFound; a malformed id costs no read."""
        found = self._simulations.find(tenant, simulation_id) if is_id("sim", simulation_id) else None
        if found is None:
            raise NotFound("No such simulation")
        return self.shown(found)

    def shown(self, found: Simulation) -> ShownSimulation:
        """The simulation with all that belongs to it."""
        if not found.completed:
            return ShownSimulation(found)
        return ShownSimulation(found, self._examples(found), self._shelf.url(found, URL_LIVES_S))

    def _examples(self, found: Simulation) -> list[Replayed]:
        """The flipped decisions, newest first; those that were forgotten since are left out."""
        named = [place.partition("#")[2] for place in found.tally.examples]
        if not named:
            return []
        trial = trial_of(found, self._simulations.policy(found.tenant, found.id))
        past = self._archive.named(found.tenant, named)
        replayed = (trial.replayed(past[each]) for each in named if each in past)
        return _fitting([each for each in replayed if each is not None])

    def page(self, tenant: Tenant, policy_id: str, part: Slice) -> Page[Simulation]:
        """One page of a policy's simulations, newest first. Raises NotFound; Invalid for a foreign cursor."""
        self._insist_on(tenant, policy_id)
        page = self._simulations.page(tenant, policy_id, self._paging.position(tenant, part, policy_id))
        return self._paging.sealed(tenant, page, policy_id)

    def shadow(self, tenant: Tenant, policy_id: str, part: Slice) -> Page[ShadowDifference]:
        """One page of what a policy's shadows would have decided otherwise, newest first. Raises as ``page``."""
        self._insist_on(tenant, policy_id)
        page = self._shadows.page(tenant, policy_id, self._shadow_paging.position(tenant, part, policy_id))
        return self._shadow_paging.sealed(tenant, page, policy_id)

    def _insist_on(self, tenant: Tenant, policy_id: str) -> None:
        if not is_id("pol", policy_id) or self._policies.head(tenant, policy_id) is None:
            raise NotFound("No such policy")


def _fitting(examples: Sequence[Replayed]) -> list[Replayed]:
    """The first of ``examples``, as many as fit into an answer with their traces."""
    counts = accumulate(len(each.past.rules) + len(each.now.rules) for each in examples)
    return [each for each, rules in zip(examples, counts, strict=True) if rules <= MOST_RULES]
