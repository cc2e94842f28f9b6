"""Tell approvers, customers, channels and owners what happened, one queued message each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, each_message, told

prepare("notify", "send_codes", "tell_owners")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The notifications' queue's consumer."""
    known = container()
    return each_message(event, lambda message: told(known.notify, known.send_codes, known.tell_owners, message))
