"""Keep public events, and put one delivery for every endpoint that takes one; work through an endpoint's past."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.webhook_messages import dispatched

prepare("dispatch_events")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The webhooks' queue's consumer."""
    return dispatched(container().dispatch_events, event)
