"""From what a caller says on the wire to a claim, and from decisions to what the wire shows of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from refundkit_core.domain.claims import Claim, Evidence
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.entrypoints.requests import moment

if TYPE_CHECKING:
    from refundkit.contracts.claims import DeliveryClaim, RefundItem
    from refundkit.contracts.eligibility import CheckEligibilityRequest
    from refundkit.contracts.refunds import CreateRefundRequest


def claim_from(body: CreateRefundRequest | CheckEligibilityRequest) -> Claim:
    """What the caller claims in a request."""
    return Claim(
        items=tuple(_item(item) for item in body.items or ()),
        delivery=_delivery(body.delivery),
        customer_id=body.customer_id,
        evidence=tuple(Evidence(piece.kind, piece.reference) for piece in body.evidence or ()),
        ip_country=body.ip_country,
    )


def _item(item: RefundItem) -> Item:
    return Item(item.sku, item.category, item.quantity, item.amount, tuple(sorted(set(item.flags or ()))))


def _delivery(claimed: DeliveryClaim | None) -> Delivery:
    if claimed is None:
        return Delivery()
    fulfilled, delivered = _to_the_millisecond(claimed.fulfilled_at), _to_the_millisecond(claimed.delivered_at)
    return Delivery(claimed.status, fulfilled, delivered, claimed.country)


def _to_the_millisecond(stated: str | None) -> datetime | None:
    at = moment(stated)
    return None if at is None else at.replace(microsecond=at.microsecond // 1000 * 1000)
