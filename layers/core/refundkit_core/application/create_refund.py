"""Open a refund: replay first, then judge, then reserve its money in the transaction that creates it.

Source: decisions 7 to 11, architecture steps 3 to 6.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from refundkit_core.application.ports import Clock, Ids, OrganizationStore, RefundStore, Switches
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.domain.errors import (
    AlreadyProcessed,
    Detail,
    IdempotencyKeyReused,
    Paused,
    RefundKitError,
    StoreConflict,
)
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ids import derived
from refundkit_core.domain.ledger import Ledger, twin_of
from refundkit_core.domain.money import Money
from refundkit_core.domain.policy import DEFAULT_POLICY, Decision, judge
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, InitiatedBy, Reason, Refund, Request
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 60
_ROUTE: Final = "POST /v1/refunds"


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """What the caller asks for. ``amount_minor`` None means all that remains.

    ``generated_key`` is true where a client library made the idempotency key: it makes that call's own retries safe,
    but does not say that the caller wants a second refund like the first (decision 28).
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

    @property
    def fingerprint(self) -> str:
        """What makes two bodies the same: a hash of all that was asked for."""
        asked = [
            self.transaction_id, self.amount_minor, self.reason, self.currency, self.processor, self.metadata,
            sorted(self.personal_metadata),
        ]  # fmt: skip
        canonical = json.dumps(asked, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def refuses_twin(self) -> bool:
        """Whether a refund like one of the last 24 h is taken for a mistake."""
        return self.idempotency_key is None or self.generated_key


class OpenedRefund(NamedTuple):
    """The refund as it stands now; ``replayed`` where this call did not make it."""

    refund: Refund
    request: Request
    replayed: bool


class CreateRefund:
    """The use case behind ``POST /v1/refunds``."""

    def __init__(
        self,
        refunds: RefundStore,
        organizations: OrganizationStore,
        resolve: ResolveTransaction,
        switches: Switches,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._organizations = organizations
        self._resolve = resolve
        self._switches = switches
        self._clock = clock
        self._ids = ids

    def __call__(self, asked: OpenRefund) -> OpenedRefund:
        """Open the refund, or answer with the one that the same key opened before.

        Raises:
            IdempotencyKeyReused: the key was used with another body.
            AlreadyProcessed, AmountExceedsRefundable, CurrencyMismatch, TransactionDisputed, Refused: the rules say no.
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
            Paused: all refunds, or those of this key, are stopped.
        """
        refund_id = self._id_for(asked)
        for attempt in range(1, _MAX_TRIES + 1):
            may_exist = asked.idempotency_key is not None or attempt > 1
            replay = self._replay(asked, refund_id) if may_exist else None
            if replay is not None:
                return replay
            try:
                return self._open(asked, refund_id)
            except StoreConflict:
                self._ids.pause(attempt)
            except (
                RefundKitError
            ):  # a call with the same key may have opened it meanwhile, and taken what we found gone
                replay = self._replay(asked, refund_id) if may_exist else None
                if replay is None:
                    raise
                return replay
        raise StoreConflict("The transaction's ledger is too busy. Nothing was done: try again")

    def _id_for(self, asked: OpenRefund) -> str:
        if asked.idempotency_key is None:
            return self._ids.new("ref")
        secret = self._organizations.secret(asked.tenant.org_id)
        return derived("ref", secret, asked.tenant.environment, _ROUTE, asked.idempotency_key)

    def _replay(self, asked: OpenRefund, refund_id: str) -> OpenedRefund | None:
        """What the same key made before, by any earlier call or by an earlier try of this one."""
        found = self._refunds.find(asked.tenant, refund_id)
        if found is None:
            return None
        refund, request = found
        if request.fingerprint not in (asked.fingerprint, None):
            raise IdempotencyKeyReused(
                "This idempotency key opened another refund", (Detail("Idempotency-Key", refund.id),)
            )
        return OpenedRefund(refund, request, replayed=asked.idempotency_key is not None)

    def _open(self, asked: OpenRefund, refund_id: str) -> OpenedRefund:
        if self._switches.paused(asked.tenant, asked.key_id):
            raise Paused("Refunds are paused. Nothing was recorded: try again later")
        ledger = self._resolve.for_opening(asked.tenant, asked.transaction_id, asked.processor).ledger
        now = self._clock.now()
        decision = judge(DEFAULT_POLICY, ledger, asked.amount_minor, asked.currency, now)
        self._refuse_twin(asked, ledger, decision.amount)
        if decision.refusal is not None:
            self._keep(ledger)
            raise decision.refusal
        refund = Refund(
            id=refund_id,
            tenant=asked.tenant,
            transaction_id=asked.transaction_id,
            transaction=ledger.transaction,
            money=decision.amount,
            reason=asked.reason,
            status="pending",
            status_detail=None,
            initiated_by=asked.initiated_by,
            created_at=now,
            updated_at=now,
            version=1,
            key_id=asked.key_id,
            next_look_at=now + FIRST_LOOK_AFTER,
        )
        request = _request_of(asked, decision, ledger)
        self._refunds.open(refund, request, of_change(None, refund), ledger, refuse_twin=asked.refuses_twin)
        return OpenedRefund(refund, request, replayed=False)

    def _keep(self, ledger: Ledger) -> None:
        """Store a new ledger whose refund is refused, so that the next request need not ask the processor."""
        if ledger.is_new:
            with suppress(StoreConflict):  # somebody else has
                self._refunds.put_ledger(replace(ledger, version=1), None, None)

    def _refuse_twin(self, asked: OpenRefund, ledger: Ledger, amount: Money) -> None:
        if not asked.refuses_twin:
            return
        twins = ledger.live_twins(twin_of(amount.amount_minor, asked.reason), self._clock.now())
        if twins:
            first = min(twins, key=lambda refund_id: twins[refund_id])
            raise AlreadyProcessed(
                "The same refund was opened in the last 24 hours. To open another, send your own Idempotency-Key",
                (Detail("refundId", first),),
            )


def _request_of(asked: OpenRefund, decision: Decision, ledger: Ledger) -> Request:
    """What is kept of the request: nothing personal where the charge's customer was erased."""
    request = Request(asked.fingerprint, asked.metadata, decision.rules, asked.personal_metadata)
    return request.without_personal() if ledger.customer_erased else request
