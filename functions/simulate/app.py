"""Judge past decisions again, one chunk a queued message."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, each_message, simulated

prepare("work_simulation")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The simulation queue's consumer."""
    return each_message(event, lambda message: simulated(container().work_simulation, message))
