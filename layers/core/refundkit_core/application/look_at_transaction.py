"""A fresh look at a transaction: what its processor shows now, laid against what we hold, at the ledger's version.

Source: decisions 5 and 7, architecture steps 4 and 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from refundkit_core.application.customer_keys import customer_key
from refundkit_core.application.ports import Clock, Ids, OrganizationStore, PaymentProcessor, RefundStore
from refundkit_core.application.records import Connection
from refundkit_core.application.settle_refund import SettleRefund
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event, of_change, of_look
from refundkit_core.domain.ids import derived, is_id
from refundkit_core.domain.ledger import Ledger, LedgerChange, TransactionRef, opened, refreshed
from refundkit_core.domain.money import Money
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import FIRST_LOOK_AFTER, Refund, Request, Status
from refundkit_core.domain.tenancy import Tenant

_MAX_TRIES: Final = 20
_ADOPTED_STATUS: Final[dict[str, Status]] = {
    "pending": "processing",
    "requires_action": "processing",
    "succeeded": "completed",
}


def adopted_refund_id(secret: bytes, tenant: Tenant, transaction: TransactionRef, external_id: str) -> str:
    """The one id that a refund made without us can have with us."""
    return derived("ref", secret, tenant.environment, "adopted", *transaction, external_id)


class Claimed(NamedTuple):
    """A transaction's processor refunds by whose they are: ours with our ids, those adopted, and those of others."""

    ours: Sequence[tuple[str, ProcessorRefund]]
    adopted: Sequence[tuple[str, ProcessorRefund]]
    others: Sequence[ProcessorRefund]

    @property
    def elsewhere_minor(self) -> int:
        """What refunds that are not ours hold."""
        return sum(refund.amount_minor for refund in self.others if refund.holds_money)


class Looked(NamedTuple):
    """What a look left: the ledger as it stands, and the processor's refunds whose status we do not know."""

    ledger: Ledger
    strange: Sequence[str]


class LookAtTransaction:
    """Refresh a ledger, and where asked settle and adopt what the processor shows."""

    def __init__(
        self, refunds: RefundStore, organizations: OrganizationStore, settle: SettleRefund, clock: Clock, ids: Ids
    ) -> None:
        self._refunds = refunds
        self._organizations = organizations
        self._settle = settle
        self._clock = clock
        self._ids = ids

    def refresh(self, connection: Connection, processor: PaymentProcessor, transaction_id: str) -> Ledger:
        """The transaction's ledger with the processor's facts of now. Raises NotFound, Upstream, StoreConflict."""
        return self._refresh(connection, processor, transaction_id, None, self._stored)[0]

    def refresh_or_open(self, connection: Connection, processor: PaymentProcessor, transaction_id: str) -> Ledger:
        """The same, but a ledger that nothing must be told of yet stays new: its first refund stores it."""
        return self._refresh(connection, processor, transaction_id, None, self._stored_unless_new)[0]

    def __call__(
        self,
        connection: Connection,
        processor: PaymentProcessor,
        transaction_id: str,
        fraud_warning: str | None = None,
    ) -> Looked:
        """Refresh the ledger, settle our refunds, adopt those that were made without us, and keep a fraud warning.

        Raises:
            NotFound: the processor has no such transaction.
            Upstream: the processor could not be asked.
            StoreConflict: other writers were faster again and again.
        """
        ledger, claimed = self._refresh(connection, processor, transaction_id, fraud_warning, self._stored)
        for refund_id, seen in (*claimed.ours, *claimed.adopted):
            self._settle(connection.tenant, refund_id, seen)
        for seen in claimed.others:
            if seen.holds_money:
                self._adopt(connection, ledger.transaction, seen)
                # A later look may have found nothing new and so left no trace: ask once more, now that it is ours.
                again = processor.find_refund(seen.external_id)
                self._settle(connection.tenant, self._adopted_id(connection.tenant, ledger.transaction, seen), again)
        shown = [seen for _, seen in (*claimed.ours, *claimed.adopted)] + list(claimed.others)
        stands = self._refunds.ledger(connection.tenant, ledger.transaction) or ledger
        return Looked(stands, [seen.external_id for seen in shown if seen.status == "unknown"])

    def _stored(self, fresh: Ledger, known: Ledger | None) -> Ledger:
        event = of_look(known, fresh)
        self._refunds.put_ledger(fresh, known, event, self._charged_back(fresh, event))
        return fresh

    def _charged_back(self, fresh: Ledger, event: Event | None) -> str | None:
        """Whose chargeback it is that was just seen; inquiries are none."""
        if event is None or fresh.dispute not in ("open", "lost") or fresh.customer_id is None:
            return None
        return customer_key(self._organizations, fresh.tenant, fresh.customer_id)

    def _stored_unless_new(self, fresh: Ledger, known: Ledger | None) -> Ledger:
        if known is None and of_look(None, fresh) is None:
            return replace(fresh, version=0)
        return self._stored(fresh, known)

    def _refresh(
        self,
        connection: Connection,
        processor: PaymentProcessor,
        transaction_id: str,
        fraud_warning: str | None,
        store: Callable[[Ledger, Ledger | None], Ledger],
    ) -> tuple[Ledger, Claimed]:
        charge_id: str | None = transaction_id
        if not processor.is_charge(transaction_id):
            charge_id = self._refunds.charge_of(
                connection.tenant, connection.processor, connection.account_id, transaction_id
            )
        for attempt in range(1, _MAX_TRIES + 1):
            known = None
            if charge_id is not None:
                transaction = TransactionRef(connection.processor, connection.account_id, charge_id)
                known = self._refunds.ledger(connection.tenant, transaction)
            snapshot = processor.look_up(transaction_id)
            charge_id = snapshot.charge_id
            transaction = TransactionRef(connection.processor, connection.account_id, charge_id)
            has_refunds = snapshot.refunded_minor > 0 or (known is not None and known.holds_anything)
            shown = processor.list_refunds(snapshot.charge_id) if has_refunds else ()
            claimed = self._claimed(connection.tenant, transaction, known, shown)
            now = self._clock.now()
            if known is None:
                fresh = opened(connection.tenant, transaction, snapshot, claimed.elsewhere_minor, now)
            else:
                fresh = refreshed(known, snapshot, claimed.elsewhere_minor, now)
            fresh = replace(fresh, fraud_warning=fraud_warning or fresh.fraud_warning)
            if known is not None and known.is_fresh(now) and fresh.says_the_same_as(known):
                self._remember(connection, processor, known, transaction_id)
                return known, claimed
            try:
                fresh = store(fresh, known)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            self._remember(connection, processor, fresh, transaction_id)
            return fresh, claimed
        raise StoreConflict("The ledger kept changing while it was refreshed")

    def _remember(
        self, connection: Connection, processor: PaymentProcessor, ledger: Ledger, transaction_id: str
    ) -> None:
        """Keep a captured charge's other name, under which it may be asked for before its ledger is old.

        A payment intent whose first charge failed comes to another one; once captured, it never changes.
        """
        if ledger.captured_minor > 0 and not processor.is_charge(transaction_id):
            self._refunds.remember_charge(connection.tenant, ledger.transaction, transaction_id)

    def _claimed(
        self, tenant: Tenant, transaction: TransactionRef, known: Ledger | None, shown: Sequence[ProcessorRefund]
    ) -> Claimed:
        adopted = known.adopted if known is not None else frozenset()
        ours: list[tuple[str, ProcessorRefund]] = []
        taken: list[tuple[str, ProcessorRefund]] = []
        others: list[ProcessorRefund] = []
        for seen in shown:
            if seen.external_id in adopted:
                taken.append((self._adopted_id(tenant, transaction, seen), seen))
            elif seen.refund_id is not None and self._is_ours(tenant, transaction, seen.refund_id, seen):
                ours.append((seen.refund_id, seen))
            else:
                others.append(seen)
        return Claimed(ours, taken, others)

    def _is_ours(self, tenant: Tenant, transaction: TransactionRef, refund_id: str, seen: ProcessorRefund) -> bool:
        """Whether a processor refund that names one of ours is counted by it: metadata can be copied."""
        refund = self._refunds.head(tenant, refund_id) if is_id("ref", refund_id) else None
        if refund is None or refund.transaction != transaction or refund.money.amount_minor != seen.amount_minor:
            return False
        in_flight = refund.external_refund_id is None and refund.status == "processing"
        return in_flight or refund.external_refund_id == seen.external_id

    def _adopted_id(self, tenant: Tenant, transaction: TransactionRef, seen: ProcessorRefund) -> str:
        secret = self._organizations.secret(tenant.org_id)
        return adopted_refund_id(secret, tenant, transaction, seen.external_id)

    def _adopt(self, connection: Connection, transaction: TransactionRef, seen: ProcessorRefund) -> None:
        """Make a refund that somebody made at the processor one of ours: its money moves from elsewhere, once."""
        tenant, now = connection.tenant, self._clock.now()
        status = _ADOPTED_STATUS.get(seen.status)
        for attempt in range(1, _MAX_TRIES + 1):
            ledger = self._refunds.ledger(tenant, transaction)
            if ledger is None or status is None or seen.external_id in ledger.adopted:
                return
            if ledger.elsewhere_minor < seen.amount_minor:
                return  # a later look found it failed, or has counted it otherwise
            refund = Refund(
                id=self._adopted_id(tenant, transaction, seen),
                tenant=tenant,
                transaction_id=transaction.charge_id,
                transaction=transaction,
                money=Money(seen.amount_minor, seen.currency),
                reason="other",
                status=status,
                status_detail="submitted" if status == "processing" else None,
                initiated_by="processor",
                created_at=now,
                updated_at=now,
                version=1,
                external_refund_id=seen.external_id,
                next_look_at=now + FIRST_LOOK_AFTER if status == "processing" else None,
            )
            from refundkit_core.domain.decisions import RuleResult

            told = RuleResult("adopted", "skipped", "Made at the processor, not through RefundKit")
            request = Request(fingerprint="", metadata=None, decision=(told,))
            kind = LedgerChange("adopt_reserved" if status == "processing" else "adopt_refunded", seen.amount_minor)
            try:
                self._refunds.adopt(refund, request, of_change(None, refund), kind)
            except StoreConflict:
                self._ids.pause(attempt)
                continue
            return
        raise StoreConflict("The ledger kept changing while a refund was adopted")
