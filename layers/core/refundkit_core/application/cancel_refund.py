"""Cancel a refund: before it was handed over always, after that where the processor still allows it (decision 8)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from refundkit_core.application.approval_ports import ApprovalStore, RefundStep
from refundkit_core.application.ports import Clock, ConnectionStore, Ids, Processors, RefundStore
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.domain.approval_events import of_end
from refundkit_core.domain.approvals import Act, superseded
from refundkit_core.domain.errors import (
    NotCancellable,
    NotFound,
    ProcessorDeclined,
    ProcessorNotConnected,
    StoreConflict,
)
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.refund import Refund, Request, change_of, moved
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20


class CancelRefund:
    """The use case behind ``POST /v1/refunds/{id}/cancel``."""

    def __init__(
        self,
        refunds: RefundStore,
        approvals: ApprovalStore,
        connections: ConnectionStore,
        processors: Processors,
        settle: SettleRefund,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._approvals = approvals
        self._connections = connections
        self._processors = processors
        self._settle = settle
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request]:
        """The cancelled refund; cancelling it again answers the same.

        Raises:
            NotFound: the tenant has no such refund.
            NotCancellable: it is final, or the processor does not take it back.
            ProcessorNotConnected, Upstream: the processor could not be asked; nothing is known to have changed.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            found = self._refunds.find(tenant, refund_id) if is_id("ref", refund_id) else None
            if found is None:
                raise NotFound("No such refund")
            refund, request = found
            if refund.status == "cancelled":
                return found
            if refund.status not in ("pending_approval", "pending", "processing"):
                raise NotCancellable(f"The refund is {refund.status}")
            try:
                return self._cancelled(refund), request
            except StoreConflict:
                self._ids.pause(attempt)
        raise StoreConflict("The refund kept changing while it was cancelled")

    def _cancelled(self, refund: Refund) -> Refund:
        if refund.status == "processing":
            return self._taken_back(refund)
        now = self._clock.now()
        after = moved(refund, "cancelled", now)
        event, release = of_change(refund, after), change_of("release", refund)
        if refund.approval_id is not None and refund.status == "pending_approval":
            self._supersede(refund.approval_id, RefundStep(refund, after, event, release), now)
        else:
            self._refunds.change(refund, after, event, release)
        return after

    def _supersede(self, approval_id: str, step: RefundStep, now: datetime) -> None:
        """Cancel a refund together with the question that people are asked about it."""
        approval = self._approvals.find(step.before.tenant, approval_id)
        if approval is None or not approval.is_open:
            raise StoreConflict("The approval was decided meanwhile")
        closed = superseded(approval, now)
        self._approvals.change(approval, closed, of_end(closed, Act("system", "api", now)), step)

    def _taken_back(self, refund: Refund) -> Refund:
        """A refund that the processor has: only it can say whether there is a way back."""
        if refund.external_refund_id is None:
            raise NotCancellable("The refund is on its way to the processor")
        connection = self._connections.of(refund.tenant, refund.transaction.processor)
        if connection is None or not connection.reaches(refund.transaction.account_id):
            raise ProcessorNotConnected("The refund's processor account is no longer connected")
        try:
            seen = self._processors.connect(connection).cancel_refund(refund.external_refund_id)
        except (ProcessorDeclined, NotFound) as exc:
            raise NotCancellable("The processor no longer takes this refund back") from exc
        after = self._settle(refund.tenant, refund.id, seen)
        if after is None or after.status != "cancelled":
            raise NotCancellable("The processor no longer takes this refund back")
        return after
