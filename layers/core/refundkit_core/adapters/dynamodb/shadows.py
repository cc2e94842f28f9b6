"""Where decisions differ from what a shadow version would have decided: an item beside each such decision."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, everything, page_of
from refundkit_core.adapters.dynamodb.table import Item, Table
from refundkit_core.application.records import Page, Position
from refundkit_core.domain.decisions import RuleResult
from refundkit_core.domain.shadows import ShadowDifference
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_KEPT: Final = timedelta(days=400)


class DynamoShadowStore:
    """``ShadowStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, tenant: Tenant, policy_id: str, part: Position) -> Page[ShadowDifference]:
        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest(keys.INDEX, keys.shadows_index(tenant, policy_id), FIRST, before, size)

        items, after = page_of(fetch, part, "gsi1sk", LAST, everything)
        return Page([_difference_of(policy_id, item) for item in items], after)


def shadow_item(tenant: Tenant, found: ShadowDifference) -> dict[str, Any]:
    """A difference as stored; its rules are JSON text."""
    key = keys.shadow(tenant, found.decision_id)
    return {
        "pk": key.pk,
        "sk": key.sk,
        "gsi1pk": keys.shadows_index(tenant, found.policy_id),
        "gsi1sk": f"{iso(found.at)}#{found.decision_id}",
        "policy_version": found.version,
        "currency": found.currency,
        "verdict": found.verdict,
        "net": found.net_minor,
        "shadow_verdict": found.shadow_verdict,
        "shadow_net": found.shadow_net_minor,
        "rules": json.dumps([rule.as_record() for rule in found.rules], ensure_ascii=False, separators=(",", ":")),
        "ttl": int((found.at + _KEPT).timestamp()),
    }


def _difference_of(policy_id: str, item: Item) -> ShadowDifference:
    at, _, decision_id = item["gsi1sk"].partition("#")
    return ShadowDifference(
        decision_id=decision_id,
        policy_id=policy_id,
        version=item["policy_version"],
        at=parse_iso(at),
        currency=item["currency"],
        verdict=item["verdict"],
        net_minor=item["net"],
        shadow_verdict=item["shadow_verdict"],
        shadow_net_minor=item["shadow_net"],
        rules=tuple(RuleResult(*record) for record in json.loads(item["rules"])),
    )
