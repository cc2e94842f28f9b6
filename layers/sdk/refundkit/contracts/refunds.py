"""Refunds on the wire: the request that opens one, the refund itself, its timeline, and the list's query."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, field_validator, model_validator

from refundkit.contracts.base import Time, TimeInput, Wire
from refundkit.contracts.claims import (
    MAX_EVIDENCE,
    MAX_ITEMS,
    DeliveryClaim,
    EvidencePiece,
    RefundItem,
)
from refundkit.contracts.envelope import PageQuery
from refundkit.contracts.goods import Country, CustomerId

MAX_AMOUNT_MINOR: Final = 10**12
MAX_METADATA_BYTES: Final = 8_192
MAX_METADATA_KEYS: Final = 50
MAX_METADATA_KEY_LENGTH: Final = 40
MAX_METADATA_DEPTH: Final = 5

RefundReason = Literal[
    "product_not_received",
    "product_defective",
    "wrong_product",
    "duplicate_charge",
    "subscription_cancelled",
    "other",
    "agent_error",
    "price_change",
    "sizing_issue",
    "item_not_as_described",
    "order_cancelled",
    "return_window_closing",
]
RefundStatus = Literal["pending_approval", "pending", "processing", "completed", "failed", "cancelled", "rejected"]
InitiatedBy = Literal["api", "dashboard", "mcp", "processor"]
RuleOutcome = Literal["pass", "fail", "review", "unknown", "skipped"]
OnReview = Literal["queue", "reject"]

AmountMinor = Annotated[int, Field(gt=0, le=MAX_AMOUNT_MINOR, description="In the currency's minor unit (cents).")]
Currency = Annotated[str, Field(pattern=r"^[a-z]{3}$", description="ISO 4217, lower case.")]
TransactionId = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_.:\-]+$")]
ProcessorName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
_METADATA_BOUNDS: Final[dict[str, Any]] = {
    "maxProperties": MAX_METADATA_KEYS,
    "propertyNames": {"minLength": 1, "maxLength": MAX_METADATA_KEY_LENGTH},
}
Metadata = Annotated[dict[str, Any], Field(json_schema_extra=_METADATA_BOUNDS)]
_ONE_OF_THE_TWO: Final[dict[str, Any]] = {
    "oneOf": [
        {"required": ["amount"], "properties": {"amount": {"type": "integer"}, "full": {"type": "null"}}},
        {"required": ["full"], "properties": {"full": {"const": True}, "amount": {"type": "null"}}},
    ]
}
QuoteId = Annotated[str, Field(max_length=1_024, pattern=r"^quo_[A-Za-z0-9_\-]{20,}$")]
MetadataKey = Annotated[str, Field(min_length=1, max_length=MAX_METADATA_KEY_LENGTH)]


class CreateRefundRequest(Wire):
    """Open a refund of ``amount`` minor units, or of all that remains (``full``: true); exactly one of the two."""

    model_config = ConfigDict(json_schema_extra=_ONE_OF_THE_TWO)

    transaction_id: TransactionId
    """The processor's id of the charge (``ch_…``, ``py_…``) or payment intent (``pi_…``)."""
    amount: AmountMinor | None = None
    full: Literal[True] | None = None
    """Refund all that remains."""
    reason: RefundReason
    currency: Currency | None = None
    """The transaction's where omitted; another than the transaction's is refused."""
    processor: ProcessorName | None = None
    """Found by the shape of the transaction's id where omitted."""
    metadata: Metadata | None = None
    """Your own keys and values: up to 50 keys, 8,192 bytes of JSON, five levels deep. The processor never sees it."""
    personal_metadata: Annotated[list[MetadataKey], Field(max_length=MAX_METADATA_KEYS)] | None = None
    """Those keys of ``metadata`` that identify a person: erasing the customer erases their values."""
    items: Annotated[list[RefundItem], Field(max_length=MAX_ITEMS)] | None = None
    """What is to be refunded; all that was registered of the transaction, or the default rule, where omitted."""
    delivery: DeliveryClaim | None = None
    customer_id: CustomerId | None = None
    """Counts where neither the processor nor the shop knows the customer."""
    evidence: Annotated[list[EvidencePiece], Field(max_length=MAX_EVIDENCE)] | None = None
    ip_country: Country | None = None
    """Where the order came from, as the caller knows it."""
    on_review: OnReview = "queue"
    """``reject`` answers ``approval_required`` where a person would have to approve, and opens nothing."""
    quote_id: QuoteId | None = None
    """The ``quoteId`` of a preview of exactly this: the refund pays what was quoted, or is refused."""
    wait: Annotated[int, Field(ge=0, le=20)] = 0
    """Seconds to hold the answer until the refund is final or waits for approval."""

    @field_validator("metadata")
    @classmethod
    def _metadata_is_small(cls, metadata: Metadata | None) -> Metadata | None:
        if metadata is not None:
            _check_metadata(metadata)
        return metadata

    @model_validator(mode="after")
    def _names_what_to_refund(self) -> CreateRefundRequest:
        if (self.amount is None) == (self.full is None):
            raise ValueError('Name either an amount or "full": true')
        if not set(self.personal_metadata or ()) <= (self.metadata or {}).keys():
            raise ValueError("personalMetadata names keys that metadata does not have")
        return self


class Rule(Wire):
    """What one rule said of a refund, in words a person can read."""

    rule: str
    outcome: RuleOutcome
    """``fail`` refused; ``review`` and ``unknown`` (a fact was missing) asked for a person."""
    message: str
    fact: int | str | None
    limit: int | str | None
    item: str | None
    """The line that the rule spoke of, where it was not all of them."""
    customer_message: str
    """Safe to show to the customer."""


class RefundView(Wire):
    """A refund as it stands. Amounts are minor units, times ISO 8601 UTC with milliseconds."""

    id: str
    organization_id: str
    external_refund_id: str | None
    """The processor's id of the refund, once it has one."""
    transaction_id: str
    amount: int
    """What is paid: the amount asked for, less the restocking fee."""
    gross_amount: int
    """What was asked for."""
    restocking_fee: int
    """What is withheld; it is not refundable later."""
    currency: str
    reason: RefundReason
    status: RefundStatus
    status_detail: str | None
    """More of the status: ``outcome_unknown``, ``requires_action``, why it failed, …"""
    processor: str
    metadata: Metadata | None
    initiated_by: InitiatedBy
    approval_id: str | None
    decision: list[Rule] | None
    """What each rule said when the refund was opened."""
    policy_id: str | None
    """The policy that judged it; None is the default one."""
    policy_version: int | None
    evidence: list[EvidencePiece]
    created_at: Time
    updated_at: Time


class RefundEventView(Wire):
    """One step of a refund's timeline, oldest first."""

    id: str
    refund_id: str
    event_type: str
    details: dict[str, Any]
    created_at: Time


class ListRefundsQuery(PageQuery):
    """Filters and paging of ``GET /v1/refunds``; all filters given must hold."""

    status: RefundStatus | None = None
    processor: ProcessorName | None = None
    transaction_id: TransactionId | None = None
    """Any name of the transaction: a payment intent finds what was opened by its charge, and the other way round."""
    created_after: TimeInput | None = None
    """Opened at this time or later."""
    created_before: TimeInput | None = None
    """Opened before this time."""
    initiated_by: InitiatedBy | None = None


def _check_metadata(metadata: Metadata) -> None:
    if len(metadata) > MAX_METADATA_KEYS:
        raise ValueError(f"At most {MAX_METADATA_KEYS} keys")
    if any(not 1 <= len(key) <= MAX_METADATA_KEY_LENGTH for key in metadata):
        raise ValueError(f"Keys have 1 to {MAX_METADATA_KEY_LENGTH} characters")
    if _depth(metadata) > MAX_METADATA_DEPTH:
        raise ValueError(f"At most {MAX_METADATA_DEPTH} levels deep")
    try:
        size = len(json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode())
    except (TypeError, ValueError) as exc:
        raise ValueError("Must be JSON text: no lone surrogates, NaN or infinities") from exc
    if size > MAX_METADATA_BYTES:
        raise ValueError(f"At most {MAX_METADATA_BYTES} bytes of JSON")


def _depth(value: object) -> int:
    """Levels of nesting, counted without recursion so that hostile input cannot exhaust the stack."""
    deepest, todo = 0, [(value, 1)]
    while todo:
        node, level = todo.pop()
        if isinstance(node, dict | list):
            deepest = max(deepest, level)
            if level > MAX_METADATA_DEPTH:
                return deepest
            todo.extend((child, level + 1) for child in (node.values() if isinstance(node, dict) else node))
    return deepest
