"""A person settles a refund of which nobody could find out what became of it (architecture, step 12)."""

from __future__ import annotations

from typing import Final, Literal

from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.ports import Clock, ConnectionStore, Ids, Processors, RefundStore
from refundkit_core.domain.errors import Conflict, Invalid, NotFound, StoreConflict
from refundkit_core.domain.events import of_change
from refundkit_core.domain.refund import Refund, change_of, moved
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20


class ResolveRefund:
    """The use case behind ``refundkit-admin resolve``."""

    def __init__(
        self, refunds: RefundStore, connections: ConnectionStore, processors: Processors, clock: Clock, ids: Ids
    ) -> None:
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._clock = clock
        self._ids = ids
        self._auditor = Auditor(clock, ids)

    def __call__(
        self,
        tenant: Tenant,
        refund_id: str,
        verdict: Literal["paid", "not_paid"],
        external_id: str | None,
        by: By = BY_PROGRAM,
    ) -> Refund:
        """Settle a flagged refund as paid (under ``external_id``, which the processor must know) or as not paid.

        Raises:
            NotFound: no such refund, or the processor knows no refund ``external_id``.
            Invalid: paid without an external id, or that refund is not this one. A refund that somebody made without
                us is adopted as one of its own: this one is then not paid, or the money would count twice.
            Conflict: the refund does not wait for a person, or is not paid though the processor shows that it is.
            Upstream: the processor could not be asked.
        """
        entry = self._auditor.entry(by, f"resolve {verdict}", refund_id, tenant)
        for attempt in range(1, _MAX_TRIES + 1):
            refund = self._refunds.head(tenant, refund_id)
            if refund is None:
                raise NotFound("No such refund")
            if refund.status != "processing" or refund.status_detail != "needs_review":
                raise Conflict(f"The refund is {refund.status} and does not wait for a person")
            now = self._clock.now()
            if verdict == "paid":
                self._check(refund, external_id)
                detail = "resolved_as_paid"
                after = moved(refund, "completed", now, status_detail=detail, external_refund_id=external_id)
                change = change_of("settle", refund)
            else:
                self._check_unpaid(refund)
                after = moved(refund, "failed", now, status_detail="resolved_as_not_paid")
                change = change_of("release", refund)
            try:
                self._refunds.change(refund, after, of_change(refund, after), change, entry)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return after
        raise StoreConflict("The refund kept changing while it was resolved")

    def _check(self, refund: Refund, external_id: str | None) -> None:
        if external_id is None:
            raise Invalid("Say which refund at the processor paid it")
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        if connection is None:
            raise Invalid("Its processor is not connected, so that nothing can be verified")
        seen = self._processors.connect(connection).find_refund(external_id)
        ordered = (refund.transaction.charge_id, refund.money.amount_minor, refund.money.currency)
        if (seen.charge_id, seen.amount_minor, seen.currency) != ordered or not seen.holds_money:
            raise Invalid(f"{external_id} is another refund: its charge, amount or currency differ, or it failed")
        if seen.refund_id != refund.id:
            raise Invalid(f"{external_id} does not carry this refund's id and counts by itself: this one is not paid")

    def _check_unpaid(self, refund: Refund) -> None:
        """Where the processor can be asked, its word is final: paid money is never set free."""
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        if connection is None or not connection.reaches(refund.transaction.account_id):
            return
        for seen in self._processors.connect(connection).list_refunds(refund.transaction.charge_id):
            if seen.refund_id == refund.id and seen.holds_money:
                raise Conflict(f"The processor shows {seen.external_id} for this refund: resolve it as paid by that")
