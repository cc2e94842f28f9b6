"""Judge the risk of a refund before anybody asks for one (the use cases of ``/v1/disputes``; document 002)."""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from refundkit_core.application.paging import Paging
from refundkit_core.application.ports import Clock, ConnectionStore, Ids, OrganizationStore, RefundStore
from refundkit_core.application.records import Page, Slice
from refundkit_core.application.risk_ports import AssessmentStore, Claim, FactsOf
from refundkit_core.domain.assessments import KeptAssessment, of_assessment
from refundkit_core.domain.errors import Detail, IdempotencyKeyReused, NotFound, StoreConflict
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.money import Money
from refundkit_core.domain.risk import assess
from refundkit_core.domain.tenancy import Tenant

_ROUTE: Final = "POST /v1/disputes/risk"


class MadeAssessment(NamedTuple):
    """An assessment, and whether an earlier request with the same idempotency key made it."""

    kept: KeptAssessment
    replayed: bool


class AssessRisk:
    """Assess and keep; from a score of 70 on an event tells of it."""

    def __init__(
        self, facts_of: FactsOf, assessments: AssessmentStore, organizations: OrganizationStore, clock: Clock, ids: Ids
    ) -> None:
        self._facts_of = facts_of
        self._assessments = assessments
        self._organizations = organizations
        self._clock = clock
        self._ids = ids

    def __call__(
        self, tenant: Tenant, transaction_id: str, claim: Claim, idempotency_key: str | None
    ) -> MadeAssessment:
        """The risk of refunding what ``claim`` says, as it is now.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
            IdempotencyKeyReused: the key was used with another body.
        """
        if idempotency_key is None:
            return self._made(tenant, transaction_id, claim, self._ids.new("rsk"), None)
        secret = self._organizations.secret(tenant.org_id)
        assessment_id = derived("rsk", secret, tenant.environment, _ROUTE, idempotency_key)
        fingerprint = derived("fpr", secret, json.dumps([transaction_id, *claim]))  # under the secret: it names nobody
        replay = self._replay(tenant, assessment_id, fingerprint)
        if replay is not None:
            return replay
        try:
            return self._made(tenant, transaction_id, claim, assessment_id, fingerprint)
        except StoreConflict:  # a call with the same key was faster, or an answer of our own was lost
            replay = self._replay(tenant, assessment_id, fingerprint)
            if replay is None:
                raise
            return replay

    def _replay(self, tenant: Tenant, assessment_id: str, fingerprint: str) -> MadeAssessment | None:
        found = self._assessments.find(tenant, assessment_id)
        if found is None:
            return None
        if found.fingerprint != fingerprint:
            detail = Detail("Idempotency-Key", assessment_id)
            raise IdempotencyKeyReused("This idempotency key made another assessment", (detail,))
        return MadeAssessment(found, replayed=True)

    def _made(
        self, tenant: Tenant, transaction_id: str, claim: Claim, assessment_id: str, fingerprint: str | None
    ) -> MadeAssessment:
        facts, ledger, version = self._facts_of(tenant, transaction_id, claim)
        gross = ledger.remaining() if claim.amount_minor is None else Money(claim.amount_minor, ledger.currency)
        kept = KeptAssessment(
            id=assessment_id,
            tenant=tenant,
            transaction=ledger.transaction,
            gross=gross,
            assessment=assess(facts, gross.amount_minor, version.policy.risk),
            policy_id=version.policy_id,
            policy_version=version.number,
            created_at=self._clock.now(),
            fingerprint=fingerprint,
        )
        self._assessments.put(kept, of_assessment(kept))
        return MadeAssessment(kept, replayed=False)


class ReadAssessments:
    """Show what was assessed: one, and the list of a transaction."""

    def __init__(
        self,
        assessments: AssessmentStore,
        refunds: RefundStore,
        connections: ConnectionStore,
        organizations: OrganizationStore,
    ) -> None:
        self._assessments = assessments
        self._refunds = refunds
        self._connections = connections
        self._paging = Paging(organizations, "assessments")

    def one(self, tenant: Tenant, assessment_id: str) -> KeptAssessment:
        """The assessment. Raises NotFound where the tenant has none such; a malformed id costs no read."""
        found = self._assessments.find(tenant, assessment_id) if is_id("rsk", assessment_id) else None
        if found is None:
            raise NotFound("No such assessment")
        return found

    def page(self, tenant: Tenant, transaction_id: str, part: Slice) -> Page[KeptAssessment]:
        """One page of a transaction's assessments, newest first. Raises Invalid for a foreign cursor."""
        position = self._paging.position(tenant, part, transaction_id)
        page = self._assessments.page(tenant, self._charges_named(tenant, transaction_id), position)
        return self._paging.sealed(tenant, page, transaction_id)

    def _charges_named(self, tenant: Tenant, transaction_id: str) -> list[str]:
        """The charges that the id may mean: itself, and those that it was resolved to in any connected account."""
        resolved = (
            self._refunds.charge_of(tenant, each.processor, each.account_id, transaction_id)
            for each in self._connections.listed(tenant)
        )
        return list(dict.fromkeys([transaction_id, *filter(None, resolved)]))
