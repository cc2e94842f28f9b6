"""News from processors: received durably and in ids only, then read afresh and applied (architecture, step 11)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, Literal, Protocol

from refundkit_core.application.look_at_transaction import LookAtTransaction
from refundkit_core.application.ports import Clock, ConnectionStore, ProcessorNewsQueue, Processors
from refundkit_core.application.records import Connection, ProcessorNews
from refundkit_core.domain.errors import NotFound, ProcessorDenied
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import Ledger

Header = Callable[[str], str | None]
"""A request's header by its name in lower case."""


class WebhookReader(Protocol):
    """How one processor signs and words its webhooks."""

    def __call__(self, connection: Connection, body: bytes, header: Header, now_unix: float) -> ProcessorNews | None:
        """The news in ``body``, None where it is none that concerns refunds or their charges.

        Raises:
            BadSignature: nobody who knows one of the connection's secrets signed this within the tolerance.
        """


class ReceiveProcessorWebhook:
    """Verify a webhook and queue what it says; when this returns, the news cannot be lost."""

    def __init__(
        self,
        connections: ConnectionStore,
        readers: dict[str, WebhookReader],
        queue: ProcessorNewsQueue,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._readers = readers
        self._queue = queue
        self._clock = clock

    def __call__(self, processor: str, connection_id: str, body: bytes, header: Header) -> None:
        """Raises NotFound for an unknown connection, BadSignature for a body that its secrets did not sign."""
        connection = self._connections.by_id(connection_id) if is_id("con", connection_id) else None
        reader = self._readers.get(processor)
        if connection is None or reader is None or connection.processor != processor:
            raise NotFound("No such webhook endpoint")
        news = reader(connection, body, header, self._clock.now().timestamp())
        if news is not None:
            self._queue.put(news)


FlagRisk = Callable[[Connection, Ledger], None]
"""Judges, once, what a disputed or warned-of charge's ledger shows (:class:`~.flag_risk.FlagRisk`)."""

Applied = Literal["applied", "not_ours", "needs_a_person"]
_NOT_OURS: Final[Applied] = "not_ours"


class ApplyProcessorNews:
    """Look afresh at the charge that a webhook spoke of, and flag a risk. Any order, any number of times."""

    def __init__(
        self,
        connections: ConnectionStore,
        processors: Processors,
        look: LookAtTransaction,
        flag_risk: FlagRisk,
        clock: Clock,
    ) -> None:
        self._connections = connections
        self._processors = processors
        self._look = look
        self._flag_risk = flag_risk
        self._clock = clock

    def __call__(self, news: ProcessorNews) -> Applied:
        """``needs_a_person``: the processor shows a status that we do not know; that refund was left as it is.

        Raises:
            Upstream, StoreConflict: the processor or the store could not be asked, the message must come again.
        """
        connection = self._connections.by_id(news.connection_id)
        if connection is None:
            return _NOT_OURS
        processor = self._processors.connect(connection)
        try:
            looked = self._look(connection, processor, news.charge_id, news.fraud_warning)
        except NotFound:
            return _NOT_OURS
        except ProcessorDenied:
            self._connections.mark(connection, "error", self._clock.now())
            raise
        if looked.ledger.disputed or looked.ledger.fraud_warning is not None:
            with suppress(NotFound):  # its organization was deleted: nobody is left to be warned
                self._flag_risk(connection, looked.ledger)
        return "needs_a_person" if looked.strange else "applied"
