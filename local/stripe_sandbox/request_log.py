"""What was asked: every API request with its answer, in bounded memory."""

from __future__ import annotations

from collections import deque
from typing import Any

LOG_LENGTH = 10_000


class RequestLog:
    """Recent API requests. Guarded by the sandbox's lock."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)

    def add(self, entry: dict[str, Any]) -> None:
        """Append one request; its status may be filled in later."""
        self._entries.append(entry)

    def find(self, limit: int, **wanted: str | None) -> list[dict[str, Any]]:
        """The newest requests whose fields equal those wanted (None matches everything), newest first."""
        matching = (
            dict(entry)
            for entry in reversed(self._entries)
            if all(entry.get(name) == value for name, value in wanted.items() if value is not None)
        )
        return [entry for entry, _ in zip(matching, range(limit), strict=False)]

    def forget(self, account_id: str | None) -> None:
        """Drop the requests of one account, or all."""
        kept = [entry for entry in self._entries if account_id and entry["account"] != account_id]
        self._entries.clear()
        self._entries.extend(kept)
