"""Customers as the wire shows what was erased of them."""

from __future__ import annotations

from refundkit.contracts.customers import ErasureView

from refundkit_core.application.records import Erasure
from refundkit_core.domain.times import iso


def erasure_view(customer_id: str, erasure: Erasure, complete: bool) -> ErasureView:
    """An erasure as the wire shows it."""
    return ErasureView(
        customer_id=customer_id,
        transactions=erasure.transactions,
        refunds=erasure.refunds,
        complete=complete,
        erased_at=iso(erasure.erased_at),
    )
