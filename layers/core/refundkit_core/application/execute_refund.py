"""Bring a refund forward: the gate, then the one function that sends, then finding out (architecture 9, 10, 13)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from refundkit_core.application.ports import (
    Clock,
    ConnectionStore,
    ExecutionQueue,
    Ids,
    PaymentProcessor,
    Processors,
    RefundStore,
    Switches,
    Throttle,
)
from refundkit_core.application.records import Connection
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.domain.errors import (
    NotFound,
    ProcessorDeclined,
    ProcessorDenied,
    StoreConflict,
    Upstream,
)
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ledger import Ledger, LedgerChange
from refundkit_core.domain.processor import ProcessorRefund, RefundOrder
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, Refund, Status, change_of, moved, put_off
from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from refundkit_core.application.approval_ports import ApprovalStore

SEND_WINDOW: Final = timedelta(hours=23)
"""Stripe forgets idempotency keys after 24 hours; one hour is left for clocks and slow answers."""

REST: Final = timedelta(seconds=10)
"""How long a connection is left alone after its processor failed to answer."""

REST_LOOK: Final = timedelta(minutes=1)
LONGEST_DELAY_S: Final = 3
PAUSED_LOOK: Final = timedelta(minutes=5)

Outcome = Literal["settled", "nothing_to_do", "paused", "delayed", "try_later", "needs_a_person"]

_MAX_TRIES: Final = 20


class ExecuteRefund:
    """The use case behind the execution queue: safe to run any number of times, by any number of workers.

    ``approvals`` gives their store, for the refunds that people were asked about.
    """

    def __init__(
        self,
        refunds: RefundStore,
        approvals: Callable[[], ApprovalStore],
        connections: ConnectionStore,
        processors: Processors,
        settle: SettleRefund,
        switches: Switches,
        throttle: Throttle,
        queue: ExecutionQueue,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._approvals = approvals
        self._connections = connections
        self._processors = processors
        self._settle = settle
        self._switches = switches
        self._throttle = throttle
        self._queue = queue
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, refund_id: str) -> Outcome:
        """Bring one refund as far as it goes now.

        ``paused`` and ``try_later`` leave it to the sweep, ``delayed`` to the queue; ``needs_a_person``: it may not be
        sent again and nobody knows whether it was paid, or the processor shows a status that we do not know.
        """
        refund = self._refunds.head(tenant, refund_id)
        if refund is None or refund.status not in ("pending", "processing"):
            return "nothing_to_do"
        if refund.status == "pending" and self._switches.paused(tenant, refund.key_id):
            self._look_again_in(refund, PAUSED_LOOK)
            return "paused"
        connection = self._connections.of(tenant, refund.transaction.processor)
        if connection is not None and connection.reaches(refund.transaction.account_id):
            if connection.status == "error":
                self._look_again_in(refund, FIRST_LOOK_AFTER)
                return "try_later"
            wait_s = self._throttle.wait_s(connection.id, self._clock.now())
            if wait_s > 0:
                return self._wait(refund, wait_s)
        elif refund.status == "processing":
            return self._flag(refund)
        if refund.status == "pending":
            return self._pass_gate_and_send(refund, connection)
        return self._find_out(refund, self._processors.connect(self._certain(connection)), self._certain(connection))

    def _wait(self, refund: Refund, wait_s: int) -> Outcome:
        """Come back when the connection may be called: by the queue in a moment, by the sweep after that.

        The sweep is told to leave a refund alone that has a message under way, or messages would multiply.
        """
        if wait_s > LONGEST_DELAY_S:
            self._look_again_in(refund, REST_LOOK)
            return "try_later"
        self._look_again_in(refund, FIRST_LOOK_AFTER)
        self._queue.put(refund.tenant, refund.id, wait_s)
        return "delayed"

    def _pass_gate_and_send(self, refund: Refund, connection: Connection | None) -> Outcome:
        """Persist ``processing`` and its key before any call; who loses the race leaves the refund to the winner."""
        for attempt in range(1, _MAX_TRIES + 1):
            current = self._refunds.head(refund.tenant, refund.id)
            if current is None or current.status != "pending":
                return "nothing_to_do"
            now = self._clock.now()
            ledger = self._refunds.ledger(current.tenant, current.transaction)
            stopped_by = _stopped_by(current, ledger, connection) or self._unapproved(current)
            key = f"refundkit-{current.id}"
            if stopped_by is not None:
                after = moved(current, "failed", now, status_detail=stopped_by)
                change = change_of("release", current)
            else:
                after = moved(current, "processing", now, processor_key=key, first_attempt_at=now)
                change = change_of("gate", current)
            try:
                self._refunds.change(current, after, of_change(current, after), change)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            if after.status == "failed":
                return "settled"
            certain = self._certain(connection)
            return self._send(after, self._processors.connect(certain), certain)
        raise StoreConflict("The refund kept changing at the gate")

    def _unapproved(self, refund: Refund) -> str | None:
        """Whether a refund that a person was asked about is something else than what they approved."""
        if refund.approval_id is None:
            return None
        from refundkit_core.domain.approvals import covers

        approval = self._approvals().find(refund.tenant, refund.approval_id)
        return None if approval is not None and covers(approval, refund) else "not_as_approved"

    def _find_out(self, refund: Refund, processor: PaymentProcessor, connection: Connection) -> Outcome:
        """A refund handed over before: ask what became of it, and send again only what is nowhere to be found."""
        try:
            if refund.external_refund_id is not None:
                return self._settled(refund, processor.find_refund(refund.external_refund_id))
            found = [
                seen
                for seen in processor.list_refunds(refund.transaction.charge_id)
                if seen.refund_id == refund.id and seen.amount_minor == _amount(refund)
            ]
        except (Upstream, NotFound) as exc:
            return self._unknown(refund, connection, exc)
        if found:
            return self._settled(refund, found[0])
        return self._send(refund, processor, connection)

    def _send(self, refund: Refund, processor: PaymentProcessor, connection: Connection) -> Outcome:
        """The only place that sends a refund to a processor, first try or any later."""
        if refund.processor_key is None or refund.first_attempt_at is None:
            return self._flag(refund)
        if self._clock.now() - refund.first_attempt_at >= SEND_WINDOW:
            return self._flag(refund)
        order = RefundOrder(
            org_id=refund.tenant.org_id,
            refund_id=refund.id,
            charge_id=refund.transaction.charge_id,
            amount_minor=_amount(refund),
            currency=refund.money.currency,
            reason=refund.reason,
            processor_key=refund.processor_key,
        )
        try:
            answer = processor.refund(order)
        except ProcessorDeclined as declined:
            self._note(refund, "failed", declined.reason, change_of("release", refund))
            return "settled"
        except Upstream as exc:
            return self._unknown(refund, connection, exc)
        return self._settled(refund, answer)

    def _settled(self, refund: Refund, seen: ProcessorRefund) -> Outcome:
        self._settle(refund.tenant, refund.id, seen)
        current = self._refunds.head(refund.tenant, refund.id) if seen.status in _UNDER_WAY else None
        if current is not None and current.status == "processing":
            self._put_off(current)
        return "needs_a_person" if seen.status == "unknown" else "settled"

    def _unknown(self, refund: Refund, connection: Connection, exc: Exception) -> Outcome:
        """No answer that says what happened: the money stays reserved, and the sweep finds out later."""
        if isinstance(exc, ProcessorDenied):
            self._connections.mark(connection, "error", self._clock.now())
        elif isinstance(exc, Upstream):
            self._throttle.rest(connection.id, self._clock.now() + REST)
        if refund.status_detail in (None, "submitted") and refund.external_refund_id is None:
            self._note(refund, "processing", "outcome_unknown", None)
        else:
            self._put_off(refund)
        return "try_later"

    def _look_again_in(self, refund: Refund, delay: timedelta) -> None:
        """Wait for something that is not the refund's fault, at an even pace."""
        self._store_look(replace(refund, next_look_at=self._clock.now() + delay))

    def _flag(self, refund: Refund) -> Outcome:
        """Leave the refund to a person: its money stays reserved, nothing is sent, and the sweep lets it be."""
        if refund.external_refund_id is not None:
            self._put_off(refund)  # the processor has it: its account may be connected again
            return "needs_a_person"
        if refund.status_detail != "needs_review":
            self._note(refund, "processing", "needs_review", None)
        return "needs_a_person"

    def _put_off(self, refund: Refund) -> None:
        if refund.status_detail != "needs_review":
            self._store_look(put_off(refund, self._clock.now()))

    def _store_look(self, refund: Refund) -> None:
        try:
            self._refunds.put_off(refund)
        except StoreConflict:
            return  # it has changed meanwhile, and whoever changed it has said when to look again

    def _note(self, refund: Refund, to: Status, detail: str, ledger: LedgerChange | None) -> None:
        """Write an outcome of our own making, unless the processor's news got there first."""
        for attempt in range(1, _MAX_TRIES + 1):
            current = self._refunds.head(refund.tenant, refund.id)
            if current is None or current.status != "processing" or current.external_refund_id is not None:
                return
            after = _noted(current, to, detail, self._clock.now())
            try:
                self._refunds.change(current, after, of_change(current, after), ledger)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return
        raise StoreConflict("The refund kept changing while its outcome was written")

    @staticmethod
    def _certain(connection: Connection | None) -> Connection:
        if connection is None:
            raise StoreConflict("The connection went away")
        return connection


_UNDER_WAY: Final = ("pending", "requires_action", "unknown")


def _noted(refund: Refund, to: Status, detail: str, now: datetime) -> Refund:
    after = moved(refund, to, now, status_detail=detail)
    if detail == "needs_review":
        return replace(after, next_look_at=None)
    return put_off(after, now) if to == "processing" else after


def _stopped_by(refund: Refund, ledger: Ledger | None, connection: Connection | None) -> str | None:
    """What has come between a refund's approval and its hand-over; None where nothing has."""
    if ledger is None or ledger.currency != refund.money.currency:
        return "currency_mismatch"
    if ledger.blocked:
        return "transaction_disputed"
    if ledger.available_minor < 0:
        return "amount_no_longer_free"
    if connection is None or not connection.reaches(refund.transaction.account_id):
        return "processor_not_connected"
    return None


def _amount(refund: Refund) -> int:
    return refund.money.amount_minor
