"""Send events to webhook endpoints, and note what came of each."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.webhook_messages import delivered

prepare("deliver_webhooks")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The consumer of both queues of deliveries."""
    known = container()
    return delivered(known.deliver_webhooks, known.letter_in, known.settings.prompt_deliveries_queue_arn, event)
