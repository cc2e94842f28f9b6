"""Write down what the processor says of a refund: one function for its answer, its webhooks and every later look."""

from __future__ import annotations

from typing import Any, Final

from refundkit_core.application.ports import Clock, Ids, RefundStore
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ledger import LedgerChange
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import Refund, Status, change_of, moved
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20
_STATUS: Final[dict[str, Status]] = {
    "pending": "processing",
    "requires_action": "processing",
    "succeeded": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
}


class Mismatch(Exception):
    """The processor's refund is not the one that was ordered; nothing was written, a person must look."""


class SettleRefund:
    """Move a refund to where its processor says it is; the same news again changes nothing."""

    def __init__(self, refunds: RefundStore, clock: Clock, ids: Ids) -> None:
        self._refunds = refunds
        self._clock = clock
        self._ids = ids

    def __call__(self, tenant: Tenant, refund_id: str, seen: ProcessorRefund) -> Refund | None:
        """Apply ``seen``; returns the refund as it stands then, None where there is no such refund.

        Raises:
            Mismatch: charge, amount, currency or external id are not those of the refund.
            StoreConflict: other writers were faster again and again.
        """
        for attempt in range(1, _MAX_TRIES + 1):
            refund = self._refunds.head(tenant, refund_id)
            if refund is None:
                return None
            _check(refund, seen)
            after, ledger = _after(refund, seen, self._clock.now())
            if after is None:
                return refund
            try:
                self._refunds.change(refund, after, of_change(refund, after), ledger)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return after
        raise StoreConflict("The refund kept changing while the processor's news was applied")


def _check(refund: Refund, seen: ProcessorRefund) -> None:
    ordered = (refund.transaction.charge_id, refund.money.amount_minor, refund.money.currency)
    if (seen.charge_id, seen.amount_minor, seen.currency) != ordered:
        raise Mismatch(f"{seen.external_id} does not match {refund.id}")
    if refund.external_refund_id not in (None, seen.external_id):
        raise Mismatch(f"{refund.id} is {refund.external_refund_id} at the processor, not {seen.external_id}")


def _after(refund: Refund, seen: ProcessorRefund, now: Any) -> tuple[Refund | None, LedgerChange | None]:
    """The refund's next state and what it does to the ledger; (None, None) where nothing is new."""
    status = _STATUS.get(seen.status)
    if status is None or refund.status not in ("processing", "completed"):
        return None, None
    if status == "cancelled" and refund.status == "completed":
        status = "failed"
    detail = seen.failure_reason if status == "failed" else None
    if status == "processing":
        if refund.status == "completed":
            return None, None
        detail = "requires_action" if seen.status == "requires_action" else "submitted"
        if (refund.status_detail, refund.external_refund_id) == (detail, seen.external_id):
            return None, None
    if status == refund.status == "completed":
        return None, None
    after = moved(refund, status, now, status_detail=detail, external_refund_id=seen.external_id)
    if status == "processing":
        return after, None
    if status == "completed":
        return after, change_of("settle", refund)
    return after, change_of("unsettle" if refund.status == "completed" else "release", refund)
