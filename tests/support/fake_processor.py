"""A payment processor in memory: pays once per key, and fails as a test scripts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.openings import Brakes
from refundkit_core.application.ports import PaymentProcessor
from refundkit_core.application.records import Connection, ListedConnection, ListedOrganization
from refundkit_core.domain.budgets import NO_GUARDS, Guards
from refundkit_core.domain.errors import NotFound, ProcessorDeclined, StoreConflict
from refundkit_core.domain.processor import ChargeSnapshot, ProcessorRefund, ProcessorStatus, RefundOrder
from refundkit_core.domain.routing import DEFAULT_SETTINGS, ApprovalSettings
from refundkit_core.domain.tenancy import Tenant

from tests.support.builders import TENANT
from tests.support.clock import START

Script = Callable[[Callable[[], ProcessorRefund]], ProcessorRefund]
"""What happens to one refund call: gets the effect to run (or not), returns or raises what the caller sees."""


class FakeProcessor:
    """``PaymentProcessor`` over one dictionary of charges; ``scripts`` are used up one a refund call."""

    name = "stripe"

    def __init__(self, *charges: ChargeSnapshot) -> None:
        self.charges = {charge.charge_id: charge for charge in charges}
        self.intents: dict[str, str] = {}
        self.refunds: dict[str, ProcessorRefund] = {}
        self.orders: list[RefundOrder] = []
        self.scripts: list[Script] = []
        self.lookups: list[str] = []
        self.status: ProcessorStatus = "succeeded"
        self.email: str | None = "customer@shop.example"

    def owns(self, transaction_id: str) -> bool:
        return transaction_id.startswith(("ch_", "pi_"))

    def is_charge(self, transaction_id: str) -> bool:
        return transaction_id.startswith("ch_")

    def look_up(self, transaction_id: str) -> ChargeSnapshot:
        self.lookups.append(transaction_id)
        charge = self.charges.get(self.intents.get(transaction_id, transaction_id))
        if charge is None:
            raise NotFound("No such transaction")
        held = sum(made.amount_minor for made in self.list_refunds(charge.charge_id) if made.holds_money)
        return replace(charge, refunded_minor=held)

    def customer_email(self, charge_id: str) -> str | None:
        if charge_id not in self.charges:
            raise NotFound("No such transaction")
        return self.email

    def made_elsewhere(self, amount_minor: int, **changes: Any) -> ProcessorRefund:
        """A refund of the first charge that somebody made without us."""
        charge = next(iter(self.charges.values()))
        number = len(self.refunds) + 1
        made = ProcessorRefund(f"re_{number}", charge.charge_id, amount_minor, charge.currency, "succeeded", None, None)
        return self.refunds.setdefault(f"elsewhere-{number}", replace(made, **changes))

    def cancel_refund(self, external_id: str) -> ProcessorRefund:
        for key, made in self.refunds.items():
            if made.external_id == external_id:
                if made.status != "requires_action":
                    raise ProcessorDeclined("not_cancellable", "too late")
                self.refunds[key] = replace(made, status="cancelled")
                return self.refunds[key]
        raise NotFound("No such refund")

    def refund(self, order: RefundOrder) -> ProcessorRefund:
        self.orders.append(order)

        def effect() -> ProcessorRefund:
            made = ProcessorRefund(
                external_id=f"re_{len(self.refunds) + 1}",
                charge_id=order.charge_id,
                amount_minor=order.amount_minor,
                currency=order.currency,
                status=self.status,
                failure_reason=None,
                refund_id=order.refund_id,
            )
            return self.refunds.setdefault(order.processor_key, made)

        return self.scripts.pop(0)(effect) if self.scripts else effect()

    def find_refund(self, external_id: str) -> ProcessorRefund:
        for made in self.refunds.values():
            if made.external_id == external_id:
                return made
        raise NotFound("No such refund")

    def list_refunds(self, charge_id: str) -> Sequence[ProcessorRefund]:
        return [made for made in self.refunds.values() if made.charge_id == charge_id]

    def becomes(self, status: ProcessorStatus, failure_reason: str | None = None) -> ProcessorRefund:
        """Move the only refund there is."""
        ((key, made),) = self.refunds.items()
        self.refunds[key] = replace(made, status=status, failure_reason=failure_reason)
        return self.refunds[key]


class FakeProcessors:
    """``Processors`` with one processor, called stripe."""

    def __init__(self, processor: FakeProcessor) -> None:
        self._processor = processor

    def names(self) -> Sequence[str]:
        return ("stripe",)

    def named_by(self, transaction_id: str) -> str | None:
        return "stripe" if self._processor.owns(transaction_id) else None

    def connect(self, connection: Connection) -> PaymentProcessor:
        return self._processor


class FakeConnections:
    """``ConnectionStore`` with one active connection; ``gone`` takes it away."""

    def __init__(self, tenant: Tenant = TENANT) -> None:
        self.connection = Connection(
            id="con_00000000000000000000000001",
            tenant=tenant,
            processor="stripe",
            account_id="acct_1",
            secret_key="sk_test_fake",
            webhook_secrets=("whsec_fake",),
            status="active",
        )
        self.gone = False

    def of(self, tenant: Tenant, processor: str) -> Connection | None:
        matches = tenant == self.connection.tenant and processor == self.connection.processor
        return self.connection if matches and not self.gone else None

    def by_id(self, connection_id: str) -> Connection | None:
        return self.connection if connection_id == self.connection.id and not self.gone else None

    def put(self, connection: Connection, at: datetime, audit: AuditEntry | None = None) -> None:
        self.connection = connection

    def listed(self, tenant: Tenant) -> Sequence[ListedConnection]:
        known = self.connection
        return [ListedConnection(known.id, known.processor, known.account_id, known.status, START)]

    def disconnect(self, tenant: Tenant, processor: str, at: datetime, audit: AuditEntry) -> bool:
        was = self.connection.status
        self.connection = replace(self.connection, status="inactive")
        return was != "inactive"

    def mark(self, connection: Connection, status: Literal["active", "inactive", "error"], at: datetime) -> None:
        if connection.version == self.connection.version:
            self.connection = replace(self.connection, status=status)


class FakeOrganizations:
    """``OrganizationStore`` whose every organization has a secret of its own."""

    def create(self, organization: object, audit: AuditEntry | None = None) -> None:
        raise NotImplementedError("tests make no organizations here")

    def all(self) -> Sequence[ListedOrganization]:
        return [ListedOrganization(TENANT.org_id, "acme", START)]

    def owner(self, org_id: str) -> str:
        if org_id != TENANT.org_id:
            raise NotFound("No such organization")
        return "mem_00000000000000000000000001"

    def name(self, org_id: str) -> str:
        return "Acme"

    def secret(self, org_id: str) -> bytes:
        return f"secret of {org_id}".encode()


class FakeSwitches:
    """``Switches`` in a set."""

    def __init__(self) -> None:
        self.stops: set[tuple[Tenant, str | None]] = set()
        self.guards = NO_GUARDS
        self.approvals: ApprovalSettings | None = None

    def brakes(self, tenant: Tenant) -> Brakes:
        return Brakes(self.stopped(tenant), self.guards, self.approvals)

    def approval_settings(self, tenant: Tenant) -> ApprovalSettings:
        return self.approvals or DEFAULT_SETTINGS

    def set_approvals(self, tenant: Tenant, settings: ApprovalSettings, audit: AuditEntry) -> None:
        if settings.version != self.approval_settings(tenant).version + 1:
            raise StoreConflict("conflict")
        self.approvals = settings

    def guard(self, tenant: Tenant, guards: Guards, audit: AuditEntry) -> None:
        if guards.version != self.guards.version + 1:
            raise StoreConflict("conflict")
        self.guards = guards

    def paused(self, tenant: Tenant, key_id: str | None) -> bool:
        return bool({(tenant, None), (tenant, key_id)} & self.stops)

    def stopped(self, tenant: Tenant) -> frozenset[str]:
        return frozenset(key_id or "all" for owner, key_id in self.stops if owner == tenant)

    def set(self, tenant: Tenant, key_id: str | None, paused: bool, audit: AuditEntry | None = None) -> None:
        if paused:
            self.stops.add((tenant, key_id))
        else:
            self.stops.discard((tenant, key_id))


class FakeThrottle:
    """``Throttle`` that lets everything through but during a rest, or where a test says for how long to wait."""

    def __init__(self) -> None:
        self.resting: dict[str, datetime] = {}
        self.waits: list[int] = []

    def wait_s(self, connection_id: str, now: datetime) -> int:
        if self.waits:
            return self.waits.pop(0)
        left = (self.resting[connection_id] - now).total_seconds() if connection_id in self.resting else 0
        return max(0, round(left))

    def rest(self, connection_id: str, until: datetime) -> None:
        self.resting[connection_id] = until


class FakeApprovalQueue:
    """``ApprovalQueue`` in a list."""

    def __init__(self) -> None:
        self.messages: list[tuple[Tenant, str, int]] = []

    def put(self, tenant: Tenant, approval_id: str, delay_s: int) -> None:
        self.messages.append((tenant, approval_id, delay_s))


class FakeQueue:
    """``ExecutionQueue`` in a list."""

    def __init__(self) -> None:
        self.messages: list[tuple[Tenant, str, int]] = []

    def put(self, tenant: Tenant, refund_id: str, delay_s: int) -> None:
        self.messages.append((tenant, refund_id, delay_s))
