"""The sweep: every minute, bring forward what has not moved in time."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.schedule import reported

prepare("sweep")


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The schedule's target."""
    return reported("sweep", container().sweep)
