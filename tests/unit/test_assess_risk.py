"""Judging and keeping a risk: once per idempotency key, with the event that tells of a high one, and facts as known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from refundkit_core.application.assess_risk import AssessRisk, MadeAssessment
from refundkit_core.application.facts_of import GatheredFacts
from refundkit_core.application.gather_facts import GatherFacts, charge_facts
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.risk_ports import Claim, Gathered
from refundkit_core.domain.assessments import KeptAssessment, of_assessment
from refundkit_core.domain.errors import IdempotencyKeyReused, StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Delivery, Facts
from refundkit_core.domain.ids import event_id
from refundkit_core.domain.ledger import Ledger
from refundkit_core.domain.money import Money
from refundkit_core.domain.orders import Order, without_customer
from refundkit_core.domain.policies import DEFAULT_POLICY, PolicyVersion, RiskSettings
from refundkit_core.domain.risk import assess
from refundkit_core.domain.tenancy import Tenant

from tests.support.builders import TENANT, TRANSACTION, ledger
from tests.support.clock import START, CountingIds, FixedClock
from tests.support.fact_stores import FakePolicies
from tests.support.fake_processor import FakeConnections, FakeOrganizations
from tests.support.memory_assessments import MemoryAssessmentStore
from tests.support.memory_orders import MemoryOrderStore
from tests.support.memory_store import MemoryRefundStore
from tests.support.orders import order
from tests.support.risk import facts, kept_assessment

NOTHING_SAID = Claim()


class Bench:
    """The use case over facts that a test sets."""

    def __init__(self) -> None:
        self.facts = facts()
        self.version: PolicyVersion = DEFAULT_POLICY
        self.ledger: Ledger = ledger()
        self.asked: list[tuple[str, Claim]] = []
        self.store = MemoryAssessmentStore()
        self.assess = AssessRisk(
            self.gathered, self.store, FakeOrganizations(), FixedClock(), CountingIds(FixedClock())
        )

    def gathered(self, tenant: Tenant, transaction_id: str, claim: Claim) -> Gathered:
        self.asked.append((transaction_id, claim))
        return Gathered(self.facts, self.ledger, self.version)

    def made(self, claim: Claim = NOTHING_SAID, key: str | None = None) -> MadeAssessment:
        return self.assess(TENANT, "ch_1", claim, key)


def test_all_that_remains_is_judged_unless_an_amount_is_named() -> None:
    bench = Bench()
    bench.ledger = ledger(refunded_minor=1000)

    whole, part = bench.made().kept, bench.made(Claim(amount_minor=100)).kept

    assert (whole.gross, part.gross) == (Money(4000, "usd"), Money(100, "usd"))
    assert whole.assessment == assess(bench.facts, 4000, RiskSettings())
    assert bench.store.find(TENANT, whole.id) == whole


def test_what_is_kept_says_by_whose_weights_it_was_judged() -> None:
    bench = Bench()
    strict = replace(DEFAULT_POLICY.policy, risk=RiskSettings(weights={"amount_anomaly": 100}))
    bench.version = PolicyVersion("pol_1", 3, strict)

    kept = bench.made().kept

    assert kept == KeptAssessment(
        id=kept.id,
        tenant=TENANT,
        transaction=TRANSACTION,
        gross=Money(5000, "usd"),
        assessment=assess(bench.facts, 5000, strict.risk),
        policy_id="pol_1",
        policy_version=3,
        created_at=START,
    )
    assert kept.assessment.score == 75


@pytest.mark.parametrize("external_risk, told", [(69, False), (70, True)])
def test_from_seventy_on_an_event_tells_of_it_in_ids_and_names_of_signals(external_risk: int, told: bool) -> None:
    bench = Bench()
    bench.facts = facts(external_risk=external_risk)

    kept = bench.made(Claim(amount_minor=1)).kept

    event = Event(
        id=event_id(kept.id, 1, START),
        tenant=TENANT,
        subject=kept.id,
        version=1,
        type="dispute.risk_flagged",
        public=True,
        created_at=START,
        payload={
            "assessmentId": kept.id,
            "transactionId": "ch_1",
            "processor": "stripe",
            "score": 70,
            "riskLevel": "high",
            "signals": ["processor_risk"],
        },
    )
    assert bench.store.events == ([event] if told else [])
    assert of_assessment(kept) == (event if told else None)


def test_the_same_key_and_body_are_answered_with_what_was_found_then() -> None:
    bench = Bench()
    first = bench.made(Claim(customer_id="cust_789"), "k-1")
    bench.facts = facts(external_risk=99)

    again = bench.made(Claim(customer_id="cust_789"), "k-1")

    assert (first.replayed, again) == (False, MadeAssessment(first.kept, replayed=True))
    assert len(bench.asked) == 1
    assert "cust_789" not in repr(first.kept)


def test_the_same_key_with_another_body_is_refused() -> None:
    bench = Bench()
    bench.made(Claim(customer_id="cust_789"), "k-1")

    for claim in (Claim(), Claim(customer_id="cust_780"), Claim(1, "cust_789")):
        with pytest.raises(IdempotencyKeyReused):
            bench.made(claim, "k-1")
    assert bench.made(Claim(), "k-2").replayed is False


def test_without_a_key_every_request_is_an_assessment_of_its_own() -> None:
    bench = Bench()

    assert bench.made().kept.id != bench.made().kept.id


def test_a_lost_answer_of_the_store_is_found_again_and_a_refusal_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    put = bench.store.put

    def lost(kept: KeptAssessment, event: Event | None) -> None:
        put(kept, event)
        raise StoreConflict("The store did not answer")

    monkeypatch.setattr(bench.store, "put", lost)
    assert bench.made(key="k-1").replayed

    def refused(*_: Any) -> None:
        raise StoreConflict("The table is too busy")

    monkeypatch.setattr(bench.store, "put", refused)
    with pytest.raises(StoreConflict):
        bench.made(key="k-2")


class Resolved:
    """``ResolveTransaction`` that always finds one ledger."""

    def __init__(self, found: Ledger) -> None:
        self.ledger = found
        self.connection = FakeConnections().connection

    def __call__(self, tenant: Tenant, transaction_id: str, processor: str | None) -> Resolved:
        return self


def gathered(claim: Claim, known: Order | None, **of_ledger: Any) -> Facts:
    refunds = MemoryRefundStore()
    refunds.put_ledger(ledger(), None, None)
    orders = MemoryOrderStore(refunds)
    if known is not None:
        orders.put(known, None)
    found: Any = Resolved(ledger(**of_ledger))
    choice = PolicyChoice(FakePolicies())
    gather = GatherFacts(orders, choice, refunds, FakeOrganizations(), FixedClock())
    return GatheredFacts(found, gather)(TENANT, "ch_1", claim).facts


def test_the_facts_are_the_ledgers_and_the_orders() -> None:
    known = order()

    assert gathered(Claim(300, "cust_789", "other"), known, processor_risk=7, countries=("US",)) == Facts(
        now=START,
        reason="other",
        amount_minor=300,
        stated_currency=None,
        charge=ChargeFacts("usd", 5000, 5000, 0, 0, "none", START, None, 7, ("US",)),
        items=known.items,
        delivery=known.delivery,
        customer=CustomerFacts(True, 0, 0, 0, 0, 6, 61120, known.customer_since),
        external_risk=8,
        ip_country="US",
    )


def test_without_an_order_only_the_charge_is_known() -> None:
    bare = gathered(
        Claim(), None, customer_id=None, elsewhere_minor=1, reserved_minor=2, refunded_minor=4, lost_minor=8
    )

    assert bare == Facts(START, "other", None, None, ChargeFacts("usd", 5000, 4985, 7, 8, "none", START))
    assert (bare.delivery, bare.customer) == (Delivery(), CustomerFacts())
    assert charge_facts(ledger(fraud_warning="misc")).fraud_warning == "misc"


@pytest.mark.parametrize(
    "said, registered, contradicts",
    [
        ("cust_789", True, False),
        ("cus_1", True, False),
        (None, True, False),
        ("cust_780", True, True),
        ("cust_780", False, False),
    ],
)
def test_a_customer_who_is_not_the_registered_one_is_a_contradiction(
    said: str | None, registered: bool, contradicts: bool
) -> None:
    known = order() if registered else without_customer(order())

    assert gathered(Claim(customer_id=said), known).contradictions == (("customer",) if contradicts else ())


def test_a_kept_assessment_names_nobody() -> None:
    assert "cus" not in repr(kept_assessment())
