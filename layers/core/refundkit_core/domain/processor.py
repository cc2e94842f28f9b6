"""What a payment processor tells us, in our words (decisions 4, 5, 8, 30)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DisputeState = Literal["none", "inquiry", "open", "won", "lost"]
ProcessorStatus = Literal["pending", "requires_action", "succeeded", "failed", "cancelled", "unknown"]


@dataclass(frozen=True, slots=True)
class ChargeSnapshot:
    """A charge as its processor shows it now. Amounts in minor units of ``currency``.

    ``refunded_minor`` is what all its refunds hold of it, ours and others', by the processor's count;
    ``lost_minor`` is what lost disputes took. ``captured_minor`` is 0 while the charge is only authorized.
    ``processor_risk`` is the processor's score of 0 to 100, ``countries`` those of card and billing address.
    """

    charge_id: str
    currency: str
    captured_minor: int
    refunded_minor: int
    lost_minor: int
    dispute: DisputeState
    purchased_at: datetime
    customer_id: str | None
    processor_risk: int | None = None
    countries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessorRefund:
    """A refund as its processor shows it now. ``refund_id`` is ours, from the metadata, where it has one."""

    external_id: str
    charge_id: str
    amount_minor: int
    currency: str
    status: ProcessorStatus
    failure_reason: str | None
    refund_id: str | None

    @property
    def holds_money(self) -> bool:
        """Whether it takes from what its charge has left; a status that we do not know is taken to."""
        return self.status not in ("failed", "cancelled")


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """What is sent to the processor: everything that was approved, and the one key under which it may be sent."""

    org_id: str
    refund_id: str
    charge_id: str
    amount_minor: int
    currency: str
    reason: str
    processor_key: str
