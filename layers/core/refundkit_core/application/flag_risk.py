"""A dispute or an early fraud warning was seen: judge what it says of the charge, once, and tell of a high risk.

It goes by what the ledger holds, not by what has just changed: whoever dies between the look and the flag finds it
undone when the message comes again. The id of each assessment is derived from the charge and from what was seen, so
that no repetition makes another one.
"""

from __future__ import annotations

from collections.abc import Iterator

from refundkit_core.application.gather_facts import Asked, GatherFacts
from refundkit_core.application.ports import Clock, OrganizationStore
from refundkit_core.application.records import Connection
from refundkit_core.application.resolve_transaction import ResolvedTransaction
from refundkit_core.application.risk_ports import AssessmentStore
from refundkit_core.domain.assessments import KeptAssessment, of_assessment
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.ids import derived
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.risk import assess


class FlagRisk:
    """Assess and keep the risk of refunding what remains, once for each thing that was seen; high ones are told of."""

    def __init__(
        self, gather: GatherFacts, assessments: AssessmentStore, organizations: OrganizationStore, clock: Clock
    ) -> None:
        self._gather = gather
        self._assessments = assessments
        self._organizations = organizations
        self._clock = clock

    def __call__(self, connection: Connection, ledger: Ledger) -> None:
        """Assess what ``ledger``, just refreshed, shows for the first time. Raises StoreConflict: try again."""
        for seen in _seen(ledger):
            assessment_id = self._id_of(ledger, seen)
            if self._assessments.find(ledger.tenant, assessment_id) is None:
                self._keep(assessment_id, connection, ledger)

    def _id_of(self, ledger: Ledger, seen: str) -> str:
        secret = self._organizations.secret(ledger.tenant.org_id)
        return derived("rsk", secret, ledger.tenant.environment, "seen", *ledger.transaction, seen)

    def _keep(self, assessment_id: str, connection: Connection, ledger: Ledger) -> None:
        gross = ledger.remaining()
        found = self._gather(ResolvedTransaction(ledger, connection), Asked("other", gross.amount_minor, None))
        kept = KeptAssessment(
            id=assessment_id,
            tenant=ledger.tenant,
            transaction=ledger.transaction,
            gross=gross,
            assessment=assess(found.facts, gross.amount_minor, found.version.policy.risk),
            policy_id=found.version.policy_id,
            policy_version=found.version.number,
            created_at=self._clock.now(),
        )
        try:
            self._assessments.put(kept, of_assessment(kept))
        except StoreConflict:  # another delivery was faster, or an answer of our own was lost
            if self._assessments.find(ledger.tenant, assessment_id) is None:
                raise


def _seen(ledger: Ledger) -> Iterator[str]:
    if ledger.disputed:
        yield f"dispute {ledger.dispute}"
    if ledger.fraud_warning is not None:
        yield f"fraud warning {ledger.fraud_warning}"
