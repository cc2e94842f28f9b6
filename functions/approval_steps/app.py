"""Look after approvals: start what waits for their decision, keep its tokens, end it; one queued message each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, each_message, looked_after

prepare("watch_approval")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The approvals' queue's consumer."""
    return each_message(event, lambda message: looked_after(container().watch_approval, message))
