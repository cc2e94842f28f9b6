"""The daily report: every transaction with recent or open refunds, ledger against processor, nothing written to it.

A look is not one moment: money moves while it is read. So whatever does not agree is looked at again a little later,
and only what still does not agree then is a finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from refundkit_core.application.look_at_transaction import adopted_refund_id
from refundkit_core.application.ports import (
    Clock,
    ConnectionStore,
    OrganizationStore,
    PaymentProcessor,
    Processors,
    RefundBooks,
    RefundStore,
    ReportShelf,
)
from refundkit_core.domain.errors import NotFound, Upstream
from refundkit_core.domain.ids import is_id
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.reconciliation import KINDS, Books, Finding, findings_in
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant
from refundkit_core.domain.times import iso

RECENT: Final = timedelta(hours=48)
LONGEST_RUN: Final = timedelta(minutes=12)

_Transaction = tuple[Tenant, TransactionRef]
_Known = dict[_Transaction, set[str]]


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """What one run looked at and found."""

    made_at: datetime
    organizations: int
    transactions: int
    findings: tuple[Finding, ...]

    @property
    def day(self) -> str:
        """The day that it stands for, in UTC."""
        return iso(self.made_at)[:10]

    def counts(self) -> dict[str, int]:
        """Findings by kind; every kind is named."""
        counted = Counter(finding.kind for finding in self.findings)
        return {kind: counted[kind] for kind in KINDS}

    def facts(self) -> dict[str, Any]:
        """The report as plain values: ids, amounts and words, nothing of a person's."""
        return {
            "day": self.day,
            "madeAt": iso(self.made_at),
            "organizations": self.organizations,
            "transactions": self.transactions,
            "counts": self.counts(),
            "findings": [_facts_of(finding) for finding in self.findings],
        }


def _facts_of(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "organizationId": finding.tenant.org_id,
        "environment": finding.tenant.environment,
        "processor": finding.transaction.processor,
        "accountId": finding.transaction.account_id,
        "transactionId": finding.transaction.charge_id,
        "refundId": finding.refund_id,
        "externalRefundId": finding.external_id,
        "amount": finding.amount_minor,
        "currency": finding.currency,
        "detail": finding.detail,
    }


class ReportLedgers:
    """Look at every transaction that has moved in 48 hours or holds money; read only."""

    def __init__(
        self,
        organizations: OrganizationStore,
        books: RefundBooks,
        refunds: RefundStore,
        connections: ConnectionStore,
        processors: Processors,
        clock: Clock,
        wait_a_little: Callable[[], None],
    ) -> None:
        self._organizations = organizations
        self._books = books
        self._refunds = refunds
        self._connections = connections
        self._processors = processors
        self._clock = clock
        self._wait_a_little = wait_a_little

    def __call__(self) -> LedgerReport:
        """One run. What there was no time for, or no answer of the processor's, is a finding of its own."""
        started = self._clock.now()
        tenants = [Tenant(each.id, name) for each in self._organizations.all() for name in ENVIRONMENTS]
        known = self._transactions(tenants, started)
        doubtful = {at: refund_ids for at, refund_ids in known.items() if self._look(at, refund_ids, started)}
        if doubtful:
            self._wait_a_little()
        again = self._transactions({tenant for tenant, _ in doubtful}, started) if doubtful else {}
        found = [
            finding
            for at, refund_ids in doubtful.items()
            for finding in self._look(at, refund_ids | again.get(at, set()), started)
        ]
        return LedgerReport(started, len(tenants) // len(ENVIRONMENTS), len(known), tuple(found))

    def _transactions(self, tenants: Iterable[Tenant], now: datetime) -> _Known:
        """By transaction, those of its refunds that are recent or unfinished."""
        known: _Known = {}
        for tenant in tenants:
            for refund in self._books.opened_since(tenant, now - RECENT):
                known.setdefault((tenant, refund.transaction), set()).add(refund.id)
        for tenant, refund_id in self._books.unfinished():
            head = self._refunds.head(tenant, refund_id)
            if head is not None:
                known.setdefault((tenant, head.transaction), set()).add(refund_id)
        return known

    def _look(self, at: _Transaction, refund_ids: set[str], started: datetime) -> list[Finding]:
        tenant, transaction = at
        ledger = self._refunds.ledger(tenant, transaction)
        if ledger is None:
            return [Finding("sums_differ", tenant, transaction, 0, "", "there are refunds and no ledger")]
        if self._clock.now() - started > LONGEST_RUN:
            return [_not_looked_at(ledger, "the report ran out of time")]
        shown: list[ProcessorRefund] | None = None
        lost_minor, unasked = ledger.lost_minor, None
        try:
            processor = self._processor_of(ledger)
            lost_minor = processor.look_up(transaction.charge_id).lost_minor
            shown = list(processor.list_refunds(transaction.charge_id))
        except (Upstream, NotFound) as exc:
            unasked = exc.message
        found = findings_in(self._read(ledger, refund_ids, shown, lost_minor), self._clock.now())
        return found if unasked is None else [*found, _not_looked_at(ledger, unasked)]

    def _processor_of(self, ledger: Ledger) -> PaymentProcessor:
        connection = self._connections.of(ledger.tenant, ledger.transaction.processor)
        if connection is None or not connection.reaches(ledger.transaction.account_id):
            raise NotFound("its processor account is not connected")
        return self._processors.connect(connection)

    def _read(
        self, ledger: Ledger, refund_ids: set[str], shown: list[ProcessorRefund] | None, lost_minor: int
    ) -> Books:
        """Our side after the processor's: whatever its webhooks have brought about meanwhile is seen."""
        tenant, transaction = ledger.tenant, ledger.transaction
        fresh = self._refunds.ledger(tenant, transaction) or ledger
        wanted = refund_ids | {seen.refund_id for seen in shown or () if is_id("ref", seen.refund_id or "")}
        if fresh.adopted:
            secret = self._organizations.secret(tenant.org_id)
            wanted |= {adopted_refund_id(secret, tenant, transaction, external) for external in fresh.adopted}
        heads = (self._refunds.head(tenant, refund_id) for refund_id in sorted(filter(None, wanted)))
        refunds: list[Refund] = [head for head in heads if head is not None and head.transaction == transaction]
        return Books(fresh, refunds, shown, lost_minor)


def _not_looked_at(ledger: Ledger, why: str) -> Finding:
    return Finding("not_looked_at", ledger.tenant, ledger.transaction, 0, ledger.currency, why)


class Filed(NamedTuple):
    """What a day's report says in one line: findings in all, and by kind."""

    day: str
    organizations: int
    transactions: int
    findings: int
    double: int
    missing_at_processor: int
    unknown_to_us: int
    sums_differ: int
    held_without_a_refund: int
    needs_a_person: int
    open_over_a_day: int
    not_looked_at: int


class FileReport:
    """Make the day's report and keep it; a second run of the same day replaces the first."""

    def __init__(self, report: ReportLedgers, shelf: ReportShelf) -> None:
        self._report = report
        self._shelf = shelf

    def __call__(self) -> Filed:
        made = self._report()
        self._shelf.put(made.day, made.facts())
        return Filed(made.day, made.organizations, made.transactions, len(made.findings), **made.counts())

    def filed(self, day: str | None) -> Mapping[str, Any]:
        """The report of a day, or the latest. Raises NotFound."""
        found = self._shelf.read(day)
        if found is None:
            raise NotFound("No such report: the schedule makes one a day; --now looks at once")
        return found
