"""Gather what a decision rests on: what the processor, the shop and we ourselves know, and what the caller says.

The shop's word beats the caller's; the processor's customer beats both, so that nobody gets a new history by another
name. Source: decisions 14, 15 and 18, document 001 "Step 2".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from refundkit_core.application.customer_keys import customer_key
from refundkit_core.application.fact_ports import Orders
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.ports import Clock, CustomerStore, OrganizationStore
from refundkit_core.application.resolve_transaction import ResolvedTransaction
from refundkit_core.domain.claims import Claim, settled
from refundkit_core.domain.customers import CustomerRecord
from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Facts
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import PolicyVersion

_MILLISECOND: Final = 1000
NOTHING_CLAIMED: Final = Claim()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for beside the transaction: ``amount_minor`` None means all that remains."""

    reason: str
    amount_minor: int | None
    currency: str | None
    claim: Claim = NOTHING_CLAIMED


@dataclass(frozen=True, slots=True)
class Gathered:
    """The facts, the version that judges them, and what they came from. ``customer`` is None where nobody is known."""

    facts: Facts
    version: PolicyVersion
    shadow: PolicyVersion | None
    ledger: Ledger
    order: Order | None
    customer: CustomerRecord | None
    merchant_id: str


class GatherFacts:
    """Facts for every decision, from one place."""

    def __init__(
        self,
        orders: Orders,
        choice: PolicyChoice,
        customers: CustomerStore,
        organizations: OrganizationStore,
        clock: Clock,
    ) -> None:
        self._orders = orders
        self._choice = choice
        self._customers = customers
        self._organizations = organizations
        self._clock = clock

    def __call__(self, resolved: ResolvedTransaction, asked: Asked) -> Gathered:
        """The facts of one request about a transaction that was resolved just now."""
        ledger, now = resolved.ledger, _to_the_millisecond(self._clock.now())
        tenant = ledger.tenant
        order = self._orders.of(tenant, ledger.transaction)
        merchant_id = (order and order.merchant_id) or resolved.connection.merchant_id or tenant.org_id
        version, shadow = self._choice.for_purchase(tenant, merchant_id, ledger.purchased_at, now)
        customer = self._customer(ledger, order, asked.claim)
        facts = _facts(asked, ledger, order, customer, now)
        return Gathered(facts, version, shadow, ledger, order, customer, merchant_id)

    def _customer(self, ledger: Ledger, order: Order | None, claim: Claim) -> CustomerRecord | None:
        if ledger.customer_erased:
            return None
        customer_id = ledger.customer_id or (order and order.customer_id) or claim.customer_id
        if customer_id is None:
            return None
        tenant = ledger.tenant
        return self._customers.of(tenant, customer_key(self._organizations, tenant, customer_id))


def _facts(asked: Asked, ledger: Ledger, order: Order | None, record: CustomerRecord | None, now: datetime) -> Facts:
    claim = asked.claim
    holds = settled(claim, order, ledger.customer_id)
    return Facts(
        now=now,
        reason=asked.reason,
        amount_minor=asked.amount_minor,
        stated_currency=asked.currency,
        charge=charge_facts(ledger),
        items=holds.items,
        delivery=holds.delivery,
        customer=_customer_facts(ledger, order, record, now),
        evidence=tuple(sorted({piece.kind for piece in claim.evidence})),
        contradictions=holds.contradictions,
        external_risk=order.external_risk if order is not None else None,
        ip_country=(order and order.ip_country) or claim.ip_country,
    )


def charge_facts(ledger: Ledger) -> ChargeFacts:
    """What a ledger tells of its charge."""
    return ChargeFacts(
        currency=ledger.currency,
        captured_minor=ledger.captured_minor,
        remaining_minor=ledger.remaining().amount_minor,
        held_minor=ledger.elsewhere_minor + ledger.reserved_minor + ledger.refunded_minor + ledger.withheld_minor,
        lost_minor=ledger.lost_minor,
        dispute=ledger.dispute,
        purchased_at=_to_the_millisecond(ledger.purchased_at),
        fraud_warning=ledger.fraud_warning,
        processor_risk=ledger.processor_risk,
        countries=ledger.countries,
    )


def _customer_facts(ledger: Ledger, order: Order | None, record: CustomerRecord | None, now: datetime) -> CustomerFacts:
    counted = None if record is None else record.history(ledger.currency, now)
    return CustomerFacts(
        known=record is not None,
        refunds_30d=counted.refunds_30d if counted else None,
        refunds_90d=counted.refunds_90d if counted else None,
        value_90d_minor=counted.value_90d_minor if counted else None,
        chargebacks_365d=counted.chargebacks_365d if counted else None,
        lifetime_orders=order.lifetime_orders if order else None,
        lifetime_spend_minor=order.lifetime_spend_minor if order else None,
        since=order.customer_since if order else None,
    )


def _to_the_millisecond(at: datetime) -> datetime:
    """Times are kept to the millisecond: a decision that is judged again must see the same instant."""
    return at.replace(microsecond=at.microsecond // _MILLISECOND * _MILLISECOND)
