"""An approval: the question that a person is asked about one refund (documents 000 and 002, decision 19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

ApprovalStatus = Literal["pending", "superseded"]
_ID_BODY: Final = 4


@dataclass(frozen=True, slots=True)
class Approval:
    """One question: may this much be refunded? ``reasons`` are the rules that asked for a person.

    The amount is the net one, in minor units: what would be paid. ``version`` grows with every change, from 1.
    """

    id: str
    tenant: Tenant
    refund_id: str
    transaction: TransactionRef
    amount_minor: int
    currency: str
    status: ApprovalStatus
    reasons: tuple[str, ...]
    opened_at: datetime
    version: int = 1


def approval_id_of(refund_id: str) -> str:
    """The id of a refund's approval: one refund is asked about once."""
    return f"apr_{refund_id[_ID_BODY:]}"


def asked_about(refund: Refund, reasons: tuple[str, ...]) -> Approval:
    """The approval that is opened with ``refund``."""
    return Approval(
        id=approval_id_of(refund.id),
        tenant=refund.tenant,
        refund_id=refund.id,
        transaction=refund.transaction,
        amount_minor=refund.money.amount_minor,
        currency=refund.money.currency,
        status="pending",
        reasons=reasons,
        opened_at=refund.created_at,
    )
