"""The audit trail on the wire: entries, files of them, and whether their chain holds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from refundkit.contracts.base import Time, TimeInput, Wire
from refundkit.contracts.envelope import PageQuery

AuditChannel = Literal["rule", "api", "slack", "email", "link", "session", "operator", "system"]
ChainFaultKind = Literal[
    "block_missing",
    "block_changed",
    "chain_broken",
    "head_changed",
    "head_unknown",
    "entry_missing",
    "entry_changed",
    "entry_inserted",
]
Words = Annotated[str, Field(min_length=1, max_length=128)]
Cursor = Annotated[str, Field(min_length=1, max_length=512)]


class AuditFilters(Wire):
    """Which entries are meant; all filters given must hold."""

    since: TimeInput | None = Field(default=None, alias="from")
    """At this time or later."""
    until: TimeInput | None = Field(default=None, alias="to")
    """Before this time."""
    command: Words | None = None
    """What was done, such as `approval approve` or `refund refuse`."""
    actor: Words | None = None
    """A member, an agent's name, or a key."""
    target: Words | None = None
    """The id of what it was done to."""
    channel: AuditChannel | None = None
    """By which way it was done; `rule` is a decision that no person took."""


class ListAuditQuery(PageQuery, AuditFilters):
    """Filters and paging of ``GET /v1/audit``."""


class ExportAuditQuery(AuditFilters):
    """Filters of ``GET /v1/audit/export``."""

    cursor: Cursor | None = None
    """The `nextCursor` of the file before, with the same filters."""


class VerifyAuditQuery(Wire):
    """What ``GET /v1/audit/verify`` holds the chain against, and where it goes on."""

    head_number: Annotated[int, Field(ge=1, le=10**12 - 1, strict=False)] | None = None
    """The number of a head that an earlier answer told."""
    head_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Its hash: it must still be a block of this chain."""
    cursor: Cursor | None = None
    """The `nextCursor` of the answer before, with the same head."""

    @field_validator("head_number", mode="before")
    @classmethod
    def _plain_digits(cls, value: object) -> object:
        if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 12):
            raise ValueError("Must be a whole number in plain digits")
        return value

    @model_validator(mode="after")
    def _a_whole_head(self) -> VerifyAuditQuery:
        if (self.head_number is None) != (self.head_hash is None):
            raise ValueError("Use headNumber and headHash together")
        return self


class AuditEntryView(Wire):
    """One thing that was done or decided; it never changes."""

    id: str
    environment: Literal["test", "live"] | None
    """Null for what was done to the organization as a whole."""
    at: Time
    channel: AuditChannel
    actor: str
    """The owner of the key and the key in brackets; a member; `operator` for whoever runs this installation; `program`
    for what time does."""
    command: str
    target: str
    because: str | None
    details: dict[str, str | int | None]
    """What is known besides: refundId, decisionId, processor, keyId, amount, currency, policyId, policyVersion,
    factsHash, recommendation, humanOverride, comment."""
    block: int | None
    """The block of the chain that it is in; null for some moments after it was made."""


class AuditExportView(Wire):
    """A file of entries."""

    rows: int
    csv_url: str
    """Where it is for a quarter of an hour, for whoever has this address."""
    next_cursor: str | None
    """For the next file, with the same filters; null where nothing is left."""


class ChainHeadView(Wire):
    """The last block of the chain. Keep it: what was in the chain then can be proved against it later."""

    number: int
    hash: str


class ChainFaultView(Wire):
    """The first thing that is not as it was."""

    kind: ChainFaultKind
    block: int | None
    entry_id: str | None


class AuditVerificationView(Wire):
    """What one part of a walk along the chain saw."""

    ok: bool
    """Nothing is wrong in this part."""
    complete: bool
    """The walk is over, and every part of it has been answered."""
    head: ChainHeadView | None
    """Null where nothing was ever chained."""
    blocks: int
    entries: int
    """How often an entry was looked at: in its block, and where it stands."""
    fault: ChainFaultView | None
    unchained: list[str]
    """Entries of over five minutes ago that no block names, at most 100."""
    next_cursor: str | None
    """For the next part; null where nothing is left, or after a fault."""
