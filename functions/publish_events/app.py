"""Publish the events that the table's stream carries."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.stream import published

prepare("publish_events")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The table stream's consumer."""
    return published(container(), event)
