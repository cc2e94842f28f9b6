"""Judge a request by the shadow version as well, which must never harm it."""

from __future__ import annotations

import logging
from typing import Final

from refundkit_core.application.gather_facts import Gathered
from refundkit_core.domain.decisions import Decision
from refundkit_core.domain.shadows import ShadowDifference, differing

_LOG: Final = logging.getLogger("refundkit.shadow")


def shadow_of(decision_id: str, gathered: Gathered, decision: Decision) -> ShadowDifference | None:
    """Where the shadow differs from ``decision``; None where it agrees, where there is none, and where it fails."""
    if gathered.shadow is None:
        return None
    try:
        return differing(decision_id, gathered.shadow, gathered.facts, decision)
    except Exception as exc:  # whatever is wrong with a version that has no effect, the refund goes on
        version = gathered.shadow
        told = {"error": type(exc).__name__, "policy_id": version.policy_id, "policy_version": version.number}
        _LOG.warning("shadow failed", extra=told)
        return None
