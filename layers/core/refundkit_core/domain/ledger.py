"""The ledger of one charge: what was captured, and who holds how much of it.

Invariant: ``available = captured - elsewhere - reserved - refunded - lost - withheld``, and nothing is reserved beyond.
``reserved`` is money of refunds under way, ``refunded`` money of our completed ones, ``elsewhere`` money of refunds
made without us and not adopted yet, ``lost`` money of lost disputes, ``withheld`` fees of refunds that hold or have
moved money, which are not refundable later (decisions 5, 8, 10, 17).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from refundkit_core.domain.money import Money
from refundkit_core.domain.processor import ChargeSnapshot, DisputeState
from refundkit_core.domain.tenancy import Tenant

SNAPSHOT_LIFE: Final = timedelta(minutes=10)
TWIN_WINDOW: Final = timedelta(hours=24)

Twins = Mapping[str, datetime]
"""Refunds of one amount and reason: id to the time when each was opened."""


class TransactionRef(NamedTuple):
    """The one name of a charge: processor, account at the processor, and charge id there."""

    processor: str
    account_id: str
    charge_id: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """A charge's ledger as stored. Amounts in minor units of ``currency``; ``version`` grows with every write, from 1.

    ``adopted`` names the processor refunds made without us that have become refunds of ours, each counted once;
    ``fraud_warning`` is the card issuer's early warning, in the processor's word. ``customer_erased`` says that the
    customer was erased: no later look brings them back. ``processor_risk`` and ``countries`` are the snapshot's.
    """

    tenant: Tenant
    transaction: TransactionRef
    currency: str
    captured_minor: int
    elsewhere_minor: int
    lost_minor: int
    reserved_minor: int
    refunded_minor: int
    dispute: DisputeState
    purchased_at: datetime
    customer_id: str | None
    snapshot_at: datetime
    version: int
    twins: Mapping[str, Twins] = field(default_factory=dict)
    adopted: frozenset[str] = frozenset()
    fraud_warning: str | None = None
    customer_erased: bool = False
    processor_risk: int | None = None
    countries: tuple[str, ...] = ()
    withheld_minor: int = 0

    @property
    def is_new(self) -> bool:
        """Whether it stands nowhere yet: the charge was just seen for the first time."""
        return self.version == 0

    @property
    def available_minor(self) -> int:
        """What a refund may still take; below zero where more was refunded elsewhere than we knew of."""
        held = self.elsewhere_minor + self.lost_minor + self.reserved_minor + self.refunded_minor
        return self.captured_minor - held - self.withheld_minor

    @property
    def blocked(self) -> bool:
        """Whether an open dispute forbids refunds; a lost one takes its amount for good instead (decision 7)."""
        return self.dispute == "open"

    @property
    def disputed(self) -> bool:
        """Whether the card's bank has asked about the charge or charged it back, and it is not decided yet."""
        return self.dispute in ("inquiry", "open")

    @property
    def holds_anything(self) -> bool:
        """Whether any refund takes, or took, from this charge as far as we know."""
        return bool(self.elsewhere_minor or self.reserved_minor or self.refunded_minor)

    def remaining(self) -> Money:
        """What is left to refund, never below zero."""
        return Money(max(self.available_minor, 0), self.currency)

    def is_fresh(self, now: datetime) -> bool:
        """Whether the processor was asked recently enough to decide on it."""
        return now - self.snapshot_at <= SNAPSHOT_LIFE

    def says_the_same_as(self, other: Ledger) -> bool:
        """Whether the two differ in nothing but when they were made and in twins that no longer count."""
        return replace(self, snapshot_at=other.snapshot_at, version=other.version, twins=other.twins) == other

    def live_twins(self, twin: str, now: datetime) -> dict[str, datetime]:
        """Refunds of the last 24 h with this amount and reason that still hold or have moved money."""
        return {ref: at for ref, at in self.twins.get(twin, {}).items() if now - at < TWIN_WINDOW}


ChangeKind = Literal["reserve", "release", "lower", "settle", "unsettle", "gate", "adopt_reserved", "adopt_refunded"]


class LedgerChange(NamedTuple):
    """How a refund's change moves its money; applied in one transaction with the refund itself.

    ``reserve`` takes from what is available, ``release`` gives back what was reserved, ``lower`` a part of it that the
    refund does not need after all, ``settle`` turns reserved into
    refunded, ``unsettle`` takes a completed refund's money back, ``gate`` moves nothing but insists on no block,
    ``adopt_…`` counts money that was held elsewhere as reserved or refunded by us. ``fee_minor`` is withheld with what
    is reserved, and given back with it.
    """

    kind: ChangeKind
    amount_minor: int
    fee_minor: int = 0


def twin_of(amount_minor: int, reason: str) -> str:
    """What makes two refunds of one transaction twins (decision 7)."""
    return f"{amount_minor}:{reason}"


def opened(
    tenant: Tenant, transaction: TransactionRef, snapshot: ChargeSnapshot, elsewhere_minor: int, now: datetime
) -> Ledger:
    """The ledger of a charge that we see for the first time."""
    return Ledger(
        tenant=tenant,
        transaction=transaction,
        currency=snapshot.currency,
        captured_minor=snapshot.captured_minor,
        elsewhere_minor=elsewhere_minor,
        lost_minor=snapshot.lost_minor,
        reserved_minor=0,
        refunded_minor=0,
        dispute=snapshot.dispute,
        purchased_at=snapshot.purchased_at,
        customer_id=snapshot.customer_id,
        snapshot_at=now,
        version=1,
        processor_risk=snapshot.processor_risk,
        countries=snapshot.countries,
    )


def refreshed(ledger: Ledger, snapshot: ChargeSnapshot, elsewhere_minor: int, now: datetime) -> Ledger:
    """The ledger after a fresh look: the processor's facts replaced, our own money untouched, old twins dropped."""
    twins = {name: live for name in ledger.twins if (live := ledger.live_twins(name, now))}
    return replace(
        ledger,
        captured_minor=snapshot.captured_minor,
        elsewhere_minor=elsewhere_minor,
        lost_minor=snapshot.lost_minor,
        dispute=snapshot.dispute,
        customer_id=None if ledger.customer_erased else snapshot.customer_id,
        snapshot_at=now,
        version=ledger.version + 1,
        twins=twins,
        processor_risk=snapshot.processor_risk,
        countries=snapshot.countries,
    )


def with_first_refund(ledger: Ledger, refund_id: str, money: LedgerChange, twin: str, at: datetime) -> Ledger:
    """A new ledger as it is stored with the refund that made it necessary: its money reserved, its twin known."""
    reserved = replace(ledger, reserved_minor=money.amount_minor, withheld_minor=money.fee_minor)
    return replace(reserved, twins={twin: {refund_id: at}}, version=1)


def without_customer(ledger: Ledger) -> Ledger:
    """The ledger after its customer was erased: the money's trail, and nobody's name on it."""
    return replace(ledger, customer_id=None, customer_erased=True, version=ledger.version + 1)
