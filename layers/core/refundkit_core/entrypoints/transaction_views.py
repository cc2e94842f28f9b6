"""Registered transactions between the wire and the use cases."""

from __future__ import annotations

from datetime import datetime

from refundkit.contracts.transactions import (
    OrderItem,
    RegisterTransactionRequest,
    RegistrationView,
    ShownCustomer,
    ShownDelivery,
    ShownItem,
    TransactionView,
)

from refundkit_core.application.register_order import KnownTransaction, WantedOrder
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.orders import Order
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints.http import Call
from refundkit_core.entrypoints.requests import moment


def wanted_order_from(call: Call) -> WantedOrder:
    """What is registered by a ``PUT /v1/transactions/{id}``."""
    body: RegisterTransactionRequest = call.body
    customer = body.customer
    return WantedOrder(
        order_id=body.order_id,
        merchant_id=body.merchant_id,
        items=tuple(_item_from(item) for item in body.items or ()),
        delivery=_delivery_from(body),
        customer_id=customer.id if customer else None,
        customer_since=moment(customer.since) if customer else None,
        lifetime_orders=customer.lifetime_orders if customer else None,
        lifetime_spend_minor=customer.lifetime_spend if customer else None,
        external_risk=body.risk_score,
        ip_country=body.ip_country,
    )


def _item_from(item: OrderItem) -> Item:
    return Item(item.sku, item.category, item.quantity, item.amount, tuple(dict.fromkeys(item.flags or ())))


def _delivery_from(body: RegisterTransactionRequest) -> Delivery:
    stated = body.delivery
    if stated is None:
        return Delivery()
    return Delivery(stated.status, moment(stated.fulfilled_at), moment(stated.delivered_at), stated.country)


def transaction_view(known: KnownTransaction) -> TransactionView:
    """A transaction as the wire shows it."""
    ledger = known.ledger
    return TransactionView(
        id=ledger.transaction.charge_id,
        processor=ledger.transaction.processor,
        currency=ledger.currency,
        captured=ledger.captured_minor,
        refunded=ledger.refunded_minor + ledger.elsewhere_minor,
        reserved=ledger.reserved_minor,
        lost=ledger.lost_minor,
        remaining=ledger.remaining().amount_minor,
        dispute=ledger.dispute,
        purchased_at=iso(ledger.purchased_at),
        registration=None if known.order is None else registration_view(known.order),
    )


def registration_view(order: Order) -> RegistrationView:
    """What a shop registered, as the wire shows it."""
    return RegistrationView(
        version=order.version,
        order_id=order.order_id,
        merchant_id=order.merchant_id,
        items=[
            ShownItem(
                sku=item.sku,
                category=item.category,
                quantity=item.quantity,
                amount=item.amount_minor,
                flags=list(item.flags),
            )
            for item in order.items
        ],
        delivery=_delivery_view(order.delivery),
        customer=_customer_view(order),
        risk_score=order.external_risk,
        ip_country=order.ip_country,
        registered_at=iso(order.registered_at),
    )


def _delivery_view(delivery: Delivery) -> ShownDelivery | None:
    if delivery == Delivery():
        return None
    return ShownDelivery(
        status=delivery.status,
        fulfilled_at=_time(delivery.fulfilled_at),
        delivered_at=_time(delivery.delivered_at),
        country=delivery.country,
    )


def _customer_view(order: Order) -> ShownCustomer | None:
    if order.customer_id is None:
        return None
    return ShownCustomer(
        id=order.customer_id,
        since=_time(order.customer_since),
        lifetime_orders=order.lifetime_orders,
        lifetime_spend=order.lifetime_spend_minor,
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
