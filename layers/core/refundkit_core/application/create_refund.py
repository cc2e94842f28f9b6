"""Open a refund: replay first, then judge, then reserve its money in the transaction that creates it.

Source: decisions 7 to 11, architecture steps 3 to 6.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from refundkit_core.application.gather_facts import Asked, Gathered, GatherFacts
from refundkit_core.application.guard_refund import GuardRefund
from refundkit_core.application.open_refund import OpenRefund
from refundkit_core.application.openings import Beside, Refusal
from refundkit_core.application.ports import Clock, Ids, OrganizationStore, RefundStore, RefusalStore, Switches
from refundkit_core.application.resolve_transaction import ResolveTransaction
from refundkit_core.application.shadowing import shadow_of
from refundkit_core.domain.budgets import NO_GUARDS, Guards, Spender, Taking
from refundkit_core.domain.decisions import Decision
from refundkit_core.domain.errors import (
    AlreadyProcessed,
    ApprovalRequired,
    BudgetExceeded,
    Detail,
    IdempotencyKeyReused,
    Paused,
    RefundKitError,
    StoreConflict,
)
from refundkit_core.domain.events import of_change, of_risk
from refundkit_core.domain.ids import derived
from refundkit_core.domain.ledger import Ledger, twin_of
from refundkit_core.domain.money import Money
from refundkit_core.domain.policies import REVIEW_FROM_RISK
from refundkit_core.domain.policy import judge
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, Ground, Refund, Request

if TYPE_CHECKING:
    from refundkit_core.domain.routing import ApprovalSettings

NOTHING_TAKEN: Final[tuple[Taking, ...]] = ()

_MAX_TRIES: Final = 60
_ROUTE: Final = "POST /v1/refunds"


class OpenedRefund(NamedTuple):
    """The refund as it stands now; ``replayed`` where this call did not make it."""

    refund: Refund
    request: Request
    replayed: bool


class _Tries:
    """What a request finds out once, however often it is tried."""

    rush: bool | None = None


class CreateRefund:
    """The use case behind ``POST /v1/refunds``."""

    def __init__(
        self,
        refunds: RefundStore,
        organizations: OrganizationStore,
        refusals: RefusalStore,
        resolve: ResolveTransaction,
        gather: GatherFacts,
        guard: GuardRefund,
        switches: Switches,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._refunds = refunds
        self._organizations = organizations
        self._refusals = refusals
        self._resolve = resolve
        self._gather = gather
        self._guard = guard
        self._switches = switches
        self._clock = clock
        self._ids = ids

    def __call__(self, asked: OpenRefund) -> OpenedRefund:
        """Open the refund, or answer with the one that the same key opened before.

        Raises:
            IdempotencyKeyReused: the key was used with another body.
            AlreadyProcessed, AmountExceedsRefundable, CurrencyMismatch, TransactionDisputed, Refused: the rules say no.
            BudgetExceeded: a spend cap has too little left.
            ApprovalRequired: a person would have to look, and the caller asked not to queue for one.
            NotFound, ProcessorNotConnected, Upstream: the transaction could not be found or looked up.
            Paused: all refunds, or those of this key, are stopped.
        """
        refund_id, tries = self._id_for(asked), _Tries()
        for attempt in range(1, _MAX_TRIES + 1):
            may_exist = asked.idempotency_key is not None or attempt > 1
            replay = self._replay(asked, refund_id) if may_exist else None
            if replay is not None:
                return replay
            try:
                return self._open(asked, refund_id, tries)
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

    def _open(self, asked: OpenRefund, refund_id: str, tries: _Tries) -> OpenedRefund:
        brakes = self._switches.brakes(asked.tenant)
        if brakes.pause(asked.key_id):
            raise Paused("Refunds are paused. Nothing was recorded: try again later")
        resolved = self._resolve.for_opening(asked.tenant, asked.transaction_id, asked.processor)
        wanted = Asked(asked.reason, asked.amount_minor, asked.currency, asked.claim)
        gathered = self._gather(resolved, wanted)
        if brakes.approvals is not None:
            gathered = replace(gathered, facts=replace(gathered.facts, house=brakes.approvals.house))
        if asked.quote_id is not None:
            gathered = self._as_quoted(asked.quote_id, wanted, gathered)
        decision = judge(gathered.version.policy, gathered.facts)
        self._refuse_twin(asked, gathered.ledger, decision.amount)
        refusal, takings = decision.refusal, NOTHING_TAKEN
        if refusal is None and brakes.guards != NO_GUARDS:
            try:
                gathered, takings = self._guarded(asked, refund_id, brakes.guards, gathered, decision, tries)
                decision = judge(gathered.version.policy, gathered.facts)
            except BudgetExceeded as exc:
                refusal = exc
        request = _request_of(asked, decision, gathered)
        refusal = refusal or _refusal_of(asked, decision)
        if refusal is not None:
            self._keep(gathered.ledger)
            kept = Detail("decisionId", self._record(asked, gathered, request, refusal, decision))
            refusal.details = (*refusal.details, kept)
            raise refusal
        refund = _refund_of(asked, refund_id, decision, gathered)
        taken = tuple((taking.purse, taking.amount_minor) for taking in takings)
        tell = refund.tell or (brakes.approvals is not None and brakes.approvals.tells_of_refunds)
        refund = replace(refund, taken=taken, tell=tell)
        beside = _beside(asked, refund, decision, gathered, brakes.approvals)
        event, beside = of_change(None, refund), replace(beside, takings=takings)
        self._refunds.open(refund, request, event, gathered.ledger, refuse_twin=asked.refuses_twin, beside=beside)
        return OpenedRefund(refund, request, replayed=False)

    def _guarded(
        self,
        asked: OpenRefund,
        refund_id: str,
        guards: Guards,
        gathered: Gathered,
        decision: Decision,
        tries: _Tries,
    ) -> tuple[Gathered, tuple[Taking, ...]]:
        """What was gathered, with the guards' say, and what the refund takes from their purses."""
        spender = Spender(asked.key_id, asked.agent, gathered.customer.key if gathered.customer else None)
        start = sum(refund_id.encode())
        guarded = self._guard(asked.tenant, guards, spender, gathered.facts, decision.net, start)
        if tries.rush is None:  # what fits into the caps counts once, however often it is tried
            tries.rush = self._guard.is_rush(asked.tenant, guards, gathered.facts, decision.amount)
        return replace(gathered, facts=replace(guarded.facts, rush=tries.rush)), guarded.takings

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
    now, waits, approval_id = gathered.facts.now, decision.verdict == "review", None
    if waits:
        from refundkit_core.domain.approvals import approval_id_of  # what few refunds need loads when one does

        approval_id = approval_id_of(refund_id)
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
        approval_id=approval_id,
        tell=waits,
    )


def _beside(
    asked: OpenRefund, refund: Refund, decision: Decision, gathered: Gathered, settings: ApprovalSettings | None
) -> Beside:
    """What stands or falls with the refund: its customer's record, the question to a person, and what is told of it."""
    events = []
    approval = None
    if refund.approval_id is not None:
        from refundkit_core.application.ask_people import question_about

        approval, event = question_about(asked, refund, decision, settings)
        events.append(event)
    if decision.risk.score >= REVIEW_FROM_RISK:
        events.append(of_risk(refund, decision.risk))
    return Beside(gathered.customer, approval, tuple(events), shadow=shadow_of(refund.id, gathered, decision))


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
