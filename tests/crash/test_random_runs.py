"""Random runs: several scenarios at once, any order, duplicates, up to a dozen faults. A number replays its run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.crash.choices import Plan
from tests.crash.runs import at_random, play
from tests.crash.scenarios import SCENARIOS
from tests.support.template import ROOT

SEEDS = 200
MANY_SEEDS = 10_000


def test_random_runs_double_and_lose_nothing() -> None:
    for seed in range(SEEDS):
        at_random(seed)


@pytest.mark.slow
def test_many_random_runs_double_and_lose_nothing() -> None:
    for seed in range(SEEDS, MANY_SEEDS):
        at_random(seed)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_in_which_nothing_goes_wrong_ends_in_order(name: str) -> None:
    assert play([name], Plan()).calls.count > 0


def test_a_seed_replays_its_run_exactly() -> None:
    assert [at_random(seed).calls.told() for seed in range(20)] == [at_random(seed).calls.told() for seed in range(20)]


def test_the_command_prints_the_run_of_a_seed() -> None:
    command = [sys.executable, "-m", "tests.crash", "--seed", "3"]

    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert printed.stdout == at_random(3).calls.told() + "\n"
