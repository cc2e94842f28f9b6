"""Time on the wire: ISO 8601 UTC with milliseconds and ``Z``. Everything inside is an aware datetime."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before anything that we could have kept."""


def iso(at: datetime) -> str:
    """``2026-03-22T10:30:00.000Z``; refuses a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime says no instant")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_iso(text: str) -> datetime:
    """The instant that :func:`iso` wrote."""
    return datetime.fromisoformat(text)


def from_unix(seconds: int) -> datetime:
    """The instant of a Unix time in whole seconds."""
    return datetime.fromtimestamp(seconds, UTC)
