"""The table's stream: its records become events, and those that cannot are set aside instead of stopping the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from refundkit_core.domain.events import Event
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.observability import log, log_failure


def published(container: Container, batch: Mapping[str, Any]) -> Failures:
    """Publish the events of a batch of stream records; raises where the bus cannot be reached, and all come again."""
    started = time.perf_counter()
    events: list[Event] = []
    unreadable: list[str] = []
    for record in batch["Records"]:
        image = record["dynamodb"].get("NewImage", {})
        try:
            events.append(container.event_of_image(image))
        except (KeyError, ValueError, TypeError) as exc:
            keys = record["dynamodb"]["Keys"]
            unreadable.append(f"{keys['pk']['S']} {keys['sk']['S']}")
            log_failure("event unreadable", exc)
    parked = container.publish_events(events, unreadable)
    log("batch", events=len(events), parked=parked or None, ms=round((time.perf_counter() - started) * 1000))
    return {"batchItemFailures": []}
