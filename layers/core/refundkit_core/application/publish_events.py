"""From the table's stream to the bus and the audit queue: everything leaves at least once, and one poisoned event stops
no other."""

from __future__ import annotations

from collections.abc import Sequence

from refundkit_core.application.audit_ports import AuditQueue, Mention
from refundkit_core.application.ports import EventBus, ParkingLot
from refundkit_core.domain.events import Event


class PublishEvents:
    """Publish a batch; what the bus refuses is tried one by one and then parked for a person."""

    def __init__(self, bus: EventBus, parking: ParkingLot, audit: AuditQueue) -> None:
        self._bus = bus
        self._parking = parking
        self._audit = audit

    def __call__(
        self, events: Sequence[Event], unreadable: Sequence[str] = (), mentions: Sequence[Mention] = ()
    ) -> int:
        """Publish all of ``events``, park ``unreadable`` (keys of stored events that could not be read), and queue what
        is mentioned for the audit chain; that last, so that its queue keeps no refund from being paid.

        Returns how many were parked. Raises where the bus or the queue cannot be reached: the batch must come again.
        """
        for key in unreadable:
            self._parking.park_unreadable(key)
        parked = len(unreadable)
        for refused in self._bus.publish(events) if events else ():
            if self._bus.publish([refused]):
                self._parking.park(refused)
                parked += 1
        if mentions:
            self._audit.put(mentions)
        return parked
