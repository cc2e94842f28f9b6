"""Erased customers on DynamoDB: counts under a derived id, kept so that the same request can be answered again."""

from __future__ import annotations

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.application.records import Erasure
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import parse_iso


class DynamoErasures:
    """``Erasures`` on one table; they are written with the ledgers that they count."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def of(self, tenant: Tenant, customer: str) -> Erasure | None:
        item = self._table.get(keys.erasure(tenant, customer))
        if item is None:
            return None
        return Erasure(customer, item["transactions"], item["refunds"], parse_iso(item["erased_at"]))
