"""Publish the events that the table's stream carries."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.stream import published


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The table stream's consumer."""
    return published(container(), event)
