"""Audit entries for tests, which differ in their number only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from refundkit_core.application.audit import AuditEntry
from refundkit_core.application.audit_ports import Mention
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso

from tests.support.builders import TENANT
from tests.support.clock import START

ORG: Final = TENANT.org_id
LIVE: Final = Tenant(ORG, "live")
_TRAILS: Final = (TENANT, LIVE, ORG)


def entry(number: int, **changes: Any) -> AuditEntry:
    """An entry of one of the organization's trails, each a second after the one before."""
    made = {
        "id": f"aud_{number:026d}",
        "whose": _TRAILS[number % 3],
        "actor": "mem_1 (key_1)",
        "command": "approval approve",
        "target": f"apr_{number}",
        "because": None,
        "at": START + timedelta(seconds=number),
        "channel": "api",
        "details": {"amount": number, "currency": "usd"},
    }
    return AuditEntry(**{**made, **changes})


def mention(of: AuditEntry) -> Mention:
    """What the queue says of an entry."""
    environment = of.whose.environment if isinstance(of.whose, Tenant) else None
    return Mention(ORG, environment, "entry", of.id, iso(of.at))
