"""The public events by name, and the patterns that subscribe to them (decision 24)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PUBLIC_EVENTS: Final[tuple[str, ...]] = (
    "approval.decided",
    "approval.escalated",
    "approval.expired",
    "approval.pending",
    "dispute.closed",
    "dispute.opened",
    "dispute.risk_flagged",
    "policy.published",
    "refund.approved",
    "refund.cancelled",
    "refund.completed",
    "refund.failed",
    "refund.initiated",
    "refund.processing",
    "refund.rejected",
    "webhook.disabled",
)
EVERYTHING: Final = "*"
_FAMILY: Final = ".*"


def known_patterns() -> tuple[str, ...]:
    """All that an endpoint can subscribe to: every name, every family (``refund.*``), and everything."""
    families = sorted({name.partition(".")[0] + _FAMILY for name in PUBLIC_EVENTS})
    return (EVERYTHING, *families, *PUBLIC_EVENTS)


def subscribes(patterns: Iterable[str], event_type: str) -> bool:
    """Whether one of ``patterns`` takes events of this type."""
    family = event_type.partition(".")[0] + _FAMILY
    return any(pattern in (EVERYTHING, family, event_type) for pattern in patterns)
