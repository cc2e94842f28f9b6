"""The one registry of processors. A processor's module is imported when it is first needed, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from refundkit_core.application.ports import PaymentProcessor, ProcessorSetup
from refundkit_core.application.records import Connection

_MAX_CONNECTED: Final = 100


@dataclass(frozen=True, slots=True)
class ProcessorKind:
    """One processor: the prefixes of its transactions' ids, and how to make its adapter and its setup."""

    prefixes: tuple[str, ...]
    connect: Callable[[Connection], PaymentProcessor]
    setup: Callable[[], ProcessorSetup]


def stripe_kind(api_base: str) -> ProcessorKind:
    """Stripe, or a sandbox of it at ``api_base``."""

    def connect(connection: Connection) -> PaymentProcessor:
        from refundkit_core.adapters.processors.stripe import StripeProcessor

        return StripeProcessor(connection, api_base)

    def setup() -> ProcessorSetup:
        from refundkit_core.adapters.processors.stripe import StripeSetup

        return StripeSetup(api_base)

    return ProcessorKind(("ch_", "py_", "pi_"), connect, setup)


class ProcessorRegistry:
    """``Processors``: connects by name, and tells from an id's shape whose transaction it is."""

    def __init__(self, kinds: Mapping[str, ProcessorKind]) -> None:
        self._kinds = dict(kinds)
        self._connected: dict[Connection, PaymentProcessor] = {}

    def names(self) -> Sequence[str]:
        return tuple(self._kinds)

    def named_by(self, transaction_id: str) -> str | None:
        return next((name for name, kind in self._kinds.items() if transaction_id.startswith(kind.prefixes)), None)

    def connect(self, connection: Connection) -> PaymentProcessor:
        if connection not in self._connected:
            if len(self._connected) >= _MAX_CONNECTED:
                self._connected.clear()
            self._connected[connection] = self._kinds[connection.processor].connect(connection)
        return self._connected[connection]

    def setups(self) -> dict[str, ProcessorSetup]:
        """What connecting each processor takes."""
        return {name: kind.setup() for name, kind in self._kinds.items()}
