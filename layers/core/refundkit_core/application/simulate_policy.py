"""Try a policy on past decisions before it is published (the use cases of ``/v1/simulations``).

What is small is done at once. The rest is done chunk by chunk, each named by its number in a message: rows first (again
is the same), then one conditional write that counts the chunk, then the next message. Whoever dies in between is made
good by the message's next delivery, and who comes late finds the chunk counted.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from refundkit_core.application.manage_policies import Once
from refundkit_core.application.policy_ports import PolicyStore
from refundkit_core.application.ports import Clock, Ids, OrganizationStore
from refundkit_core.application.replay import HEADER, Replay, first_place, trial_of
from refundkit_core.application.simulation_ports import Simulation, SimulationQueue, SimulationShelf, SimulationStore
from refundkit_core.domain.backtest import Tally
from refundkit_core.domain.errors import Detail, IdempotencyKeyReused, Invalid, NotFound, StoreConflict
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.policies import Policy
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

AT_ONCE: Final = 500
A_CHUNK: Final = 1_000
MOST_CHUNKS: Final = 1_000
"""A million decisions: their rows are put together within the time that a worker has."""
LONGEST: Final = timedelta(days=400)

Worked = Literal["chunk", "completed", "superseded", "sent_again", "nothing_to_do"]


@dataclass(frozen=True, slots=True)
class WantedSimulation:
    """What to try on which decisions: from ``since`` on, before ``until``. ``version`` None is the draft."""

    policy_id: str
    since: datetime
    until: datetime
    sample_percent: int
    version: int | None
    examples: int

    @property
    def asked(self) -> str:
        """What makes two requests the same."""
        told = [self.policy_id, iso(self.since), iso(self.until), self.sample_percent, self.version, self.examples]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class MadeSimulation(NamedTuple):
    """A simulation, and whether an earlier request with the same idempotency key made it."""

    simulation: Simulation
    replayed: bool


class SimulatePolicy:
    """The use case behind ``POST /v1/policies/{id}/simulate``."""

    def __init__(
        self,
        simulations: SimulationStore,
        policies: PolicyStore,
        organizations: OrganizationStore,
        replay: Replay,
        shelf: SimulationShelf,
        queue: SimulationQueue,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._simulations = simulations
        self._policies = policies
        self._organizations = organizations
        self._replay = replay
        self._shelf = shelf
        self._queue = queue
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, wanted: WantedSimulation, once: Once) -> MadeSimulation:
        """The simulation: completed where the range is small, else running.

        Raises:
            Invalid: the range ends before it begins, is too long, or lies in the future.
            NotFound: no such policy, or no such version of it.
            IdempotencyKeyReused: the key was used with another body.
        """
        if once.key is None:
            return self._made(tenant, wanted, self._ids.new("sim"), None)
        secret = self._organizations.secret(tenant.org_id)
        simulation_id = derived("sim", secret, tenant.environment, once.route, once.key)
        earlier = self._earlier(tenant, wanted, simulation_id)
        if earlier is not None:
            return earlier
        try:
            return self._made(tenant, wanted, simulation_id, wanted.asked)
        except StoreConflict:  # a call with the same key was faster, or an answer of our own was lost
            earlier = self._earlier(tenant, wanted, simulation_id)
            if earlier is None:
                raise
            return earlier

    def _earlier(self, tenant: Tenant, wanted: WantedSimulation, simulation_id: str) -> MadeSimulation | None:
        found = self._simulations.find(tenant, simulation_id)
        if found is None:
            return None
        if found.fingerprint != wanted.asked:
            detail = Detail("Idempotency-Key", simulation_id)
            raise IdempotencyKeyReused("This idempotency key made another simulation", (detail,))
        if found.chunk == 0 and not found.completed:  # whoever made it may have died before its first message
            self._queue.put(tenant, simulation_id, 0)
        return MadeSimulation(found, replayed=True)

    def _made(self, tenant: Tenant, wanted: WantedSimulation, simulation_id: str, asked: str | None) -> MadeSimulation:
        now = parse_iso(iso(self._clock.now()))
        until = _insist_on_range(wanted, now)
        policy, revision = self._document(tenant, wanted)
        begun = first_place(
            Simulation(
                id=simulation_id,
                tenant=tenant,
                policy_id=wanted.policy_id,
                version=wanted.version,
                revision=revision,
                since=wanted.since,
                until=until,
                sample_percent=wanted.sample_percent,
                created_at=now,
                updated_at=now,
                place=None,
                tally=Tally(wanted.examples),
                fingerprint=asked,
            )
        )
        part = self._replay.part(begun, trial_of(begun, policy), AT_ONCE)
        if part.after is not None:
            self._simulations.create(begun, policy)
            self._queue.put(tenant, simulation_id, 0)
            return MadeSimulation(begun, replayed=False)
        done = replace(begun, place=None, tally=begun.tally + part.tally, chunk=1, completed=True)
        self._shelf.complete(done, HEADER, part.rows)
        self._simulations.create(done, policy)
        return MadeSimulation(done, replayed=False)

    def _document(self, tenant: Tenant, wanted: WantedSimulation) -> tuple[Policy, int]:
        """The document that is tried, and the draft's revision that it is or was."""
        draft = self._policies.draft(tenant, wanted.policy_id) if is_id("pol", wanted.policy_id) else None
        if draft is None:
            raise NotFound("No such policy")
        if wanted.version is None:
            return draft.policy, draft.head.revision
        found = self._policies.version(tenant, wanted.policy_id, wanted.version)
        published = [each.revision for each in draft.head.publications if each.number == wanted.version]
        if found is None or not published:
            raise NotFound("No such version")
        return found.policy, published[0]


class WorkSimulation:
    """The use case behind the simulation queue: one chunk a message."""

    def __init__(
        self,
        simulations: SimulationStore,
        replay: Replay,
        shelf: SimulationShelf,
        queue: SimulationQueue,
        clock: Clock,
    ) -> None:
        self._simulations = simulations
        self._replay = replay
        self._shelf = shelf
        self._queue = queue
        self._clock = clock

    def __call__(self, tenant: Tenant, simulation_id: str, chunk: int) -> Worked:
        """Work off chunk number ``chunk``, once, however often it is asked.

        Raises:
            StoreConflict: another worker was faster, or no answer came: the message must come again.
        """
        found = self._simulations.find(tenant, simulation_id)
        if found is None or found.completed:
            return "nothing_to_do"
        if chunk == found.chunk - 1:  # it was counted, and its worker may have died before the next message
            self._queue.put(tenant, simulation_id, found.chunk)
            return "sent_again"
        if chunk != found.chunk:
            return "superseded"
        now = parse_iso(iso(self._clock.now()))
        if found.place is None:
            self._shelf.complete(found, HEADER, None)
            self._simulations.advance(found, replace(found, completed=True, updated_at=now))
            return "completed"
        self._count_next(found, now)
        return "chunk"

    def _count_next(self, found: Simulation, now: datetime) -> None:
        trial = trial_of(found, self._simulations.policy(found.tenant, found.id))
        part = self._replay.part(found, trial, A_CHUNK)
        self._shelf.put_part(found, part.rows)
        truncated = part.after is not None and found.chunk + 1 >= MOST_CHUNKS
        after = replace(
            found,
            place=None if truncated else part.after,
            tally=found.tally + part.tally,
            chunk=found.chunk + 1,
            truncated=truncated,
            updated_at=now,
        )
        self._simulations.advance(found, after)
        self._queue.put(found.tenant, found.id, after.chunk)


def _insist_on_range(wanted: WantedSimulation, now: datetime) -> datetime:
    """Where the range ends: not after now."""
    until = min(wanted.until, now)
    if wanted.since >= now:
        raise Invalid("The range lies in the future", (Detail("from", "Must be a time that has passed"),))
    if wanted.since >= wanted.until:
        raise Invalid("The range ends before it begins", (Detail("to", "Must be later than from"),))
    if wanted.until - wanted.since > LONGEST:
        raise Invalid("The range is too long", (Detail("to", f"At most {LONGEST.days} days after from"),))
    return until
