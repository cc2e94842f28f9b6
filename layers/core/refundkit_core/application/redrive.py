"""Bring back what was given up: messages of the dead-letter queues, parked events, events that the bus lost.

A copy is sent before the original is removed: what is interrupted in between comes twice, and every consumer expects
that. AWS's own redrive task is not used: it knows neither bounds nor what a message is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final, Literal, NamedTuple

from refundkit_core.application.audit import Auditor, By
from refundkit_core.application.ports import AuditTrail, Clock, DeadLetters, EventBus, Ids, ParkedEvents
from refundkit_core.application.records import DeadLetter

DEFAULT_LIMIT: Final = 1_000

Which = Literal[
    "execution", "processor-events", "simulation", "approvals", "audit", "notifications", "webhooks", "deliveries",
    "parked", "undelivered",
]  # fmt: skip
_Fate = Literal["moved", "left", "dropped"]


class Redriven(NamedTuple):
    """``moved``: sent on again. ``left``: cannot be, and still waits. ``dropped``: a schedule's call that failed; its
    next one has made it good, or will. ``bounded``: the limit was reached before the queue was empty."""

    moved: int
    left: int
    dropped: int
    bounded: bool


class DeadLetterQueues(NamedTuple):
    """The queues that people bring messages back from, and those that work them off."""

    execution: DeadLetters
    processor_events: DeadLetters
    simulation: DeadLetters
    approvals: DeadLetters
    audit: DeadLetters
    notifications: DeadLetters
    webhooks: DeadLetters
    deliveries: DeadLetters
    parked: DeadLetters
    undelivered: DeadLetters
    to_execution: DeadLetters
    to_processor_events: DeadLetters
    to_simulation: DeadLetters
    to_approvals: DeadLetters
    to_audit: DeadLetters
    to_notifications: DeadLetters
    to_webhooks: DeadLetters
    to_deliveries: DeadLetters


class Redrive:
    """The use case behind ``refundkit-admin redrive``."""

    def __init__(
        self,
        queues: DeadLetterQueues,
        parked: ParkedEvents,
        bus: EventBus,
        trail: AuditTrail,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._queues = queues
        self._parked = parked
        self._bus = bus
        self._trail = trail
        self._auditor = Auditor(clock, ids)

    def __call__(self, which: Which, by: By, limit: int, tell: Callable[[int], None]) -> Redriven:
        """Bring back up to ``limit`` messages; ``tell`` hears after every ten or fewer how many were seen.

        Raises:
            Invalid: the reason may not be kept (see ``audit``).
        """
        self._trail.put(self._auditor.entry(by, f"redrive {which}", which, None))
        source, bring_back = self._route(which)
        fates: dict[_Fate, int] = {"moved": 0, "left": 0, "dropped": 0}
        seen = 0
        while seen < limit:
            letters = source.receive()
            if not letters:
                return Redriven(**fates, bounded=False)
            for letter in letters:  # all that were taken, even past the limit: nobody else sees them now
                fate = bring_back(letter)
                if fate != "left":
                    source.remove(letter)
                fates[fate] += 1
                seen += 1
            tell(seen)
        return Redriven(**fates, bounded=True)

    def _route(self, which: Which) -> tuple[DeadLetters, Callable[[DeadLetter], _Fate]]:
        queues = self._queues
        routes: Mapping[Which, tuple[DeadLetters, Callable[[DeadLetter], _Fate]]] = {
            "execution": (queues.execution, lambda letter: _moved_to(queues.to_execution, letter)),
            "processor-events": (
                queues.processor_events,
                lambda letter: _moved_to(queues.to_processor_events, letter),
            ),
            "simulation": (queues.simulation, lambda letter: _moved_to(queues.to_simulation, letter)),
            "approvals": (queues.approvals, lambda letter: _moved_to(queues.to_approvals, letter)),
            "audit": (queues.audit, lambda letter: _moved_to(queues.to_audit, letter)),
            "notifications": (queues.notifications, lambda letter: _moved_to(queues.to_notifications, letter)),
            "webhooks": (queues.webhooks, lambda letter: _moved_to(queues.to_webhooks, letter)),
            "deliveries": (queues.deliveries, lambda letter: _moved_to(queues.to_deliveries, letter)),
            "parked": (queues.parked, self._publish),
            "undelivered": (queues.undelivered, self._deliver),
        }
        return routes[which]

    def _publish(self, letter: DeadLetter) -> _Fate:
        event = self._parked.read(letter.body)
        return "left" if event is None or self._bus.publish([event]) else "moved"

    def _deliver(self, letter: DeadLetter) -> _Fate:
        """An event of the bus goes to the queues that its rules feed; a schedule's call names no refund."""
        try:
            message = json.loads(letter.body)
        except ValueError:
            return "left"
        match message:
            case {"detail": {"id": str(), "tell": True, "data": {"refundId": str()} | {"endpointId": str()}}}:
                self._queues.to_notifications.send(letter)  # which of its rules it was is not said: all get it
        match message:
            case {"detail": {"id": str(), "organizationId": str(), "public": True}}:
                self._queues.to_webhooks.send(letter)
        match message:
            case {"detail": {"organizationId": str(), "environment": str(), "data": {"approvalId": str()}}}:
                return _moved_to(self._queues.to_approvals, letter)
            case {"detail": {"organizationId": str(), "environment": str(), "data": {"refundId": str()}}}:
                return _moved_to(self._queues.to_execution, letter)
            case {"detail": {"id": str(), "organizationId": str(), "public": True}}:
                return "moved"
            case dict() if "detail" not in message:
                return "dropped"
        return "left"


def _moved_to(queue: DeadLetters, letter: DeadLetter) -> _Fate:
    queue.send(letter)
    return "moved"
