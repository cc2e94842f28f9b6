"""Whatever goes wrong at any call of webhooks: every event arrives or is given up in time, none is late for long."""

from __future__ import annotations

import pytest

from tests.crash.choices import Plan
from tests.crash.deliveries import (
    LATEST,
    SCENARIOS,
    NextTryForgotten,
    NobodySweeps,
    TakenOutTooEarly,
    WebhookSystem,
    at_random,
    every_fault,
    play,
)
from tests.crash.faults import ERRORS, KILLS, OTHER_WORKERS
from tests.crash.invariants import Violation


@pytest.mark.parametrize("name", SCENARIOS)
def test_undisturbed_nothing_is_late_and_nothing_is_sent_twice(name: str) -> None:
    system = play(name, Plan())

    successes = [headers["webhook-id"] for _, headers, _ in system.receivers.sent]
    assert successes
    assert system.latest <= LATEST / 2  # a schedule's precision


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_kill_at_any_call_loses_nothing_and_delays_by_two_minutes_at_most(name: str) -> None:
    assert every_fault(name, KILLS) > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_an_error_or_a_lost_answer_at_any_call_loses_nothing(name: str) -> None:
    assert every_fault(name, ERRORS) > 0


@pytest.mark.parametrize("name", SCENARIOS)
def test_other_workers_between_any_two_calls_lose_nothing(name: str) -> None:
    assert every_fault(name, OTHER_WORKERS) > 0


def test_random_runs_lose_nothing() -> None:
    for seed in range(300):
        at_random(seed)


def noticed(kind: type[WebhookSystem]) -> bool:
    """Whether a fault somewhere shows a system's planted mistake."""
    try:
        for name in SCENARIOS:
            every_fault(name, (*KILLS, *ERRORS, *OTHER_WORKERS), kind)
    except Violation:
        return True
    return False


@pytest.mark.parametrize("kind", [NobodySweeps, TakenOutTooEarly, NextTryForgotten])
def test_planted_mistakes_are_noticed(kind: type[WebhookSystem]) -> None:
    assert noticed(kind)
