"""RefundKit's public package: the wire contract, and what a caller of the API needs to speak it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from refundkit.approval_engine import ApprovalDecision, ApprovalEngine

__version__ = "0.1.0"
__all__ = ["ApprovalDecision", "ApprovalEngine", "__version__"]


def __getattr__(name: str) -> Any:
    """Load what is asked for, so that whoever needs one part pays for that one."""
    if name in ("ApprovalDecision", "ApprovalEngine"):
        from refundkit import approval_engine

        return getattr(approval_engine, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
