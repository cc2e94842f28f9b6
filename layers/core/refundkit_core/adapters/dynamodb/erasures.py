"""Erased customers on DynamoDB: counts under a derived id, kept so that the same request can be answered again."""

from __future__ import annotations

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.records import Erasure
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso


class DynamoErasures:
    """``Erasures`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, tenant: Tenant, customer: str) -> Erasure | None:
        item = self._table.get(keys.erasure(tenant, customer))
        if item is None:
            return None
        return Erasure(customer, item["transactions"], item["refunds"], parse_iso(item["at"]))

    def put(self, tenant: Tenant, erasure: Erasure) -> None:
        key = keys.erasure(tenant, erasure.customer)
        counts = {"transactions": erasure.transactions, "refunds": erasure.refunds}
        self._table.put({"pk": key.pk, "sk": key.sk, **counts, "at": iso(erasure.erased_at)})
