"""The short answer to "may this be refunded?" as the wire shows it."""

from __future__ import annotations

from refundkit.contracts.policies import EligibilityView

from refundkit_core.domain.eligibility import Eligibility
from refundkit_core.domain.times import iso


def eligibility_view(found: Eligibility) -> EligibilityView:
    """An answer of the policy as the wire shows it."""
    return EligibilityView(
        eligible=found.eligible,
        reason=found.reason,
        max_amount=found.max_amount_minor,
        deadline=iso(found.deadline) if found.deadline else None,
        conditions=list(found.conditions),
    )
