"""The facts of a request, as far as the charge's ledger and its registered order tell them."""

from __future__ import annotations

from refundkit_core.application.order_ports import OrderStore
from refundkit_core.application.ports import Clock
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.risk_ports import Claim, Gathered
from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Facts
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import DEFAULT_POLICY
from refundkit_core.domain.tenancy import Tenant


class RegisteredFacts:
    """``FactsOf`` from the ledger and the order; the customer's other refunds are unknown to it."""

    def __init__(self, resolve: ResolveTransaction, orders: OrderStore, clock: Clock) -> None:
        self._resolve = resolve
        self._orders = orders
        self._clock = clock

    def __call__(self, tenant: Tenant, transaction_id: str, claim: Claim) -> Gathered:
        ledger = self._resolve(tenant, transaction_id, None).ledger
        now = self._clock.now()
        known = self._orders.of(tenant, ledger.transaction)
        order = known or Order(tenant, ledger.transaction, version=0, registered_at=now)
        facts = Facts(
            now=now,
            reason=claim.reason,
            amount_minor=claim.amount_minor,
            stated_currency=None,
            charge=charge_facts(ledger),
            items=order.items,
            delivery=order.delivery,
            customer=CustomerFacts(
                known=any((claim.customer_id, order.customer_id, ledger.customer_id)),
                lifetime_orders=order.lifetime_orders,
                lifetime_spend_minor=order.lifetime_spend_minor,
                since=order.customer_since,
            ),
            contradictions=("customer",) if _another_customer(claim, order, ledger) else (),
            external_risk=order.external_risk,
            ip_country=order.ip_country,
        )
        return Gathered(facts, ledger, DEFAULT_POLICY)


def charge_facts(ledger: Ledger) -> ChargeFacts:
    """What a ledger tells of its charge."""
    return ChargeFacts(
        currency=ledger.currency,
        captured_minor=ledger.captured_minor,
        remaining_minor=ledger.remaining().amount_minor,
        held_minor=ledger.elsewhere_minor + ledger.reserved_minor + ledger.refunded_minor,
        lost_minor=ledger.lost_minor,
        dispute=ledger.dispute,
        purchased_at=ledger.purchased_at,
        fraud_warning=ledger.fraud_warning,
        processor_risk=ledger.processor_risk,
        countries=ledger.countries,
    )


def _another_customer(claim: Claim, order: Order, ledger: Ledger) -> bool:
    """Whether the caller names somebody else than the shop did; the processor has names of its own."""
    if claim.customer_id is None or order.customer_id is None:
        return False
    return claim.customer_id not in (order.customer_id, ledger.customer_id)
