"""Policies on the wire: may a transaction be refunded?"""

from __future__ import annotations

from refundkit.contracts.base import Time, Wire
from refundkit.contracts.refunds import AmountMinor, TransactionId


class CheckPolicyRequest(Wire):
    """Ask whether a transaction may be refunded: all that remains of it, or ``amount``."""

    transaction_id: TransactionId
    """The processor's id of the charge (``ch_…``, ``py_…``) or payment intent (``pi_…``)."""
    amount: AmountMinor | None = None


class EligibilityView(Wire):
    """The answer. Not eligible is an answer too, not an error."""

    eligible: bool
    reason: str
    """Why, in a sentence for people."""
    max_amount: int | None
    """What could be refunded, in minor units; null where nothing can be."""
    deadline: Time | None
    """Until when (inclusive); null where nothing can be refunded, or the policy sets none."""
    conditions: list[str]
