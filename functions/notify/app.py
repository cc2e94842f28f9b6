"""Tell approvers, customers and channels what happened, one queued message each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, each_message, told

prepare("notify", "send_codes")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The notifications' queue's consumer."""
    return each_message(event, lambda message: told(container().notify, container().send_codes, message))
