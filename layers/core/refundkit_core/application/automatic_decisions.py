"""Decisions by rule as audit entries: made from what is kept of the refund or the refusal, so that opening one costs
no second write."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

from refundkit_core.application.audit import AuditEntry
from refundkit_core.domain.ids import hashed_id
from refundkit_core.domain.recommendations import digest_of

if TYPE_CHECKING:
    from refundkit_core.application.approval_ports import KeyOwners
    from refundkit_core.application.ports import RefundStore, RefusalStore
    from refundkit_core.domain.refund import Ground
    from refundkit_core.domain.tenancy import Tenant

Decided = Literal["refund approve", "refund review", "refund refuse"]
_UNKNOWN = "unknown"


def entry_id(subject: str) -> str:
    """The id of the entry of what was decided about a refund or refusal: always the same."""
    return hashed_id("aud", subject, "1")


class AutomaticDecisions:
    """Makes the entries of decisions that no person took."""

    def __init__(self, refunds: RefundStore, refusals: RefusalStore, owners: KeyOwners) -> None:
        self._refunds = refunds
        self._refusals = refusals
        self._owners = owners

    def of_refund(self, tenant: Tenant, refund_id: str) -> AuditEntry | None:
        """What the rules said when a refund was opened; None where there is none, or where the processor made it."""
        found = self._refunds.find(tenant, refund_id)
        if found is None or found[0].initiated_by == "processor":
            return None
        refund, request = found
        decided: Decided = "refund approve" if refund.approval_id is None else "refund review"
        details: dict[str, str | int | None] = {
            "refundId": refund.id,
            "processor": refund.transaction.processor,
            "amount": refund.money.amount_minor + refund.lowered_minor,
            "currency": refund.money.currency,
        }
        return self._entry(tenant, refund.id, decided, refund.created_at, refund.key_id, request.ground, details)

    def of_refusal(self, tenant: Tenant, refusal_id: str) -> AuditEntry | None:
        """What the rules refused; None where that is forgotten."""
        refusal = self._refusals.find(tenant, refusal_id)
        if refusal is None:
            return None
        ground = refusal.request.ground
        details: dict[str, str | int | None] = {
            "decisionId": refusal.id,
            "processor": refusal.transaction.processor,
            "code": refusal.code,
            "amount": None if ground is None else _asked_minor(ground),
            "currency": None if ground is None else ground.facts.charge.currency,
        }
        return self._entry(tenant, refusal.id, "refund refuse", refusal.at, refusal.key_id, ground, details)

    def _entry(
        self,
        tenant: Tenant,
        subject: str,
        decided: Decided,
        at: datetime,
        key_id: str | None,
        ground: Ground | None,
        details: dict[str, str | int | None],
    ) -> AuditEntry:
        owner = None if key_id is None else self._owners.owner_of(tenant, key_id)
        details |= {
            "keyId": key_id,
            "factsHash": None if ground is None else digest_of(ground.facts),
            "policyId": None if ground is None else ground.policy_id,
            "policyVersion": None if ground is None else ground.policy_version,
        }
        known = {name: value for name, value in details.items() if value is not None}
        actor = f"{owner or _UNKNOWN} ({key_id})" if key_id else owner or _UNKNOWN
        return AuditEntry(entry_id(subject), tenant, actor, decided, subject, None, at, "rule", known)


def _asked_minor(ground: Ground) -> int:
    asked = ground.facts.amount_minor
    return ground.facts.charge.remaining_minor if asked is None else asked
