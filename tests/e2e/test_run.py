"""`make run` as a person uses it: it starts, a second one replaces it, Ctrl-C leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ownership
from local.processes import group_lives, wait_until
from local.settings import ROOT, StackSettings, free_stack_settings, is_free

pytestmark = pytest.mark.stack
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 30


class Run:
    """A `make run` in a terminal of its own."""

    def __init__(self, settings: StackSettings) -> None:
        environ = {
            **os.environ,
            "PYTHONPATH": ".:layers/sdk",  # as the Makefile has it
            "REFUNDKIT_STATE": str(settings.state),
            "REFUNDKIT_PORT": str(settings.port),
            "REFUNDKIT_AWS_PORT": str(settings.aws_port),
            "REFUNDKIT_STRIPE_PORT": str(settings.stripe_port),
        }
        self.output = settings.state / f"run-{time.monotonic_ns()}.txt"
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.run"],
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        """Everything that it has printed."""
        return self.output.read_text(encoding="utf-8")

    def is_up(self) -> bool:
        """Whether it says so; fails when it ended instead."""
        assert self.process.poll() is None, self.said()
        return "Ctrl-C stops everything." in self.said()

    def end(self) -> None:
        """Whatever happened, leave nothing."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(STOP_TIMEOUT_S)


@pytest.fixture
def settings(tmp_path: Path) -> StackSettings:
    """Ports and a folder of one's own."""
    if not (ROOT / "template.yaml").exists():
        pytest.skip("there is no template yet")
    return free_stack_settings(tmp_path)


@pytest.fixture
def runs(settings: StackSettings) -> Iterator[list[Run]]:
    """The runs that a test starts; all are ended after it."""
    started: list[Run] = []
    yield started
    for run in started:
        run.end()


def groups_of(settings: StackSettings) -> list[int]:
    """The process groups of the parts that run."""
    return [int(mark["pid"]) for mark in ownership.earlier_run(settings) if mark["name"] != ownership.OWNER]


def test_a_second_run_replaces_the_first_and_ctrl_c_leaves_nothing(settings: StackSettings, runs: list[Run]) -> None:
    first = Run(settings)
    runs.append(first)
    assert wait_until(first.is_up, START_TIMEOUT_S), first.said()
    of_first = groups_of(settings)
    assert len(of_first) == 2

    second = Run(settings)
    runs.append(second)
    assert wait_until(second.is_up, START_TIMEOUT_S), second.said()
    assert first.process.wait(STOP_TIMEOUT_S) == 0
    assert [group for group in of_first if group_lives(group)] == []

    of_second = groups_of(settings)
    second.process.send_signal(signal.SIGINT)
    assert second.process.wait(STOP_TIMEOUT_S) == 0
    assert second.said().rstrip().endswith("stopped")
    assert [group for group in of_second if group_lives(group)] == []
    assert all(is_free(port) for port in (settings.port, settings.aws_port, settings.stripe_port))
    assert not settings.record.exists()


def test_ctrl_c_during_the_start_leaves_nothing(settings: StackSettings, runs: list[Run]) -> None:
    run = Run(settings)
    runs.append(run)
    assert wait_until(lambda: len(groups_of(settings)) >= 2, START_TIMEOUT_S), run.said()
    groups = groups_of(settings)
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(STOP_TIMEOUT_S) == 0
    assert [group for group in groups if group_lives(group)] == []


def test_what_a_killed_run_left_is_ended_by_stop(settings: StackSettings, runs: list[Run]) -> None:
    run = Run(settings)
    runs.append(run)
    assert wait_until(lambda: len(groups_of(settings)) >= 2, START_TIMEOUT_S), run.said()
    run.process.kill()
    run.process.wait(STOP_TIMEOUT_S)
    left = groups_of(settings)
    assert left != []
    assert ownership.stop_earlier_run(settings)
    assert [group for group in left if group_lives(group)] == []
