"""What the use cases need from the outside world. Adapters implement these; tests fake them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from refundkit_core.application.audit import AuditEntry, Whose
    from refundkit_core.application.openings import Beside, Brakes, Refusal
    from refundkit_core.application.records import (
        ApiKeyRecord,
        Connection,
        DeadLetter,
        Erasure,
        ListedConnection,
        ListedOrganization,
        Organization,
        Page,
        Position,
        ProcessorAccount,
        ProcessorNews,
        RefundFilter,
        WebhookEndpoint,
    )
    from refundkit_core.domain.budgets import Breaker, Guards
    from refundkit_core.domain.customers import CustomerRecord
    from refundkit_core.domain.events import Event
    from refundkit_core.domain.ledger import Ledger, LedgerChange, TransactionRef
    from refundkit_core.domain.processor import ChargeSnapshot, ProcessorRefund, RefundOrder
    from refundkit_core.domain.refund import Refund, Request
    from refundkit_core.domain.tenancy import Admitted, Tenant


class Clock(Protocol):
    """The time, aware and in UTC."""

    def now(self) -> datetime: ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class Ids(Protocol):
    """New ids and random pauses."""

    def new(self, prefix: str) -> str:
        """A new, unguessable id such as ``ref_…``."""

    def pause(self, attempt: int) -> None:
        """Wait a random moment before try number ``attempt`` (from 1) of a write that lost a race."""


class RefundStore(Protocol):
    """Refunds, their ledgers and events. Every write is one transaction over all that it names.

    Raises (every write):
        StoreConflict: a condition failed or another transaction was faster. Reload and decide again.
    """

    def open(
        self,
        refund: Refund,
        request: Request,
        event: Event,
        ledger: Ledger,
        *,
        refuse_twin: bool,
        beside: Beside | None = None,
    ) -> None:
        """Create ``refund`` and reserve its money: refused where its id exists, the ledger has too little left or is
        blocked, or (``refuse_twin``) a twin of the last 24 h appeared since ``ledger`` was read. A ledger that is new
        is stored with it, and refused where one stands. What is ``beside`` it is written with it: its customer's record
        on the condition that it is as it was read, an approval once."""

    def change(
        self,
        before: Refund,
        after: Refund,
        event: Event,
        ledger: LedgerChange | None,
        audit: AuditEntry | None = None,
    ) -> None:
        """Move a refund from the version of ``before`` to that of ``after``, with its event and its money; where a
        person did it, with the entry that says so. What gives its money back takes it out of its customer's record."""

    def head(self, tenant: Tenant, refund_id: str) -> Refund | None:
        """The refund as it stands, read consistently."""

    def find(self, tenant: Tenant, refund_id: str) -> tuple[Refund, Request] | None:
        """The refund and what was asked for, read consistently."""

    def timeline(self, tenant: Tenant, refund_id: str) -> Sequence[Event]:
        """All events of a refund, oldest first."""

    def page(self, tenant: Tenant, wanted: RefundFilter, part: Position) -> Page[tuple[Refund, Request]]:
        """One page of the list, newest first; ``next_cursor`` is the position where the next one goes on. May lag
        behind writes; where it filters, it examines at most 1,000 refunds."""

    def erase_personal(self, tenant: Tenant, refund_id: str, left: Request) -> None:
        """Keep of a refund's request only what ``left`` says."""

    def forget_customer(self, ledger: Ledger, customer: str, refunds: int, at: datetime) -> None:
        """Take the customer's name off exactly this ledger, and count it and its ``refunds`` for the erasure of
        ``customer``, an id derived from theirs."""

    def charges_of_customer(self, tenant: Tenant, customer_id: str, limit: int) -> Sequence[TransactionRef]:
        """Up to ``limit`` charges of a processor's customer that name them. May lag."""

    def refunds_of_charge(self, tenant: Tenant, charge_id: str) -> Sequence[str]:
        """The ids of all refunds of a charge. May lag."""

    def adopt(self, refund: Refund, request: Request, event: Event, ledger: LedgerChange) -> None:
        """Create a refund that was made at the processor; its money moves within the ledger, once per external id."""

    def put_off(self, refund: Refund) -> None:
        """Store when ``refund`` is looked at next; no change of state, no event, the version stays.

        Raises:
            StoreConflict: the refund has changed since.
        """

    def due(self, now: datetime, limit: int) -> Sequence[tuple[Tenant, str]]:
        """Up to ``limit`` refunds under way, of any tenant, whose next look is due, longest due first. May lag."""

    def ledger(self, tenant: Tenant, transaction: TransactionRef) -> Ledger | None:
        """The ledger of a charge, read consistently."""

    def put_ledger(
        self, ledger: Ledger, previous: Ledger | None, event: Event | None, charged_back: str | None = None
    ) -> None:
        """Store a ledger that is new (``previous`` None) or replaces exactly ``previous``, with its event if any; where
        that is a chargeback, it counts once in the record of the customer ``charged_back``."""

    def charge_of(self, tenant: Tenant, processor: str, account_id: str, transaction_id: str) -> str | None:
        """The charge that another name (a payment intent) was resolved to before."""

    def remember_charge(self, tenant: Tenant, transaction: TransactionRef, transaction_id: str) -> None:
        """Keep that ``transaction_id`` names this charge; the same again changes nothing."""


class CustomerStore(Protocol):
    """Customers' records, by derived ids."""

    def of(self, tenant: Tenant, customer: str) -> CustomerRecord:
        """The record as it stands, read consistently; an empty one of version 0 where there is none."""


class RefusalStore(Protocol):
    """Refused requests, with their decisions."""

    def put(self, refusal: Refusal) -> None: ...

    def find(self, tenant: Tenant, refusal_id: str) -> Refusal | None:
        """The refusal, read consistently."""


class RefundBooks(Protocol):
    """Refunds as a report reads them: from indexes, which may lag."""

    def opened_since(self, tenant: Tenant, since: datetime) -> Iterable[Refund]:
        """The tenant's refunds opened at ``since`` or later."""

    def unfinished(self) -> Iterable[tuple[Tenant, str]]:
        """Every refund, of any tenant, whose money is reserved: under way, or waiting for a person."""

    def waiting(self) -> Iterable[tuple[Tenant, str]]:
        """Those of them that wait for a person."""


class Erasures(Protocol):
    """That customers were erased, by an id derived from theirs."""

    def of(self, tenant: Tenant, customer: str) -> Erasure | None: ...


class ConnectionStore(Protocol):
    """Processor connections, credentials encrypted at rest."""

    def of(self, tenant: Tenant, processor: str) -> Connection | None: ...

    def by_id(self, connection_id: str) -> Connection | None: ...

    def put(self, connection: Connection, at: datetime, audit: AuditEntry | None = None) -> None:
        """Create or replace the tenant's connection to the processor."""

    def listed(self, tenant: Tenant) -> Sequence[ListedConnection]:
        """The tenant's connections without their credentials, read consistently."""

    def disconnect(self, tenant: Tenant, processor: str, at: datetime, audit: AuditEntry) -> bool:
        """Make the connection inactive; False where there is none that was active."""

    def mark(self, connection: Connection, status: Literal["active", "inactive", "error"], at: datetime) -> None:
        """Change the status of exactly this connection with these credentials; a newer one stays as it is."""


class ApiKeyStore(Protocol):
    """API keys, by the hash of the whole key."""

    def admit(self, key_hash: str, now: datetime) -> Admitted:
        """Authenticate and meter in one conditional write.

        Raises:
            Unauthenticated: unknown, expired or revoked.
            RateLimited: this minute's requests are used up.
        """

    def put(self, key: ApiKeyRecord, audit: AuditEntry | None = None) -> None:
        """Keep a new key, and count it on the member for whom it is.

        Raises:
            StoreConflict: its id exists, the organization was deleted, its ``role`` is not (any more) that of an active
                member, or no answer came.
        """

    def find(self, tenant: Tenant, key_id: str) -> ApiKeyRecord | None:
        """The tenant's key, read consistently, but for its last use."""

    def page(self, tenant: Tenant, part: Position) -> Page[ApiKeyRecord]:
        """One page of the tenant's keys, newest first, revoked ones too; ``next_cursor`` is a position. May lag."""

    def of(self, tenant: Tenant) -> Sequence[ApiKeyRecord]:
        """The tenant's keys, oldest first, revoked ones too."""

    def revoke(self, key: ApiKeyRecord, at: datetime, audit: AuditEntry) -> bool:
        """Refuse the key from now on; False where it was revoked before."""


class OrganizationStore(Protocol):
    """Organizations: which there are, and their secrets."""

    def create(self, organization: Organization, audit: AuditEntry | None = None) -> None: ...

    def all(self) -> Sequence[ListedOrganization]:
        """Every organization, oldest first. May lag."""

    def owner(self, org_id: str) -> str:
        """The id of the organization's first active owner. Raises NotFound, also where it was deleted."""

    def name(self, org_id: str) -> str:
        """What the organization is called. Raises NotFound, also where it was deleted."""

    def secret(self, org_id: str) -> bytes:
        """The organization's secret, for derived ids and sealed cursors. Raises NotFound, also where it was deleted."""


class PaymentProcessor(Protocol):
    """A payment processor's account, through one connection.

    Raises (every call):
        ProcessorDenied: the credentials are refused.
        ProcessorUnknown: no answer, or none that says what happened.
        ProcessorDeclined: a definite no.
    """

    name: str

    def owns(self, transaction_id: str) -> bool:
        """Whether an id has the shape of this processor's transactions."""

    def is_charge(self, transaction_id: str) -> bool:
        """Whether the id names a charge itself, not something that leads to one."""

    def look_up(self, transaction_id: str) -> ChargeSnapshot:
        """The charge behind an id, as it stands now.

        Raises:
            NotFound: the account has no such transaction.
        """

    def customer_email(self, charge_id: str) -> str | None:
        """The address that the charge's customer left with it; None where they left none.

        Raises:
            NotFound: the account has no such charge.
        """

    def refund(self, order: RefundOrder) -> ProcessorRefund:
        """Pay a refund, at most once per ``order.processor_key``."""

    def find_refund(self, external_id: str) -> ProcessorRefund:
        """A refund as it stands now."""

    def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
        """All refunds of a charge, ours and others'."""

    def cancel_refund(self, external_id: str) -> ProcessorRefund:
        """Take a refund back that has not been paid yet.

        Raises:
            ProcessorDeclined: it is too late.
        """


class ProcessorSetup(Protocol):
    """What connecting a processor takes."""

    def account(self, secret_key: str, connected_account: str | None) -> ProcessorAccount:
        """Whose credentials these are, asked with one call.

        Raises:
            Invalid: the processor refuses them.
            Upstream: it did not answer.
        """

    def create_webhook_endpoint(self, connection: Connection, url: str) -> WebhookEndpoint:
        """Have the processor post the connection's news to ``url``."""

    def remove_webhook_endpoint(self, connection: Connection, endpoint_id: str) -> None:
        """Have the processor stop that."""


class Processors(Protocol):
    """The registry of processors."""

    def names(self) -> Sequence[str]: ...

    def named_by(self, transaction_id: str) -> str | None:
        """The processor whose transactions have ids of this shape."""

    def connect(self, connection: Connection) -> PaymentProcessor: ...


class ProcessorNewsQueue(Protocol):
    """Where news waits durably until it is applied."""

    def put(self, news: ProcessorNews) -> None: ...


class ExecutionQueue(Protocol):
    """Where refunds wait to be brought forward."""

    def put(self, tenant: Tenant, refund_id: str, delay_s: int) -> None:
        """Have the refund executed in ``delay_s`` seconds (0 to 900)."""


class Throttle(Protocol):
    """How fast a connection's processor is called, all workers together, and whether this worker leaves it alone."""

    def wait_s(self, connection_id: str, now: datetime) -> int:
        """0 where a call may go out now (and is counted), else in how many seconds to ask again."""

    def rest(self, connection_id: str, until: datetime) -> None:
        """Do not call this connection's processor before ``until``: it is down, or asked for it."""


class Switches(Protocol):
    """The kill switches of a tenant: all refunds, or those opened with one key."""

    def paused(self, tenant: Tenant, key_id: str | None) -> bool:
        """Whether refunds are stopped, read consistently."""

    def set(self, tenant: Tenant, key_id: str | None, paused: bool, audit: AuditEntry | None = None) -> None:
        """Stop or resume the tenant's refunds, or those of one key."""

    def stopped(self, tenant: Tenant) -> frozenset[str]:
        """What is stopped now: key ids, and ``all``."""

    def brakes(self, tenant: Tenant) -> Brakes:
        """All that slows a tenant's refunds down or stops them, in one consistent read."""

    def guard(self, tenant: Tenant, guards: Guards, audit: AuditEntry) -> None:
        """Replace the guards by ones of the next version.

        Raises:
            StoreConflict: somebody else has, or no answer came.
        """


class Purses(Protocol):
    """What was taken from caps a day, and how many refunds were asked for lately."""

    def spent(self, tenant: Tenant, purses: Sequence[str]) -> Mapping[str, int]:
        """What was taken from each purse, read consistently; those of which nothing was are left out."""

    def count(self, tenant: Tenant, breaker: Breaker, at: datetime, amount_minor: int) -> tuple[int, int]:
        """Count one refund of ``amount_minor``; returns how many and how much there were lately, this one included."""


class EventBus(Protocol):
    """Where events leave for whoever listens."""

    def publish(self, events: Sequence[Event]) -> Sequence[Event]:
        """Publish and return those that were not accepted."""


class ParkingLot(Protocol):
    """Where events wait for a person that could not leave."""

    def park(self, event: Event) -> None:
        """Keep an event that the bus would not take."""

    def park_unreadable(self, key: str) -> None:
        """Keep the key of a stored event that cannot be read."""


class ParkedEvents(Protocol):
    """What parked messages say."""

    def read(self, body: str) -> Event | None:
        """The event that waits in ``body``, read from the store where only its key is there; None: unreadable yet."""


class DeadLetters(Protocol):
    """A queue whose messages can be read by hand."""

    def receive(self) -> Sequence[DeadLetter]:
        """Up to ten messages, which nobody else sees for two minutes; none where the queue is empty."""

    def send(self, letter: DeadLetter) -> None:
        """Put a message's copy on this queue."""

    def remove(self, letter: DeadLetter) -> None: ...


class AuditTrail(Protocol):
    """What people did, for ever."""

    def put(self, entry: AuditEntry) -> None: ...

    def of(self, whose: Whose) -> Sequence[AuditEntry]:
        """Everything that was done to one tenant, one organization as a whole, or the stack; oldest first."""


class ReportShelf(Protocol):
    """Where the daily reports stand, one a day."""

    def put(self, day: str, report: Mapping[str, Any]) -> None: ...

    def read(self, day: str | None) -> Mapping[str, Any] | None:
        """The report of ``day`` (``2026-11-20``), or the latest; None where there is none."""
