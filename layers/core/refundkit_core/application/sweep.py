"""The sweep: whatever has not moved in time is brought forward; queues spread the work (architecture, step 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from refundkit_core.application.approval_ports import ApprovalQueue, ApprovalStore
from refundkit_core.application.ports import Clock, ExecutionQueue, RefundBooks, RefundStore
from refundkit_core.domain.approvals import approval_id_of

BATCH: Final = 1_000
SPREAD_S: Final = 40


class Swept(NamedTuple):
    """How many refunds, approvals and webhook deliveries were due, and put on their queues; ``adopted`` approvals had
    no workflow."""

    due: int
    approvals: int = 0
    adopted: int = 0
    deliveries: int = 0


class Sweep:
    """Re-drive every refund and approval whose next look is due: lost messages, unknown outcomes, workflows that are
    late or wait for what is decided.

    What stays where it is gets its next look from whoever works it off, so that nothing is swept for ever in one pass.
    """

    def __init__(
        self,
        refunds: RefundStore,
        queue: ExecutionQueue,
        approvals: ApprovalStore,
        books: RefundBooks,
        approval_queue: ApprovalQueue,
        overdue_deliveries: Callable[[], int],
        clock: Clock,
    ) -> None:
        self._refunds = refunds
        self._queue = queue
        self._approvals = approvals
        self._books = books
        self._approval_queue = approval_queue
        self._overdue_deliveries = overdue_deliveries
        self._clock = clock

    def __call__(self) -> Swept:
        """One pass. Running twice at once only asks twice: the workers find nothing to do the second time."""
        due = self._refunds.due(self._clock.now(), BATCH)
        for number, (tenant, refund_id) in enumerate(due):
            self._queue.put(tenant, refund_id, _spread(number))
        asked = self._approvals.due(self._clock.now(), BATCH)
        for number, (tenant, approval_id) in enumerate(asked):
            self._approval_queue.put(tenant, approval_id, _spread(number))
        return Swept(len(due), len(asked), self._adopted(), self._overdue_deliveries())

    def _adopted(self) -> int:
        """Once an hour: approvals that nobody looks after, since they were made before anybody did."""
        if self._clock.now().minute != 0:
            return 0
        waiting = ((tenant, approval_id_of(refund_id)) for tenant, refund_id in self._books.waiting())
        unwatched = self._approvals.unwatched(list(waiting))[:BATCH]
        for number, (tenant, approval_id) in enumerate(unwatched):
            self._approval_queue.put(tenant, approval_id, _spread(number))
        return len(unwatched)


def _spread(number: int) -> int:
    return number * SPREAD_S // BATCH
