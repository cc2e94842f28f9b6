"""The sweep: whatever has not moved in time is brought forward; the queue spreads the work (architecture, step 12)."""

from __future__ import annotations

from typing import Final, NamedTuple

from refundkit_core.application.ports import Clock, ExecutionQueue, RefundStore

BATCH: Final = 1_000
SPREAD_S: Final = 40


class Swept(NamedTuple):
    """How many refunds were due and put on the execution queue."""

    due: int


class Sweep:
    """Re-drive every refund whose next look is due: lost messages, unknown outcomes, processors that stayed silent.

    A refund that stays where it is gets its next look from execution, so that nothing is swept for ever in one pass.
    """

    def __init__(self, refunds: RefundStore, queue: ExecutionQueue, clock: Clock) -> None:
        self._refunds = refunds
        self._queue = queue
        self._clock = clock

    def __call__(self) -> Swept:
        """One pass. Running twice at once only asks twice: execution finds nothing to do the second time."""
        due = self._refunds.due(self._clock.now(), BATCH)
        for number, (tenant, refund_id) in enumerate(due):
            self._queue.put(tenant, refund_id, number * SPREAD_S // BATCH)
        return Swept(len(due))
