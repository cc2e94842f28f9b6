"""Deliveries whose time has come and whose letter has not: a part of the sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from refundkit_core.application.dispatch_event import letter_of

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock
    from refundkit_core.application.webhook_ports import DeliveryQueue, DeliveryStore

GRACE: Final = timedelta(seconds=30)
"""How late a letter may be before it counts as lost; one pass a minute finds the rest within two minutes."""
LOOK_AGAIN: Final = timedelta(minutes=10)
"""When a delivery is looked at again whose letter was put anew: it may wait behind many others of its endpoint."""
BATCH: Final = 200


class OverdueDeliveries:
    """Put the letter of every delivery again that is overdue; a letter too many finds nothing to do."""

    def __init__(self, deliveries: DeliveryStore, queue: DeliveryQueue, clock: Clock) -> None:
        self._deliveries = deliveries
        self._queue = queue
        self._clock = clock

    def __call__(self) -> int:
        """One pass; how many were put."""
        now = self._clock.now()
        overdue = self._deliveries.overdue(now - GRACE, BATCH)
        if overdue:
            self._queue.put("patient", [letter_of(delivery) for delivery in overdue])
        for delivery in overdue:
            self._deliveries.put_off(delivery, now + LOOK_AGAIN)
        return len(overdue)
