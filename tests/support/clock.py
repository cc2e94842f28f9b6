"""A clock that tests move, and ids that never wait."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from refundkit_core.domain.ids import ulid

START = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


class FixedClock:
    """``Clock`` that stands until it is moved."""

    def __init__(self, at: datetime = START) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def sleep(self, seconds: float) -> None:
        self.advance(seconds=seconds)

    def advance(self, **by: float) -> None:
        """Move on by a timedelta's arguments: ``advance(hours=25)``."""
        self._at += timedelta(**by)


class CountingIds:
    """``Ids`` that count; pauses are noted instead of waited."""

    def __init__(self, clock: FixedClock) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.pauses: list[int] = []

    def new(self, prefix: str) -> str:
        return ulid(prefix, self._clock.now(), next(self._numbers).to_bytes(10))

    def pause(self, attempt: int) -> None:
        self.pauses.append(attempt)
