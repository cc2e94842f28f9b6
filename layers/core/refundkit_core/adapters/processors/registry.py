"""The one registry of processors. A processor's module is imported when it is first needed, not before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from refundkit_core.application.ports import PaymentProcessor, ProcessorSetup
from refundkit_core.application.records import Connection

_MAX_CONNECTED: Final = 100
_SHAPES: Final[dict[str, tuple[str, ...]]] = {"stripe": ("ch_", "py_", "pi_")}
"""Prefixes of the transaction ids of each processor."""


class ProcessorRegistry:
    """``Processors``: connects by name, and tells from an id's shape whose transaction it is."""

    def __init__(self, stripe_api_base: str) -> None:
        self._stripe_api_base = stripe_api_base
        self._connected: dict[tuple[str, str], PaymentProcessor] = {}

    def names(self) -> Sequence[str]:
        return tuple(_SHAPES)

    def named_by(self, transaction_id: str) -> str | None:
        return next((name for name, prefixes in _SHAPES.items() if transaction_id.startswith(prefixes)), None)

    def connect(self, connection: Connection) -> PaymentProcessor:
        identity = (connection.id, connection.secret_key)
        if identity not in self._connected:
            from refundkit_core.adapters.processors.stripe import StripeProcessor

            if len(self._connected) >= _MAX_CONNECTED:
                self._connected.clear()
            self._connected[identity] = StripeProcessor(connection.secret_key, self._stripe_api_base)
        return self._connected[identity]

    def setups(self) -> dict[str, ProcessorSetup]:
        """What connecting each processor takes."""
        from refundkit_core.adapters.processors.stripe import StripeSetup

        return {"stripe": StripeSetup(self._stripe_api_base)}
