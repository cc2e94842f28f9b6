"""The command to open a refund: all that its caller asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from refundkit_core.application.gather_facts import NOTHING_CLAIMED
from refundkit_core.domain.claims import Claim
from refundkit_core.domain.refund import InitiatedBy, Reason
from refundkit_core.domain.tenancy import Tenant

OnReview = Literal["queue", "reject"]
_NOTHING_MORE: Final = {"claim": {}, "onReview": "queue"}


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """What the caller asks for. ``amount_minor`` None means all that remains.

    ``generated_key`` is true where a client library made the idempotency key: it makes that call's own retries safe,
    but does not say that the caller wants a second refund like the first (decision 28). ``claim`` is what the caller
    says of items, delivery and customer; ``on_review`` "reject" opens nothing where a person would have to look.
    ``quote_id`` holds the refund to what a preview said. ``owner`` is the member or agent whose key asks, ``agent`` the
    agent's name where it is one.
    """

    tenant: Tenant
    transaction_id: str
    amount_minor: int | None
    reason: Reason
    currency: str | None
    processor: str | None
    metadata: Mapping[str, Any] | None
    initiated_by: InitiatedBy
    idempotency_key: str | None
    generated_key: bool
    key_id: str | None = None
    personal_metadata: tuple[str, ...] = ()
    claim: Claim = NOTHING_CLAIMED
    on_review: OnReview = "queue"
    quote_id: str | None = None
    agent: str | None = None
    owner: str | None = None

    @property
    def fingerprint(self) -> str:
        """What makes two bodies the same: a hash of all that was asked for."""
        asked: list[Any] = [
            self.transaction_id, self.amount_minor, self.reason, self.currency, self.processor, self.metadata,
            sorted(self.personal_metadata),
        ]  # fmt: skip
        more: dict[str, Any] = {"claim": self.claim.as_record(), "onReview": self.on_review}
        if self.quote_id is not None:
            more["quote"] = self.quote_id
        asked += [more] if more != _NOTHING_MORE else []
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def refuses_twin(self) -> bool:
        """Whether a refund like one of the last 24 h is taken for a mistake."""
        return self.idempotency_key is None or self.generated_key
