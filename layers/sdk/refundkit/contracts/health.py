"""Health on the wire."""

from __future__ import annotations

from typing import Literal

from refundkit.contracts.base import Time, Wire


class HealthView(Wire):
    """The API answers; ``time`` is its clock, ISO 8601 UTC."""

    status: Literal["ok"]
    stage: str
    version: str
    time: Time
