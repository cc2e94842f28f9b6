"""Assessments on DynamoDB: an item each, which its charge's entry in the sparse index leads to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, everything, page_of
from refundkit_core.adapters.dynamodb.refund_items import event_item
from refundkit_core.adapters.dynamodb.table import Item, Table, without_nones
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.events import Event
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.money import Money
from refundkit_core.domain.risk import Assessment
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_MOST_READ: Final = 100
"""Items that one batch may read."""


class DynamoAssessmentStore:
    """``AssessmentStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, kept: KeptAssessment, event: Event | None) -> None:
        if event is None:
            self._table.put(_item_of(kept), _NEW)
            return
        puts = [self._table.put_op(each, _NEW) for each in (_item_of(kept), event_item(event))]
        self._table.transact(puts)

    def find(self, tenant: Tenant, assessment_id: str) -> KeptAssessment | None:
        item = self._table.get(keys.assessment(tenant, assessment_id))
        return None if item is None else _kept_of(tenant, item)

    def page(self, tenant: Tenant, charge_ids: Sequence[str], part: Position) -> Page[KeptAssessment]:
        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            read = [
                self._table.newest(keys.SPARSE_INDEX, keys.assessments_index(tenant, charge), FIRST, before, size)
                for charge in charge_ids
            ]
            entries = sorted((entry for items, _ in read for entry in items), key=_by_time, reverse=True)
            return entries[:size], any(each for _, each in read) or len(entries) > size

        entries, after = page_of(fetch, part, "gsi2sk", LAST, everything)
        return Page(self._whole(tenant, entries), after)

    def _whole(self, tenant: Tenant, entries: list[Item]) -> list[KeptAssessment]:
        """The assessments that index entries of keys only stand for, in their order."""
        wanted = [keys.Key(entry["pk"], entry["sk"]) for entry in entries]
        starts = range(0, len(wanted), _MOST_READ)
        batches = [self._table.batch_get(wanted[start : start + _MOST_READ]) for start in starts]
        found = {item["pk"]: item for batch in batches for item in batch}
        return [_kept_of(tenant, found[key.pk]) for key in wanted if key.pk in found]


def _item_of(kept: KeptAssessment) -> dict[str, Any]:
    key = keys.assessment(kept.tenant, kept.id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi2pk": keys.assessments_index(kept.tenant, kept.transaction.charge_id),
            "gsi2sk": f"{iso(kept.created_at)}#{kept.id}",
            "processor": kept.transaction.processor,
            "account": kept.transaction.account_id,
            "charge": kept.transaction.charge_id,
            "amount": kept.gross.amount_minor,
            "currency": kept.gross.currency,
            "assessment": json.dumps(kept.assessment.as_record(), ensure_ascii=False, separators=(",", ":")),
            "policy": kept.policy_id,
            "policy_version": kept.policy_version,
            "fingerprint": kept.fingerprint,
        }
    )


def _kept_of(tenant: Tenant, item: Item) -> KeptAssessment:
    created, _, assessment_id = item["gsi2sk"].partition("#")
    return KeptAssessment(
        id=assessment_id,
        tenant=tenant,
        transaction=TransactionRef(item["processor"], item["account"], item["charge"]),
        gross=Money(item["amount"], item["currency"]),
        assessment=Assessment.from_record(json.loads(item["assessment"])),
        policy_id=item.get("policy"),
        policy_version=item["policy_version"],
        created_at=parse_iso(created),
        fingerprint=item.get("fingerprint"),
    )


def _by_time(entry: Item) -> str:
    return str(entry["gsi2sk"])
