"""Builders: valid objects of which a test names only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from refundkit_core.domain import ledger as ledgers
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.money import Money
from refundkit_core.domain.processor import ChargeSnapshot, ProcessorRefund
from refundkit_core.domain.refund import Refund, Request
from refundkit_core.domain.tenancy import Tenant

from tests.support.clock import START

TENANT = Tenant("org_00000000000000000000000001", "test")
OTHER_TENANT = Tenant("org_00000000000000000000000002", "test")
TRANSACTION = TransactionRef("stripe", "acct_1", "ch_1")


def snapshot(**changes: Any) -> ChargeSnapshot:
    """A captured charge of 5,000 usd, made now."""
    made = ChargeSnapshot("ch_1", "usd", 5000, 0, 0, "none", START, "cus_1")
    return replace(made, **changes)


def ledger(**changes: Any) -> Ledger:
    """That charge's ledger, nothing held."""
    opened = ledgers.opened(TENANT, TRANSACTION, snapshot(), 0, START)
    return replace(opened, **changes)


def refund(number: int = 1, **changes: Any) -> Refund:
    """A pending refund of 2,000 usd of that charge."""
    made = Refund(
        id=refund_id(number),
        tenant=TENANT,
        transaction_id="ch_1",
        transaction=TRANSACTION,
        money=Money(2000, "usd"),
        reason="product_defective",
        status="pending",
        status_detail=None,
        initiated_by="api",
        created_at=START,
        updated_at=START,
        version=1,
    )
    return replace(made, **changes)


def refund_id(number: int) -> str:
    """A refund id that tests can tell from others."""
    return f"ref_{number:026d}"


def request(**changes: Any) -> Request:
    """What was asked for: nothing special."""
    return replace(Request("f" * 64, {"orderId": "1"}, (RuleResult("captured", "pass", "was captured"),)), **changes)


def processor_refund(of: Refund, **changes: Any) -> ProcessorRefund:
    """The processor's refund of one of ours, succeeded."""
    made = ProcessorRefund(
        external_id="re_1",
        charge_id=of.transaction.charge_id,
        amount_minor=of.money.amount_minor,
        currency=of.money.currency,
        status="succeeded",
        failure_reason=None,
        refund_id=of.id,
    )
    return replace(made, **changes)
