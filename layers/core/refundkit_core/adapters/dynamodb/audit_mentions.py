"""What the table's stream carries for the audit chain: new entries, refused requests, refunds when they are opened."""

from __future__ import annotations

from typing import Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.table import Item
from refundkit_core.application.audit_ports import Mention
from refundkit_core.domain.tenancy import Tenant

TELLING: Final = ("pk", "sk", "type", "chained")
"""The attributes that are looked at."""

_OPENED: Final = "refund.initiated"
_TRAIL: Final = "2"
"""Only entries have sort keys that begin with a time, and so with a year."""


def mention_of(item: Item) -> Mention | None:
    """What ``item`` mentions; None where it is nothing that is chained, or stands in its chain already.

    Raises:
        KeyError, ValueError: it should be one, and is not as those are.
    """
    pk, sk = item["pk"], item["sk"]
    if sk == keys.FIRST_EVENT and item["type"] == _OPENED:
        tenant, refund_id = keys.tenant_and_refund(pk)
        return Mention(tenant.org_id, tenant.environment, "refund", refund_id)
    if sk == keys.REFUSAL:
        tenant, refusal_id = keys.tenant_and_refusal(pk)
        return Mention(tenant.org_id, tenant.environment, "refusal", refusal_id)
    if sk.startswith(_TRAIL) and "chained" not in item:
        whose, (at, _, entry_id) = keys.whose_audit(pk), sk.partition("#")
        chain = whose.org_id if isinstance(whose, Tenant) else whose
        return Mention(chain, whose.environment if isinstance(whose, Tenant) else None, "entry", entry_id, at)
    return None
