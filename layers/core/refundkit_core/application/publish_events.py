"""From the table's stream to the bus: every event leaves at least once, and one poisoned event stops no other."""

from __future__ import annotations

from collections.abc import Sequence

from refundkit_core.application.ports import EventBus, ParkingLot
from refundkit_core.domain.events import Event


class PublishEvents:
    """Publish a batch; what the bus refuses is tried one by one and then parked for a person."""

    def __init__(self, bus: EventBus, parking: ParkingLot) -> None:
        self._bus = bus
        self._parking = parking

    def __call__(self, events: Sequence[Event], unreadable: Sequence[str] = ()) -> int:
        """Publish all of ``events`` and park ``unreadable`` (keys of stored events that could not be read).

        Returns how many were parked. Raises where the bus cannot be reached: the batch must come again.
        """
        for key in unreadable:
            self._parking.park_unreadable(key)
        parked = len(unreadable)
        for refused in self._bus.publish(events) if events else ():
            if self._bus.publish([refused]):
                self._parking.park(refused)
                parked += 1
        return parked
