"""The ledger held against the processor: what does not agree in one transaction's books (architecture, step 12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.processor import ProcessorRefund
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

OPEN_FOR_LONG: Final = timedelta(days=1)

Kind = Literal[
    "double",
    "missing_at_processor",
    "unknown_to_us",
    "sums_differ",
    "held_without_a_refund",
    "needs_a_person",
    "open_over_a_day",
    "not_looked_at",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""``double``: the processor holds money twice for one refund of ours. ``missing_at_processor``: we say paid or handed
over, it shows none that holds money. ``unknown_to_us``: it holds money that no refund of ours accounts for.
``sums_differ``: the ledger's sums are not those of its refunds or the processor's. ``held_without_a_refund``: money is
reserved for nobody. ``needs_a_person``: flagged. ``not_looked_at``: the processor was not asked, or did not answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not agree, in ids and money; ``amount_minor`` is how much is in question."""

    kind: Kind
    tenant: Tenant
    transaction: TransactionRef
    amount_minor: int
    currency: str
    detail: str
    refund_id: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Books:
    """One transaction at one time: our ledger and refunds (adopted ones too), and what the processor shows.

    ``shown`` is None where the processor could not be asked; ``lost_minor`` is what it says lost disputes took.
    """

    ledger: Ledger
    refunds: Sequence[Refund]
    shown: Sequence[ProcessorRefund] | None
    lost_minor: int


def findings_in(books: Books, now: datetime) -> list[Finding]:
    """Everything that does not agree. Money under way at the processor is no finding while it is younger than a day."""
    found = [*_waiting(books, now), *_own_sums(books)]
    if books.shown is not None:
        found += [*_held_there(books, books.shown), *_paid_here(books, books.shown), *_outer_sums(books, books.shown)]
    return found


def _finding(books: Books, kind: Kind, amount_minor: int, detail: str, **ids: str | None) -> Finding:
    ledger = books.ledger
    return Finding(kind, ledger.tenant, ledger.transaction, amount_minor, ledger.currency, detail, **ids)


def _of(books: Books, kind: Kind, refund: Refund, detail: str) -> Finding:
    return _finding(
        books, kind, refund.money.amount_minor, detail, refund_id=refund.id, external_id=refund.external_refund_id
    )


def _waiting(books: Books, now: datetime) -> Iterator[Finding]:
    for refund in books.refunds:
        if refund.status == "processing" and refund.status_detail == "needs_review":
            yield _of(books, "needs_a_person", refund, "nobody knows whether it was paid")
        elif refund.status in ("pending", "processing") and now - refund.created_at > OPEN_FOR_LONG:
            yield _of(books, "open_over_a_day", refund, f"{refund.status}, {refund.status_detail or 'no detail'}")


def _own_sums(books: Books) -> Iterator[Finding]:
    """The ledger against its own refunds."""
    ledger = books.ledger
    reserved = sum(refund.money.amount_minor for refund in books.refunds if refund.holds_reservation)
    refunded = sum(refund.money.amount_minor for refund in books.refunds if refund.status == "completed")
    if ledger.reserved_minor > reserved:
        held = ledger.reserved_minor - reserved
        yield _finding(
            books, "held_without_a_refund", held, f"{ledger.reserved_minor} reserved, refunds say {reserved}"
        )
    elif ledger.reserved_minor < reserved:
        lacks = reserved - ledger.reserved_minor
        yield _finding(books, "sums_differ", lacks, f"{ledger.reserved_minor} reserved, refunds say {reserved}")
    withheld = sum(
        refund.fee_minor for refund in books.refunds if refund.holds_reservation or refund.status == "completed"
    )
    if ledger.withheld_minor != withheld:
        differs = abs(ledger.withheld_minor - withheld)
        yield _finding(books, "sums_differ", differs, f"{ledger.withheld_minor} withheld, refunds say {withheld}")
    if ledger.refunded_minor != refunded:
        differs = abs(ledger.refunded_minor - refunded)
        yield _finding(books, "sums_differ", differs, f"{ledger.refunded_minor} refunded, refunds say {refunded}")


def _held_there(books: Books, shown: Sequence[ProcessorRefund]) -> Iterator[Finding]:
    """Each refund that holds money at the processor: whose is it?"""
    by_id = {refund.id: refund for refund in books.refunds}
    by_external = {refund.external_refund_id: refund for refund in books.refunds if refund.external_refund_id}
    claimed: set[str] = set()
    for seen in _ours_first(shown, by_external):
        named = by_id.get(seen.refund_id or "")
        owner = by_external.get(seen.external_id)
        ids = {"refund_id": seen.refund_id, "external_id": seen.external_id}
        if named is not None and named is not owner and named.id in claimed:
            yield _finding(books, "double", seen.amount_minor, "this refund of ours holds money there twice", **ids)
        elif owner is None and not _is_in_flight(named):
            detail = "no refund of ours" if named is None else f"our refund is {named.status}"
            yield _finding(books, "unknown_to_us", seen.amount_minor, detail, **ids)
        elif owner is not None and not _holds(owner):
            detail = f"it holds money there, our refund is {owner.status}"
            yield _finding(books, "unknown_to_us", seen.amount_minor, detail, **{**ids, "refund_id": owner.id})
        if named is not None:
            claimed.add(named.id)


def _ours_first(shown: Sequence[ProcessorRefund], by_external: dict[str, Refund]) -> list[ProcessorRefund]:
    """What holds money, a refund's own payment before any copy that names it as well."""
    holding = [seen for seen in shown if seen.holds_money]

    def is_copy(seen: ProcessorRefund) -> bool:
        owner = by_external.get(seen.external_id)
        return owner is None or owner.id != seen.refund_id

    return sorted(holding, key=is_copy)


def _is_in_flight(refund: Refund | None) -> bool:
    return refund is not None and refund.status == "processing" and refund.external_refund_id is None


def _holds(refund: Refund) -> bool:
    return refund.status in ("processing", "completed")


def _paid_here(books: Books, shown: Sequence[ProcessorRefund]) -> Iterator[Finding]:
    """Each refund of ours that has an id at the processor: does it hold that money there?"""
    there = {seen.external_id: seen for seen in shown}
    named = Counter(refund.external_refund_id for refund in books.refunds if _holds(refund))
    for refund in books.refunds:
        if refund.external_refund_id is None or not _holds(refund):
            continue
        seen = there.get(refund.external_refund_id)
        if seen is None:
            yield _of(books, "missing_at_processor", refund, "it shows no such refund")
        elif not seen.holds_money and refund.status == "completed":
            yield _of(books, "missing_at_processor", refund, f"there it is {seen.status}")
        elif (seen.amount_minor, seen.currency) != (refund.money.amount_minor, refund.money.currency):
            yield _of(books, "sums_differ", refund, f"there it is {seen.amount_minor} {seen.currency}")
        elif named[refund.external_refund_id] > 1:
            yield _of(books, "sums_differ", refund, "several refunds of ours count this one payment")


def _outer_sums(books: Books, shown: Sequence[ProcessorRefund]) -> Iterator[Finding]:
    """What the ledger copied from the processor. A refund that is unknown to us is told of as itself, not here."""
    ledger = books.ledger
    if ledger.lost_minor != books.lost_minor:
        differs = abs(ledger.lost_minor - books.lost_minor)
        detail = f"{ledger.lost_minor} lost to disputes, the processor says {books.lost_minor}"
        yield _finding(books, "sums_differ", differs, detail)
    accounted = {refund.external_refund_id for refund in books.refunds} | {refund.id for refund in books.refunds}
    strange = sum(
        seen.amount_minor for seen in shown if seen.holds_money and not {seen.external_id, seen.refund_id} & accounted
    )
    if ledger.elsewhere_minor != strange and strange == 0:
        detail = f"{ledger.elsewhere_minor} refunded elsewhere, the processor shows none"
        yield _finding(books, "sums_differ", ledger.elsewhere_minor, detail)
