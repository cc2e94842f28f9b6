"""The sandbox's own time: it follows the machine's clock until someone sets, freezes or moves it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

SignWith = Literal["sandbox", "real"]


class SandboxClock:
    """Seconds since the epoch. Three states: real, shifted (runs, but offset) and frozen.

    Not locked by itself: the sandbox reads and moves it under its own lock.
    """

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self._shift_s = 0.0
        self._frozen_at: float | None = None
        self.sign_with: SignWith = "sandbox"

    def now(self) -> float:
        """The sandbox's present, in seconds with fractions."""
        return self._frozen_at if self._frozen_at is not None else self._real() + self._shift_s

    def unix(self) -> int:
        """The present as Stripe writes it: whole seconds."""
        return int(self.now())

    def signature_time(self) -> int:
        """The `t` of a webhook signature: the sandbox's time, or the machine's where the clock says so."""
        return int(self._real()) if self.sign_with == "real" else self.unix()

    def set_to(self, moment_s: float) -> None:
        """Freeze at a moment; time stands still until it is advanced or reset."""
        self._frozen_at = moment_s

    def advance(self, seconds: float) -> None:
        """Move forward (a frozen clock stays frozen, a running one keeps running)."""
        if self._frozen_at is not None:
            self._frozen_at += seconds
        else:
            self._shift_s += seconds

    def reset(self) -> None:
        """Back to the machine's time."""
        self._shift_s, self._frozen_at, self.sign_with = 0.0, None, "sandbox"

    def seconds_until(self, moment_s: float) -> float | None:
        """Real seconds until a moment comes by itself; None while the clock is frozen before it."""
        remaining = moment_s - self.now()
        if remaining <= 0:
            return 0.0
        return None if self._frozen_at is not None else remaining

    def describe(self) -> dict[str, object]:
        """What `GET /_sandbox/clock` answers."""
        mode = "frozen" if self._frozen_at is not None else "shifted" if self._shift_s else "real"
        present = self.now()
        iso = datetime.fromtimestamp(present, UTC).isoformat(timespec="milliseconds")
        return {
            "now": iso.replace("+00:00", "Z"), "unix": int(present), "mode": mode,
            "shift_s": self._shift_s, "sign_with": self.sign_with,
        }  # fmt: skip
