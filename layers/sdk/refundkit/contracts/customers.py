"""Customers on the wire: their erasure."""

from __future__ import annotations

from refundkit.contracts.base import Time, Wire


class ErasureView(Wire):
    """What was erased of a customer. The money's trail stays: amounts, times, and ids of transactions and refunds."""

    customer_id: str
    transactions: int
    """Transactions that no longer name the customer."""
    refunds: int
    """Refunds whose personal metadata is gone."""
    complete: bool
    """False where there was more than one request can do: send it again."""
    erased_at: Time
