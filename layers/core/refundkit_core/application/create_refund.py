"""Open a refund: replay first, then judge, then reserve its money in the transaction that creates it.

Source: decisions 7 to 11, architecture steps 3 to 6.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, NamedTuple

from refundkit_core.application.gather_facts import NOTHING_CLAIMED, Asked, Gathered, GatherFacts
from refundkit_core.application.ports import Clock, Ids, OrganizationStore, RefundStore, RefusalStore, Switches
from refundkit_core.application.records import Beside, Refusal
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.shadowing import shadow_of
from refundkit_core.domain.approvals import approval_id_of, asked_about
from refundkit_core.domain.claims import Claim
from refundkit_core.domain.decisions import Decision
from refundkit_core.domain.errors import (
    AlreadyProcessed,
    ApprovalRequired,
    Detail,
    IdempotencyKeyReused,
    Paused,
    RefundKitError,
    StoreConflict,
)
from refundkit_core.domain.events import of_approval, of_change, of_risk
from refundkit_core.domain.ids import derived
from refundkit_core.domain.ledger import Ledger, twin_of
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import REVIEW_FROM_RISK
from refundkit_core.domain.policy import judge
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, Ground, InitiatedBy, Reason, Refund, Request
from refundkit_core.domain.tenancy import Tenant

OnReview = Literal["queue", "reject"]

_MAX_TRIES: Final = 60
_NOTHING_MORE: Final = {"claim": {}, "onReview": "queue"}
_ROUTE: Final = "POST /v1/refunds"


@dataclass(frozen=True, slots=True)
class OpenRefund:
    """What the caller asks for. ``amount_minor`` None means all that remains.

    ``generated_key`` is true where a client library made the idempotency key: it makes that call's own retries safe,
    but does not say that the caller wants a second refund like the first (decision 28). ``claim`` is what the caller
    says of items, delivery and customer; ``on_review`` "reject" opens nothing where a person would have to look.
    ``quote_id`` holds the refund to what a preview said.
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
        refusals: RefusalStore,
        resolve: ResolveTransaction,
        gather: GatherFacts,
        switches: Switches,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._organizations = organizations
        self._refusals = refusals
        self._resolve = resolve
        self._gather = gather
        self._switches = switches
        self._clock = clock
        self._ids = ids

    def __call__(self, asked: OpenRefund) -> OpenedRefund:
        """Open the refund, or answer with the one that the same key opened before.

        Raises:
            IdempotencyKeyReused: the key was used with another body.
            AlreadyProcessed, AmountExceedsRefundable, CurrencyMismatch, TransactionDisputed, Refused: the rules say no.
            ApprovalRequired: a person would have to look, and the caller asked not to queue for one.
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
        resolved = self._resolve.for_opening(asked.tenant, asked.transaction_id, asked.processor)
        wanted = Asked(asked.reason, asked.amount_minor, asked.currency, asked.claim)
        gathered = self._gather(resolved, wanted)
        if asked.quote_id is not None:
            gathered = self._as_quoted(asked.quote_id, wanted, gathered)
        decision = judge(gathered.version.policy, gathered.facts)
        self._refuse_twin(asked, gathered.ledger, decision.amount)
        request = _request_of(asked, decision, gathered)
        refusal = _refusal_of(asked, decision)
        if refusal is not None:
            self._keep(gathered.ledger)
            kept = Detail("decisionId", self._record(asked, gathered, request, refusal, decision))
            raise type(refusal)(refusal.message, (*refusal.details, kept))
        refund = _refund_of(asked, refund_id, decision, gathered)
        event, beside = of_change(None, refund), _beside(refund, decision, gathered)
        self._refunds.open(refund, request, event, gathered.ledger, refuse_twin=asked.refuses_twin, beside=beside)
        return OpenedRefund(refund, request, replayed=False)

    def _as_quoted(self, quote_id: str, wanted: Asked, gathered: Gathered) -> Gathered:
        """The facts with the fee that was quoted, where the quote holds."""
        from refundkit_core.application.honour_quote import quoted_fee
        from refundkit_core.domain.sealed_quotes import opened

        quoted = opened(self._organizations.secret(gathered.ledger.tenant.org_id), quote_id)
        facts = replace(gathered.facts, quoted_fee_minor=quoted_fee(quoted, wanted, gathered))
        return replace(gathered, facts=facts)

    def _record(
        self, asked: OpenRefund, gathered: Gathered, request: Request, refusal: RefundKitError, decision: Decision
    ) -> str:
        """Keep what was refused and why, without the caller's words, and tell under which id."""
        kept = replace(request, fingerprint=None, metadata=None, personal=(), evidence=())
        ledger, at = gathered.ledger, gathered.facts.now
        refused_id = self._ids.new("dec")
        shadow = shadow_of(refused_id, gathered, decision)
        self._refusals.put(
            Refusal(refused_id, asked.tenant, ledger.transaction, refusal.code, asked.key_id, at, kept, shadow)
        )
        return refused_id

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


def _refusal_of(asked: OpenRefund, decision: Decision) -> RefundKitError | None:
    """What the caller is told instead of a refund: the rules' no, or that a person would have to look."""
    if decision.verdict != "review" or asked.on_review == "queue":
        return decision.refusal
    reasons = tuple(Detail(rule.rule, rule.message) for rule in decision.why_review)
    return ApprovalRequired("A person has to approve this refund, and the request says not to ask one", reasons)


def _refund_of(asked: OpenRefund, refund_id: str, decision: Decision, gathered: Gathered) -> Refund:
    """The refund as it is opened: to be paid at once, or to wait for a person."""
    now, waits = gathered.facts.now, decision.verdict == "review"
    return Refund(
        id=refund_id,
        tenant=asked.tenant,
        transaction_id=asked.transaction_id,
        transaction=gathered.ledger.transaction,
        money=decision.net,
        reason=asked.reason,
        status="pending_approval" if waits else "pending",
        status_detail=None,
        initiated_by=asked.initiated_by,
        created_at=now,
        updated_at=now,
        version=1,
        key_id=asked.key_id,
        next_look_at=None if waits else now + FIRST_LOOK_AFTER,
        fee_minor=decision.fee_minor,
        customer_key=gathered.customer.key if gathered.customer is not None else None,
        approval_id=approval_id_of(refund_id) if waits else None,
    )


def _beside(refund: Refund, decision: Decision, gathered: Gathered) -> Beside:
    """What stands or falls with the refund: its customer's record, the question to a person, and what is told of it."""
    events = []
    approval = None
    if refund.approval_id is not None:
        approval = asked_about(refund, tuple(rule.rule for rule in decision.why_review))
        events.append(of_approval(approval, refund))
    if decision.risk.score >= REVIEW_FROM_RISK:
        events.append(of_risk(refund, decision.risk))
    return Beside(gathered.customer, approval, tuple(events), shadow_of(refund.id, gathered, decision))


def _request_of(asked: OpenRefund, decision: Decision, gathered: Gathered) -> Request:
    """What is kept of the request: nothing personal where the charge's customer was erased."""
    version = gathered.version
    request = Request(
        fingerprint=asked.fingerprint,
        metadata=asked.metadata,
        decision=decision.rules,
        personal=asked.personal_metadata,
        ground=Ground(gathered.facts, version.policy_id, version.number),
        evidence=asked.claim.evidence,
    )
    return request.without_personal() if gathered.ledger.customer_erased else request
