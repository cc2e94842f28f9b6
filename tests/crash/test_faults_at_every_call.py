"""Whatever goes wrong at any one call, and whichever two calls kill: money moves at most once and nothing is lost."""

from __future__ import annotations

import pytest

from tests.crash.faults import ERRORS, KILLS, OTHER_WORKERS
from tests.crash.runs import pairs, play, single_faults
from tests.crash.scenarios import LONG, PAIRED, SCENARIOS

NAMES = [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in SCENARIOS]


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_any_call_doubles_and_loses_nothing(name: str) -> None:
    for plan in single_faults(name, KILLS):
        play([name], plan)


@pytest.mark.parametrize("name", NAMES)
def test_an_error_or_a_lost_answer_at_any_call_doubles_and_loses_nothing(name: str) -> None:
    for plan in single_faults(name, ERRORS):
        play([name], plan)


@pytest.mark.parametrize("name", NAMES)
def test_other_workers_between_any_two_calls_double_and_lose_nothing(name: str) -> None:
    for plan in single_faults(name, OTHER_WORKERS):
        play([name], plan)


def test_any_two_kills_on_the_way_of_a_paid_refund_double_and_lose_nothing() -> None:
    for plan in pairs("paid", KILLS):
        play(["paid"], plan)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRED)
def test_any_two_kills_double_and_lose_nothing(name: str) -> None:
    for plan in pairs(name, KILLS):
        play([name], plan)
