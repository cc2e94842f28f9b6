"""Child processes that never outlive us: each in a session of its own, with a log, stopped as a group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.console import StepFailed

TAIL_LINES = 20
STOP_GRACE_S = 4.0
POLL_S = 0.05


@dataclass(frozen=True)
class Child:
    """A running part. Its process id is also its group's, which its own children stay in."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id, and the process group's id."""
        return self.process.pid


def identity(pid: int) -> str | None:
    """What tells a process from a later one with the same id: when it started. None when it is gone.

    A finished process that nobody has waited for yet counts as gone.
    """
    fields = _stat_of(Path(f"/proc/{pid}/stat"))
    if fields is not None:
        return None if fields[0] == "Z" else fields[19]
    if Path("/proc/self/stat").exists():
        return None
    listed = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.strip() or None


def group_lives(group: int) -> bool:
    """Whether any process of the group still runs; one that ended and waits to be collected does not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    members = [stat for stat in map(_stat_of, Path("/proc").glob("[0-9]*/stat")) if stat and stat[2] == str(group)]
    return any(stat[0] != "Z" for stat in members) if members else not Path("/proc/self/stat").exists()


def _stat_of(file: Path) -> list[str] | None:
    """The fields after the name (state, parent, group, …), or None when the process has gone meanwhile."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None


def signal_group(group: int, number: signal.Signals) -> None:
    """Signal every process of a group; nothing happens when the group is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Poll until `condition` holds; False when it does not within `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def end_group(group: int, reap: Callable[[], object] = lambda: None) -> None:
    """Ask a process group to end, and make it after `STOP_GRACE_S`. `reap` collects our child's status."""

    def gone() -> bool:
        reap()
        return not group_lives(group)

    signal_group(group, signal.SIGTERM)
    if not wait_until(gone, STOP_GRACE_S):
        signal_group(group, signal.SIGKILL)
        wait_until(gone, STOP_GRACE_S)


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log, indented; empty when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])


class Children:
    """All processes that one stack started. `stop_all` ends them, and any start after it is refused."""

    def __init__(self, logs: Path, on_change: Callable[[list[Child]], None] = lambda _: None) -> None:
        self._logs = logs
        self._on_change = on_change
        self._running: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def start(self, name: str, command: list[str], environ: Mapping[str, str], folder: Path) -> Child:
        """Start a part in its own session, its output going to `<logs>/<name>.log`.

        Raises:
            StepFailed: the program cannot be started, or the stack is being stopped.
        """
        log = self._logs / f"{name}.log"
        with self._lock:
            if self._closed:
                raise StepFailed(f"{name} was not started: the stack is stopping")
            try:
                with open(log, "ab") as output:
                    process = subprocess.Popen(
                        command,
                        cwd=folder,
                        env=dict(environ),
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
            except OSError as exc:
                raise StepFailed(f"{name} cannot be started: {exc}") from exc
            child = Child(name, process, log)
            self._running.append(child)
            self._on_change(list(self._running))
        return child

    def run(self, name: str, command: list[str], environ: Mapping[str, str], folder: Path, timeout_s: float) -> None:
        """Run a part to its end.

        Raises:
            StepFailed: it failed or took too long; the message carries the end of its log.
        """
        child = self.start(name, command, environ, folder)
        try:
            code = child.process.wait(timeout_s)
        except subprocess.TimeoutExpired as exc:
            raise StepFailed(f"{name} took over {timeout_s:.0f} s:\n{tail(child.log)}") from exc
        finally:
            self.stop(child)
        if code:
            raise StepFailed(f"{name} failed:\n{tail(child.log)}", f"the whole log is in {child.log}")

    def stop(self, child: Child) -> None:
        """End one part and everything it started."""
        end_group(child.pid, child.process.poll)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(STOP_GRACE_S)
        with self._lock:
            if child in self._running:
                self._running.remove(child)
                self._on_change(list(self._running))

    def require_alive(self) -> None:
        """Check that every part still runs.

        Raises:
            StepFailed: one ended by itself; the message carries the end of its log.
        """
        with self._lock:
            running = list(self._running)
        for child in running:
            if child.process.poll() is not None:
                raise StepFailed(f"{child.name} ended:\n{tail(child.log)}", f"the whole log is in {child.log}")

    def stop_all(self) -> None:
        """End every part, the latest first, side by side in their grace."""
        with self._lock:
            self._closed = True
            running = list(reversed(self._running))
        for child in running:
            signal_group(child.pid, signal.SIGTERM)
        for child in running:
            self.stop(child)


def wait_for_http(url: str, child: Child, timeout_s: float) -> None:
    """Wait until `url` answers 200.

    Raises:
        StepFailed: the part ended, or did not answer in time; the message carries the end of its log.
    """

    def answers() -> bool:
        if child.process.poll() is not None:
            raise StepFailed(f"{child.name} ended at once:\n{tail(child.log)}", f"the whole log is in {child.log}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    if not wait_until(answers, timeout_s):
        raise StepFailed(f"{child.name} did not answer within {timeout_s:.0f} s:\n{tail(child.log)}")
