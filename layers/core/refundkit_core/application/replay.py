"""Replay a part of the past: read decisions in their order, judge them anew, count them, write their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from refundkit_core.application.simulation_ports import SOURCES, DecisionArchive, Place, Simulation
from refundkit_core.domain.backtest import PastDecision, Replayed, Tally, Trial, judged_anew
from refundkit_core.domain.csv_rows import csv_of
from refundkit_core.domain.policies import Policy, PolicyVersion
from refundkit_core.domain.times import iso

HEADER: Final = csv_of(
    [("decisionId", "decidedAt", "transactionId", "amount", "currency", "before", "after", "changedRules")]
)


class Part(NamedTuple):
    """One part: its tally, its rows, and where the next begins (None: that was the last)."""

    tally: Tally
    rows: str
    after: Place | None


class Replay:
    """The past of one tenant, part by part."""

    def __init__(self, archive: DecisionArchive) -> None:
        self._archive = archive

    def part(self, simulation: Simulation, trial: Trial, most: int) -> Part:
        """The next ``most`` decisions of a simulation, or all that are left: the same ones whenever it is asked."""
        decisions, after = self._read(simulation, most)
        judged = judged_anew(trial, decisions)
        return Part(judged.tally, csv_of(_row(each) for each in judged.replayed), after)

    def _read(self, simulation: Simulation, most: int) -> tuple[Sequence[PastDecision], Place | None]:
        found: list[PastDecision] = []
        place = simulation.place
        while place is not None and len(found) < most:
            left = most - len(found)
            read, after = self._archive.newest(simulation.tenant, place, simulation.since, left)
            found += read
            place = after or _next_source(place, simulation)
        return found, place


def trial_of(simulation: Simulation, policy: Policy) -> Trial:
    """What a simulation tries."""
    version = PolicyVersion(simulation.policy_id, simulation.version or 0, policy)
    return Trial(simulation.policy_id, version, simulation.sample_percent, simulation.tally.most_examples)


def first_place(simulation: Simulation) -> Simulation:
    """The simulation before anything is read."""
    return replace(simulation, place=Place(SOURCES[0], iso(simulation.until)))


def _next_source(place: Place, simulation: Simulation) -> Place | None:
    following = SOURCES[SOURCES.index(place.source) + 1 :]
    return Place(following[0], iso(simulation.until)) if following else None


def _row(each: Replayed) -> tuple[str | int, ...]:
    past = each.past
    return (
        past.id,
        iso(past.at),
        past.charge_id,
        past.gross.amount_minor,
        past.gross.currency,
        past.verdict,
        each.now.verdict,
        "; ".join(each.changed_rules),
    )
