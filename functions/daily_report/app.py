"""The daily report: hold the ledger against the processor, keep what came of it, and say so in one line.

After it, what never reached its audit chain is queued again."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.schedule import reported

prepare("file_report", "stripe")


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """The schedule's target."""
    told = reported("daily report", container().file_report)
    reported("audit requeued", container().queue_unchained)
    return told
