"""RefundKit's public package: the wire contract, and what a caller of the API needs to speak it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from refundkit.approval_engine import ApprovalDecision, ApprovalEngine
    from refundkit.webhook_signature import InvalidSignature, verify_webhook_signature

__version__ = "0.1.0"
__all__ = ["ApprovalDecision", "ApprovalEngine", "InvalidSignature", "__version__", "verify_webhook_signature"]

_HOME: Final = {
    "ApprovalDecision": "approval_engine",
    "ApprovalEngine": "approval_engine",
    "InvalidSignature": "webhook_signature",
    "verify_webhook_signature": "webhook_signature",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for, so that whoever needs one part pays for that one."""
    if name in _HOME:
        return getattr(import_module(f"refundkit.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
