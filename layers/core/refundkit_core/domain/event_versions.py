"""One event in the shapes of several versions of the API: an endpoint keeps the one that it was made with.

Whoever changes the payload of an event raises ``events.API_VERSION`` and adds a step here that undoes the change, and
the models of the new version beside those of the old ones in ``refundkit.contracts.events``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

Payload = Mapping[str, Any]


class Step(NamedTuple):
    """What version ``version`` changed: by event type, how its payload is told as the version before told it."""

    version: str
    undo: Mapping[str, Callable[[Payload], Payload]]


STEPS: Final[tuple[Step, ...]] = ()
"""Newest first. There has been one version so far."""


def payload_as_of(
    event_type: str, payload: Payload, made_for: str, wanted: str, steps: Sequence[Step] = STEPS
) -> Payload:
    """The payload of an event that was made for one version, as the version ``wanted`` or earlier tells it.

    Versions are dates, and compare as text. A version later than the event's own changes nothing.
    """
    for step in steps:
        if wanted < step.version <= made_for and event_type in step.undo:
            payload = step.undo[event_type](payload)
    return payload
