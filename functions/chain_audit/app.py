"""Take audit entries up into their organization's chain, up to ten a block."""

from collections.abc import Mapping
from typing import Any

from refundkit_core.entrypoints.audit_messages import chained
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.messages import Failures

prepare("chain_audit")


def handler(event: Mapping[str, Any], _context: object) -> Failures:
    """The audit queue's consumer."""
    return chained(container().chain_audit, event)
