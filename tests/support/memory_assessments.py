"""``AssessmentStore`` in memory. Held to the real one by tests/contract."""

from __future__ import annotations

from collections.abc import Sequence

from refundkit_core.application.records import Page, Position
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.tenancy import Tenant


class MemoryAssessmentStore:
    """Everything in a dictionary; reads see the last write."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Tenant, str], KeptAssessment] = {}
        self.events: list[Event] = []

    def put(self, kept: KeptAssessment, event: Event | None) -> None:
        key = (kept.tenant, kept.id)
        if key in self._kept:
            raise StoreConflict("conflict")
        self._kept[key] = kept
        self.events.extend([event] if event else [])

    def find(self, tenant: Tenant, assessment_id: str) -> KeptAssessment | None:
        return self._kept.get((tenant, assessment_id))

    def page(self, tenant: Tenant, charge_ids: Sequence[str], part: Position) -> Page[KeptAssessment]:
        newest = sorted(
            (kept for (owner, _), kept in self._kept.items() if owner == tenant),
            key=lambda kept: (kept.created_at, kept.id),
            reverse=True,
        )
        matching = [kept for kept in newest if kept.transaction.charge_id in charge_ids]
        first = int(part.after or 0) + part.offset
        end = first + part.limit
        return Page(matching[first:end], str(end) if len(matching) > end else None)
