"""Things that happen later: scripted transitions, due by the sandbox's clock.

A background thread serves the running clock; moving the clock makes due things happen at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from local.stripe_sandbox.clock import SandboxClock

_LONGEST_NAP_S = 5.0


@dataclass(frozen=True)
class Entry:
    """One action, when it is due, and whose it is."""

    due_at: float
    number: int
    account_id: str
    action: Callable[[], None]


class Agenda:
    """Due actions in time order."""

    def __init__(self, lock: threading.RLock, clock: SandboxClock) -> None:
        self._lock = lock
        self._clock = clock
        self._entries: list[Entry] = []
        self._count = 0
        self._changed = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def add(self, after_s: float, account_id: str, action: Callable[[], None]) -> None:
        """Plan an action. Caller holds the lock."""
        self._count += 1
        self._entries.append(Entry(self._clock.now() + after_s, self._count, account_id, action))
        self._changed.set()

    def forget(self, account_id: str | None) -> None:
        """Cancel the actions of one account, or all."""
        self._entries = [entry for entry in self._entries if account_id and entry.account_id != account_id]

    def pending(self) -> int:
        """How many actions still wait."""
        return len(self._entries)

    def run_due(self) -> int:
        """Do everything that is due, in order of time; how many that were."""
        done = 0
        with self._lock:
            while True:
                due = [entry for entry in self._entries if entry.due_at <= self._clock.now()]
                if not due:
                    return done
                first = min(due, key=lambda entry: (entry.due_at, entry.number))
                self._entries.remove(first)
                first.action()
                done += 1

    def clock_moved(self) -> int:
        """The clock was set or advanced: run what became due and let the thread look again."""
        done = self.run_due()
        self._changed.set()
        return done

    def start(self) -> None:
        """Serve the running clock in the background."""
        self._thread = threading.Thread(target=self._serve, name="stripe-sandbox-agenda", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the background thread."""
        self._stopped = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _serve(self) -> None:
        while not self._stopped:
            self._changed.clear()
            self.run_due()
            self._changed.wait(self._nap_s())

    def _nap_s(self) -> float:
        with self._lock:
            waits = [self._clock.seconds_until(entry.due_at) for entry in self._entries]
        return min([wait for wait in waits if wait is not None] + [_LONGEST_NAP_S])
