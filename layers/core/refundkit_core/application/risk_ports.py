"""What judging the risk of a refund needs: the facts of a request, and where assessments are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from refundkit_core.application.records import Page, Position
from refundkit_core.domain.assessments import KeptAssessment
from refundkit_core.domain.events import Event
from refundkit_core.domain.facts import Facts
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.policies import PolicyVersion
from refundkit_core.domain.tenancy import Tenant


class Claim(NamedTuple):
    """What the caller says of the refund; ``amount_minor`` None is all that remains."""

    amount_minor: int | None = None
    customer_id: str | None = None
    reason: str = "other"


class Gathered(NamedTuple):
    """All that is known of a request, the ledger it came from, and the policy that judges it."""

    facts: Facts
    ledger: Ledger
    version: PolicyVersion


class FactsOf(Protocol):
    """Gathers the facts of a request."""

    def __call__(self, tenant: Tenant, transaction_id: str, claim: Claim) -> Gathered:
        """Everything about a refund of the transaction that anybody told us.

        Raises:
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
        """


class AssessmentStore(Protocol):
    """Assessments, which never change."""

    def put(self, kept: KeptAssessment, event: Event | None) -> None:
        """Keep a new assessment, with its event if any. Raises StoreConflict where its id exists, or no answer came."""

    def find(self, tenant: Tenant, assessment_id: str) -> KeptAssessment | None:
        """One assessment, read consistently."""

    def page(self, tenant: Tenant, charge_ids: Sequence[str], part: Position) -> Page[KeptAssessment]:
        """One page of the assessments of these charges, newest first; ``next_cursor`` is a position. May lag."""
