"""Registered orders on DynamoDB: one item a charge, in the partition of its ledger."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item as Stored
from refundkit_core.adapters.dynamodb.table import Table, without_nones
from refundkit_core.domain.facts import Delivery, Item
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_STANDS_AND_IS_NOT_ERASED: Final = "attribute_exists(pk) AND attribute_not_exists(customer_erased)"


class DynamoOrderStore:
    """``OrderStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        item = self._table.get(keys.order(tenant, transaction))
        return None if item is None else _order_of(tenant, transaction, item)

    def put(self, order: Order, previous_version: int | None) -> None:
        condition, values = _NEW, None
        if previous_version is not None:
            condition, values = "version = :before", {":before": previous_version}
        if order.customer_id is None:
            self._table.put(_order_item(order), condition, values)
            return
        ledger = keys.ledger(order.tenant, order.transaction)
        moved_on = self._table.update_op(ledger, "SET version = version + :one", _STANDS_AND_IS_NOT_ERASED, {":one": 1})
        self._table.transact([self._table.put_op(_order_item(order), condition, values), moved_on])


def _order_item(order: Order) -> dict[str, Any]:
    """An order; where it names a customer, it stands in the index of their charges, so that an erasure finds it.

    Lines are kept as JSON text: nothing reads them alone.
    """
    key = keys.order(order.tenant, order.transaction)
    found_by = None if order.customer_id is None else keys.customer_index(order.tenant, order.customer_id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi2pk": found_by,
            "gsi2sk": found_by and key.pk,
            "version": order.version,
            "registered": iso(order.registered_at),
            "order": order.order_id,
            "merchant": order.merchant_id,
            "lines": _lines(order.items) if order.items else None,
            "delivery": order.delivery.status,
            "fulfilled": _time(order.delivery.fulfilled_at),
            "delivered": _time(order.delivery.delivered_at),
            "country": order.delivery.country,
            "customer": order.customer_id,
            "since": _time(order.customer_since),
            "orders": order.lifetime_orders,
            "spend": order.lifetime_spend_minor,
            "risk": order.external_risk,
            "ip_country": order.ip_country,
        }
    )


def _order_of(tenant: Tenant, transaction: TransactionRef, item: Stored) -> Order:
    return Order(
        tenant=tenant,
        transaction=transaction,
        version=item["version"],
        registered_at=parse_iso(item["registered"]),
        order_id=item.get("order"),
        merchant_id=item.get("merchant"),
        items=tuple(
            Item(sku, category, quantity, amount_minor, tuple(flags))
            for sku, category, quantity, amount_minor, flags in json.loads(item.get("lines", "[]"))
        ),
        delivery=Delivery(
            status=item.get("delivery"),
            fulfilled_at=_moment(item.get("fulfilled")),
            delivered_at=_moment(item.get("delivered")),
            country=item.get("country"),
        ),
        customer_id=item.get("customer"),
        customer_since=_moment(item.get("since")),
        lifetime_orders=item.get("orders"),
        lifetime_spend_minor=item.get("spend"),
        external_risk=item.get("risk"),
        ip_country=item.get("ip_country"),
    )


def _lines(items: tuple[Item, ...]) -> str:
    lines = [[item.sku, item.category, item.quantity, item.amount_minor, item.flags] for item in items]
    return json.dumps(lines, ensure_ascii=False, separators=(",", ":"))


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else parse_iso(text)
