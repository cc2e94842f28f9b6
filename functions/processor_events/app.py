"""Apply processors' news, one queued message each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures, applied, each_message

prepare("apply_processor_news", "stripe")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The processor news queue's consumer."""
    return each_message(event, lambda message: applied(container().apply_processor_news, message))
