"""Customers' records: every counted refund is an attribute of its own, so that it comes and goes without the others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item, Operation, Table
from refundkit_core.domain.customers import Counted, CustomerRecord
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

_CHARGEBACK: Final = "dispute#"
_KEPT: Final = timedelta(days=400)


class DynamoCustomerStore:
    """``CustomerStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, tenant: Tenant, customer: str) -> CustomerRecord:
        return record_of(customer, self._table.get(keys.customer(tenant, customer)))


def record_of(customer: str, item: Item | None) -> CustomerRecord:
    """The record that ``item`` keeps; an empty one where there is none."""
    if item is None:
        return CustomerRecord(customer)
    counted = {name: value for name, value in item.items() if name.startswith("ref_")}
    disputed = {name: value for name, value in item.items() if name.startswith(_CHARGEBACK)}
    return CustomerRecord(
        key=customer,
        version=item["version"],
        refunds={name: Counted(_moment(at), amount, currency) for name, (at, amount, currency) in counted.items()},
        chargebacks={name.removeprefix(_CHARGEBACK): _moment(at) for name, at in disputed.items()},
    )


def counting_op(table: Table, record: CustomerRecord, refund: Refund) -> Operation:
    """Count ``refund``, on the condition that the record is as it was read; what no window reaches is dropped."""
    names = {"#ttl": "ttl", "#refund": refund.id, **_placeholders(record.forgotten(refund.created_at))}
    gone = [name for name in names if name.startswith("#gone")]
    expression = "SET version = :next, #ttl = :ttl, #refund = :counted"
    if gone:
        expression += f" REMOVE {', '.join(gone)}"
    condition = "version = :known" if record.version else "attribute_not_exists(version)"
    values: dict[str, Any] = {
        ":next": record.version + 1,
        ":ttl": _expiry(refund.created_at),
        ":counted": [_stamp(refund.created_at), refund.gross_minor, refund.money.currency],
    }
    if record.version:
        values[":known"] = record.version
    return table.update_op(keys.customer(refund.tenant, record.key), expression, condition, values, names)


def uncounting_op(table: Table, refund: Refund, customer: str) -> Operation:
    """Take a refund that failed, was refused or cancelled out of its customer's record."""
    expression = "SET #ttl = :ttl REMOVE #refund ADD version :one"
    values = {":ttl": _expiry(refund.updated_at), ":one": 1}
    return table.add_op(
        keys.customer(refund.tenant, customer), expression, values, {"#ttl": "ttl", "#refund": refund.id}
    )


def chargeback_op(table: Table, tenant: Tenant, customer: str, charge_id: str, at: datetime) -> Operation:
    """Count a charge that was disputed; the same charge counts once, from when it was seen first."""
    expression = "SET #ttl = :ttl, #charge = if_not_exists(#charge, :at) ADD version :one"
    values = {":ttl": _expiry(at), ":at": _stamp(at), ":one": 1}
    return table.add_op(
        keys.customer(tenant, customer), expression, values, {"#ttl": "ttl", "#charge": f"{_CHARGEBACK}{charge_id}"}
    )


def forgetting_op(table: Table, tenant: Tenant, customer: str, at: datetime) -> Operation:
    """Empty an erased customer's record. Its version is one that it never had: whoever read it before reads again."""
    key = keys.customer(tenant, customer)
    return table.put_op({"pk": key.pk, "sk": key.sk, "version": _stamp(at), "ttl": _expiry(at)})


def _placeholders(names: Iterable[str]) -> dict[str, str]:
    return {f"#gone{number}": name for number, name in enumerate(names)}


def _stamp(at: datetime) -> int:
    """Unix milliseconds."""
    return round(at.timestamp() * 1000)


def _moment(stamp: int) -> datetime:
    return datetime.fromtimestamp(stamp // 1000, tz=UTC) + timedelta(milliseconds=stamp % 1000)


def _expiry(at: datetime) -> int:
    return int((at + _KEPT).timestamp())
