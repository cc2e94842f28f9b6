"""What surrounds every answer: ``{"data": …, "error": null}`` or ``{"data": null, "error": {…}}``."""

from __future__ import annotations

from refundkit.contracts.base import Wire


class Pagination(Wire):
    """Beside a list's ``data``: how it was cut, and where it goes on (null: nothing is left)."""

    limit: int
    offset: int
    next_cursor: str | None
