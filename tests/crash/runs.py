"""Runs: one, all single faults, all pairs of kills, and random ones that their number replays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Final

from tests.crash.choices import Choices, Dice, Plan
from tests.crash.faults import Fault
from tests.crash.invariants import Violation
from tests.crash.scenarios import SCENARIOS
from tests.crash.system import System

_LAST_LINES: Final = 120
_MAX_TOGETHER: Final = 3


def play(names: Sequence[str], choices: Choices, kind: type[System] = System) -> System:
    """One run of ``names``, begun together, to its quiet end. Raises Violation, with its story."""
    system = kind(choices)
    try:
        for name in names:
            SCENARIOS[name](system)
        system.until_quiet()
    except Violation as violation:
        violation.story = f"{' + '.join(names)}, {choices}\n{system.calls.told(_LAST_LINES)}"
        raise
    return system


def single_faults(name: str, faults: Iterable[Fault]) -> Iterator[Plan]:
    """A plan for each of ``faults`` at each call that the undisturbed scenario makes."""
    calls = play([name], Plan()).calls.count
    for index, fault in product(range(calls), tuple(faults)):
        yield Plan({index: fault})


def pairs(name: str, faults: Sequence[Fault]) -> Iterator[Plan]:
    """A plan for each two of ``faults``: the second at each call that the run makes after the first."""
    for index, first in product(range(play([name], Plan()).calls.count), faults):
        calls = play([name], Plan({index: first})).calls.count
        for later, second in product(range(index + 1, calls), faults):
            yield Plan({index: first, later: second})


def at_random(seed: int, kind: type[System] = System) -> System:
    """The run of a seed: some scenarios together, in any order, with duplicates and up to a dozen faults."""
    dice = Dice(seed)
    together = dice.random.choice((1, 1, 2, _MAX_TOGETHER))
    return play(dice.random.sample(sorted(SCENARIOS), together), dice, kind)
