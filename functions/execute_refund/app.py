"""Pay refunds that may be paid, one queued message each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, each_message, executed

prepare("execute_refund", "stripe")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The execution queue's consumer."""
    return each_message(event, lambda message: executed(container().execute_refund, message))
