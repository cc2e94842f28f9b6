"""Pay a refund: the gate, then the one function that sends refunds to a processor (architecture, steps 9 and 10)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from refundkit_core.application.ports import Clock, Connection, ConnectionStore, Ids, Processors, RefundStore
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.domain.errors import ProcessorDeclined, StoreConflict, Upstream
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ledger import Ledger, LedgerChange
from refundkit_core.domain.processor import ProcessorRefund, RefundOrder
from refundkit_core.domain.refund import Refund, Status, moved
from refundkit_core.domain.tenancy import Tenant

SEND_WINDOW: Final = timedelta(hours=23)
"""Stripe forgets idempotency keys after 24 hours; one hour is left for clocks and slow answers."""

Outcome = Literal["settled", "nothing_to_do", "try_again", "needs_a_person"]

_MAX_TRIES: Final = 20


class ExecuteRefund:
    """The use case behind the execution queue. Safe to run any number of times for one refund."""

    def __init__(
        self,
        refunds: RefundStore,
        connections: ConnectionStore,
        processors: Processors,
        settle: SettleRefund,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._settle = settle
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, refund_id: str) -> Outcome:
        """Bring one refund as far as it goes now.

        ``try_again``: what happened is not known, or the way was blocked; the same message later will find out.
        ``needs_a_person``: it may not be sent again and nobody knows whether it was paid, or the processor
        answered with a status that we do not know.
        """
        refund = self._handed_over(tenant, refund_id)
        if refund is None or refund.status != "processing" or refund.external_refund_id is not None:
            return "nothing_to_do"
        return self._send(refund)

    def _handed_over(self, tenant: Tenant, refund_id: str) -> Refund | None:
        """The refund, past the gate where it was before it: ``processing`` is persisted before any call."""
        for attempt in range(1, _MAX_TRIES + 1):
            refund = self._refunds.head(tenant, refund_id)
            if refund is None or refund.status != "pending":
                return refund
            try:
                return self._pass_gate(refund)
            except StoreConflict:
                self._ids.pause(attempt)
        raise StoreConflict("The refund kept changing at the gate")

    def _pass_gate(self, refund: Refund) -> Refund:
        now = self._clock.now()
        ledger = self._refunds.ledger(refund.tenant, refund.transaction)
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        stopped_by = _stopped_by(refund, ledger, connection)
        if stopped_by is not None:
            return self._change(refund, "failed", now, stopped_by, LedgerChange("release", _amount(refund)))
        after = moved(refund, "processing", now, processor_key=f"refundkit-{refund.id}", first_attempt_at=now)
        self._refunds.change(refund, after, of_change(refund, after), LedgerChange("gate", _amount(refund)))
        return after

    def _send(self, refund: Refund) -> Outcome:
        """The only place that sends a refund to a processor, first try or any later."""
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        if connection is None or refund.processor_key is None or refund.first_attempt_at is None:
            return "needs_a_person"
        processor = self._processors.connect(connection)
        if self._clock.now() - refund.first_attempt_at >= SEND_WINDOW:
            return "needs_a_person"
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
            answer: ProcessorRefund = processor.refund(order)
        except ProcessorDeclined as declined:
            self._note(refund, "failed", declined.reason, LedgerChange("release", _amount(refund)))
            return "settled"
        except Upstream:
            if refund.status_detail != "outcome_unknown":
                self._note(refund, "processing", "outcome_unknown", None)
            return "try_again"
        self._settle(refund.tenant, refund.id, answer)
        return "needs_a_person" if answer.status == "unknown" else "settled"

    def _note(self, refund: Refund, to: Status, detail: str, ledger: LedgerChange | None) -> None:
        """Write an outcome of our own making, unless the processor's news got there first."""
        for attempt in range(1, _MAX_TRIES + 1):
            current = self._refunds.head(refund.tenant, refund.id)
            if current is None or current.status != "processing" or current.external_refund_id is not None:
                return
            try:
                self._change(current, to, self._clock.now(), detail, ledger)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return
        raise StoreConflict("The refund kept changing while its outcome was written")

    def _change(self, refund: Refund, to: Status, now: datetime, detail: str, ledger: LedgerChange | None) -> Refund:
        after = moved(refund, to, now, status_detail=detail)
        self._refunds.change(refund, after, of_change(refund, after), ledger)
        return after


def _stopped_by(refund: Refund, ledger: Ledger | None, connection: Connection | None) -> str | None:
    """What has come between a refund's approval and its hand-over; None where nothing has."""
    if ledger is None or ledger.currency != refund.money.currency:
        return "currency_mismatch"
    if ledger.blocked:
        return "transaction_disputed"
    if connection is None or not connection.reaches(refund.transaction.account_id):
        return "processor_not_connected"
    return None


def _amount(refund: Refund) -> int:
    return refund.money.amount_minor
