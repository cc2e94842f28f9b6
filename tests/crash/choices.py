"""Who decides what happens next and what goes wrong: a plan, or dice that fall the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from tests.crash.faults import KILLS, OTHER_WORKERS, Call, Fault

Some = TypeVar("Some")


class Choices(Protocol):
    """The free choices of a run."""

    def fault(self, call: Call) -> Fault | None:
        """What goes wrong at this call."""

    def next_of(self, ready: Sequence[Some]) -> Some:
        """Which of the work that is ready is done next."""

    def delivers_again(self) -> bool:
        """Whether a message that was handled is delivered once more."""

    def joins_batch(self) -> bool:
        """Whether an event travels with those that wait already."""

    def time_passes(self) -> timedelta:
        """How much time passes before the next piece of work."""


class Plan:
    """Everything in order, and the given faults at the given calls."""

    def __init__(self, faults: Mapping[int, Fault] | None = None) -> None:
        self._faults = faults or {}

    def __str__(self) -> str:
        return (
            "; ".join(f"call {number}: {fault.value}" for number, fault in self._faults.items()) or "nothing goes wrong"
        )

    def fault(self, call: Call) -> Fault | None:
        return self._faults.get(call.number)

    def next_of(self, ready: Sequence[Some]) -> Some:
        return ready[0]

    def delivers_again(self) -> bool:
        return False

    def joins_batch(self) -> bool:
        return False

    def time_passes(self) -> timedelta:
        return timedelta()


_MAX_DEPTH: Final = 3
_PAUSES: Final = (timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=3), timedelta(minutes=11))
_LONG_PAUSE: Final = timedelta(hours=23, minutes=30)


class Dice:
    """Any order, duplicates, and up to a dozen faults; the same seed falls the same way."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._seed = seed
        self._left = self.random.randint(0, 12)
        self._rate = self.random.choice((0.02, 0.08, 0.2))
        self._kinds = self.random.choice((KILLS, tuple(Fault), OTHER_WORKERS))
        self._duplicates = self.random.choice((0, 0, 0.1, 0.3))
        self._duplicates_left = 20
        self._pauses = self.random.choice((0, 0, 0.1))

    def __str__(self) -> str:
        return f"seed {self._seed} (again: python -m tests.crash --seed {self._seed})"

    def fault(self, call: Call) -> Fault | None:
        if self._left == 0 or self.random.random() >= self._rate:
            return None
        fault = self.random.choice(self._kinds)
        if call.depth >= _MAX_DEPTH and fault not in KILLS:
            return None
        self._left -= 1
        return fault

    def next_of(self, ready: Sequence[Some]) -> Some:
        return self.random.choice(ready)

    def delivers_again(self) -> bool:
        again = self._duplicates_left > 0 and self.random.random() < self._duplicates
        self._duplicates_left -= again
        return again

    def joins_batch(self) -> bool:
        return self.random.random() < 0.5

    def time_passes(self) -> timedelta:
        if not self._pauses or self.random.random() >= self._pauses:
            return timedelta()
        return _LONG_PAUSE if self.random.random() < 0.02 else self.random.choice(_PAUSES)
