"""What passes between the use cases and their ports besides the domain's own objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from refundkit_core.domain.tenancy import Tenant

if TYPE_CHECKING:
    from refundkit_core.domain.members import Member
    from refundkit_core.domain.roles import Role

_Shown = TypeVar("_Shown")


class Page(NamedTuple, Generic[_Shown]):
    """A part of a list, in its order, and where the next part starts (None: nothing is left)."""

    found: Sequence[_Shown]
    next_cursor: str | None


class Slice(NamedTuple):
    """Which part of a list: at most ``limit`` after ``offset``, or after where ``cursor`` points."""

    limit: int
    offset: int
    cursor: str | None


class Position(NamedTuple):
    """A slice as a store sees it: ``after`` is the sort key of the last one that was looked at before."""

    limit: int
    offset: int
    after: str | None


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """Which refunds a list shows; None does not filter. From ``created_from`` on, and before ``created_before``."""

    status: str | None = None
    processor: str | None = None
    transaction_id: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None
    initiated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """An organization's connection to a processor in one environment, credentials opened. Never leaves the server."""

    id: str
    tenant: Tenant
    processor: str
    account_id: str
    secret_key: str
    webhook_secrets: tuple[str, ...]
    status: str
    version: int = 1
    connected_account: str | None = None
    reverse_transfer: bool = False
    refund_application_fee: bool = False
    webhook_endpoint: str | None = None
    merchant_id: str | None = None

    def reaches(self, account_id: str) -> bool:
        """Whether refunds of charges in ``account_id`` may still go through this connection."""
        return self.status != "inactive" and self.account_id == account_id


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """A key as stored: by its hash, with its owner and rights. ``limit_per_minute`` meters it.

    ``role`` is that of the member for whom it is made; a key that was read back does not say it.
    ``fingerprint`` tells what was asked for where an idempotency key named the request.
    """

    id: str
    tenant: Tenant
    hash: str
    prefix: str
    name: str
    owner: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None
    limit_per_minute: int
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    fingerprint: str | None = None
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """An organization and its owner. ``secret`` derives ids from idempotency keys; made once, never rotated."""

    id: str
    name: str
    owner_id: str
    owner_name: str
    owner_email: str
    secret: bytes
    created_at: datetime

    @property
    def owner(self) -> Member:
        """Its owner as a member."""
        from refundkit_core.domain.members import Member

        return Member(self.owner_id, self.id, self.owner_name, self.owner_email, "owner", self.created_at)


class ListedOrganization(NamedTuple):
    """An organization in a list."""

    id: str
    name: str
    created_at: datetime


class ListedConnection(NamedTuple):
    """A connection in a list: nothing of its credentials."""

    id: str
    processor: str
    account_id: str
    status: str
    updated_at: datetime


class Erasure(NamedTuple):
    """What was erased of a customer, who is named by a derived id only: counts, and when."""

    customer: str
    transactions: int
    refunds: int
    erased_at: datetime


class DeadLetter(NamedTuple):
    """A message of a queue, taken out by hand: its text, what removes it, and its fair-queue group."""

    body: str
    receipt: str
    group: str | None


class WebhookEndpoint(NamedTuple):
    """An endpoint at the processor that posts to us, and the secret with which it signs."""

    endpoint_id: str
    secret: str


class ProcessorAccount(NamedTuple):
    """Whose credentials these are."""

    account_id: str
    livemode: bool


class ProcessorNews(NamedTuple):
    """What a processor's webhook said, in ids: what happened is read afresh from the processor."""

    connection_id: str
    tenant: Tenant
    processor: str
    external_event_id: str
    type: str
    charge_id: str
    fraud_warning: str | None = None
