"""What ``python -m tests.crash`` understands: plays a run, and prints all that happened in it."""

from __future__ import annotations

import argparse
import sys
import time

from tests.crash.choices import Plan
from tests.crash.faults import Fault
from tests.crash.invariants import Violation
from tests.crash.runs import at_random, play
from tests.crash.scenarios import SCENARIOS


def main() -> int:
    """Play one run, or many; 1 where an invariant does not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--seed", type=int, help="the run of this number")
    parser.add_argument(
        "--seeds", type=int, nargs=2, metavar=("FIRST", "COUNT"), help="many runs, stopped by a failure"
    )
    parser.add_argument("--scenario", choices=sorted(SCENARIOS), help="one scenario, in order")
    parser.add_argument("--at", nargs=2, action="append", default=[], metavar=("CALL", "FAULT"), help="KILL_AFTER, …")
    chosen = parser.parse_args()
    try:
        if chosen.seeds:
            _many(*chosen.seeds)
            return 0
        plan = Plan({int(call): Fault[fault] for call, fault in chosen.at})
        system = play([chosen.scenario], plan) if chosen.scenario else at_random(chosen.seed or 0)
    except Violation as violation:
        print(f"VIOLATED: {violation}", file=sys.stderr)
        return 1
    print(system.calls.told())
    return 0


def _many(first: int, count: int) -> None:
    began = time.perf_counter()
    for seed in range(first, first + count):
        at_random(seed)
    print(f"{count} runs held, {time.perf_counter() - began:.1f} s")
