"""The table's stream: its records become events, and those that cannot are set aside instead of stopping the rest."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from refundkit_core.application.audit_ports import Mention
from refundkit_core.domain.events import Event
from refundkit_core.entrypoints.container import Container
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.observability import log, log_failure


def published(container: Container, batch: Mapping[str, Any]) -> Failures:
    """Publish a batch of stream records: events to the bus, and what belongs to the audit chain to its queue.

    Raises where one of them cannot be reached, and all come again.
    """
    started = time.perf_counter()
    events: list[Event] = []
    mentions: list[Mention] = []
    unreadable: list[str] = []
    for record in batch["Records"]:
        image = record["dynamodb"].get("NewImage", {})
        keys = record["dynamodb"]["Keys"]
        try:
            if container.is_event(keys):
                events.append(container.event_of_image(image))
            mention = container.mention_of_image(image)
        except (KeyError, ValueError, TypeError) as exc:
            unreadable.append(f"{keys['pk']['S']} {keys['sk']['S']}")
            log_failure("event unreadable", exc)
        else:
            mentions += [mention] if mention else []
    parked = container.publish_events(events, unreadable, mentions)
    told = {"events": len(events), "audited": len(mentions) or None, "parked": parked or None}
    log("batch", **told, ms=round((time.perf_counter() - started) * 1000))
    return {"batchItemFailures": []}
