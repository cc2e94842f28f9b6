"""Schedules: run a use case and say in one log line what it did."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from refundkit_core.entrypoints.observability import log


class _Told(Protocol):
    def _asdict(self) -> dict[str, Any]: ...


def reported(message: str, run: Callable[[], _Told]) -> dict[str, Any]:
    """Run and log what came of it; an exception fails the invocation, which the schedule's alarm sees."""
    started = time.perf_counter()
    told = run()._asdict()
    log(message, ms=round((time.perf_counter() - started) * 1000), **told)
    return told
