"""Children end with us, with everything that they started, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ownership, processes
from local.console import StepFailed
from local.processes import Children, wait_until
from local.settings import StackSettings

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.fixture
def children(tmp_path: Path) -> Iterator[Children]:
    """A registry that is emptied at the end, whatever the test did."""
    registry = Children(tmp_path)
    yield registry
    registry.stop_all()


def start(children: Children, name: str, script: str) -> processes.Child:
    """Start a Python script as a part, and wait until it has printed its first line."""
    child = children.start(name, [sys.executable, "-u", "-c", script], os.environ, Path.cwd())
    assert wait_until(lambda: bool(child.log.read_text(encoding="utf-8").strip()), 20)
    return child


def test_stopping_ends_the_grandchildren_too(children: Children) -> None:
    child = start(children, "parent", PARENT)
    grandchild = int(child.log.read_text(encoding="utf-8"))
    assert processes.identity(grandchild) is not None
    children.stop_all()
    assert not processes.group_lives(child.pid)
    assert processes.identity(grandchild) is None


def test_a_child_that_ignores_the_request_is_made_to_end(children: Children, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "STOP_GRACE_S", 0.3)
    child = start(children, "stubborn", STUBBORN)
    children.stop_all()
    assert not processes.group_lives(child.pid)


def test_nothing_starts_once_the_stack_is_stopping(children: Children) -> None:
    children.stop_all()
    with pytest.raises(StepFailed, match="the stack is stopping"):
        children.start("late", [sys.executable, "-c", "pass"], os.environ, Path.cwd())


def test_a_step_that_fails_shows_the_end_of_its_log(children: Children) -> None:
    script = "print('one'); raise SystemExit('the disk is full')"
    with pytest.raises(StepFailed, match="the disk is full") as caught:
        children.run("failing", [sys.executable, "-c", script], os.environ, Path.cwd(), 20)
    assert "failing.log" in caught.value.advice


def test_a_step_that_takes_too_long_is_ended(children: Children) -> None:
    with pytest.raises(StepFailed, match="took over"):
        children.run("slow", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, Path.cwd(), 0.3)


def test_waiting_for_a_part_that_ended_says_so(children: Children) -> None:
    child = children.start("ended", [sys.executable, "-c", "raise SystemExit('no such port')"], os.environ, Path.cwd())
    with pytest.raises(StepFailed, match=r"ended ended at once:\s+no such port"):
        processes.wait_for_http("http://127.0.0.1:9/", child, 20)


def test_a_part_that_ends_by_itself_is_noticed(children: Children) -> None:
    child = start(children, "short", "print('out of memory')")
    child.process.wait(20)
    with pytest.raises(StepFailed, match=r"short ended:\s+out of memory"):
        children.require_alive()


def test_what_an_earlier_run_left_is_ended(tmp_path: Path, children: Children) -> None:
    settings = StackSettings(state=tmp_path)
    child = start(children, "left-over", PARENT)
    ownership.write_record(settings, [child])
    assert ownership.stop_earlier_run(settings)
    assert wait_until(lambda: child.process.poll() is not None, 5)
    assert not (tmp_path / "run.json").exists()


def test_a_process_that_only_has_an_earlier_runs_id_is_left_alone(tmp_path: Path, children: Children) -> None:
    settings = StackSettings(state=tmp_path)
    child = start(children, "stranger", PARENT)
    ownership.write_record(settings, [child])
    record = (tmp_path / "run.json").read_text(encoding="utf-8")
    (tmp_path / "run.json").write_text(record.replace(f'"{processes.identity(child.pid)}"', '"1"'), encoding="utf-8")
    assert not ownership.stop_earlier_run(settings)
    assert child.process.poll() is None


def test_a_damaged_record_is_no_earlier_run(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"owner": 3', encoding="utf-8")
    assert not ownership.stop_earlier_run(StackSettings(state=tmp_path))


def test_a_finished_process_has_no_identity() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        assert wait_until(lambda: processes.identity(process.pid) is None, 20)
