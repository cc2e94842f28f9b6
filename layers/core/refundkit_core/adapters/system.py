"""The machine's clock and randomness."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime
from typing import Final

from refundkit_core.application.ports import Clock
from refundkit_core.domain.ids import ulid

_LONGEST_PAUSE_S: Final = 0.4


class SystemClock:
    """``Clock`` on the machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class SystemIds:
    """``Ids`` on the machine's randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        return ulid(prefix, self._clock.now(), secrets.token_bytes(10))

    def pause(self, attempt: int) -> None:
        time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, 0.01 * 2**attempt)))  # noqa: S311 - jitter, not a secret
