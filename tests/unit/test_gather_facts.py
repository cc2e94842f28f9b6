"""Where the facts of a decision come from: the processor, the shop, our own counts and, last, the caller."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from refundkit_core.application.customer_keys import customer_key
from refundkit_core.application.gather_facts import Asked, Gathered, GatherFacts, charge_facts
from refundkit_core.application.policy_choice import PolicyChoice
from refundkit_core.application.resolve_transaction import ResolvedTransaction
from refundkit_core.domain.claims import Claim, Evidence
from refundkit_core.domain.customers import Counted, CustomerRecord
from refundkit_core.domain.facts import ChargeFacts, CustomerFacts, Delivery, Facts, Item
from refundkit_core.domain.ledger import Ledger, TransactionRef
from refundkit_core.domain.orders import Order
from refundkit_core.domain.policies import DEFAULT_POLICY, Policy, Rule
from refundkit_core.domain.tenancy import Tenant

from tests.support.builders import TENANT, TRANSACTION, ledger
from tests.support.clock import START, FixedClock
from tests.support.fact_stores import FakeOrders, FakePointer, FakePolicies
from tests.support.fake_processor import FakeConnections, FakeOrganizations
from tests.support.orders import order

POLICY = Policy("Ours", (Rule(category="default", return_window_days=7),))


class Customers:
    """``CustomerStore`` with what the test says of each key; whoever is not there has an empty record."""

    def __init__(self) -> None:
        self.records: dict[str, CustomerRecord] = {}
        self.asked: list[str] = []

    def of(self, tenant: Tenant, key: str) -> CustomerRecord:
        assert tenant == TENANT
        self.asked.append(key)
        return self.records.get(key, CustomerRecord(key))


class OwnPolicies(FakePolicies):
    """``Policies`` that remembers whose it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.merchants: list[str] = []

    def pointer(self, tenant: Tenant, merchant_id: str) -> FakePointer | None:
        assert tenant == TENANT
        self.merchants.append(merchant_id)
        return super().pointer(tenant, merchant_id)


class OwnOrders(FakeOrders):
    """``Orders`` of one tenant."""

    def of(self, tenant: Tenant, transaction: TransactionRef) -> Order | None:
        assert tenant == TENANT
        return super().of(tenant, transaction)


class Sources:
    """Everything that facts come from."""

    def __init__(self) -> None:
        self.orders, self.policies, self.customers = OwnOrders(), OwnPolicies(), Customers()
        self.clock = FixedClock()
        self.connection = FakeConnections().connection
        choice = PolicyChoice(self.policies)
        self.gather = GatherFacts(self.orders, choice, self.customers, FakeOrganizations(), self.clock)

    def gathered(self, of: Ledger | None = None, claim: Claim | None = None, **asked: Any) -> Gathered:
        wanted: dict[str, Any] = {"reason": "other", "amount_minor": None, "currency": None, **asked}
        if claim is not None:
            wanted["claim"] = claim
        return self.gather(ResolvedTransaction(of or ledger(), self.connection), Asked(**wanted))

    def registered(self, known: Order) -> None:
        self.orders.registered[TRANSACTION] = known


def key_of(customer_id: str) -> str:
    return customer_key(FakeOrganizations(), TENANT, customer_id)


def test_what_is_asked_and_what_only_the_ledger_knows() -> None:
    found = Sources().gathered(ledger(customer_id=None), reason="wrong_product", amount_minor=1200, currency="usd")

    assert found.facts == Facts(
        START, "wrong_product", 1200, "usd", ChargeFacts("usd", 5000, 5000, 0, 0, "none", START)
    )
    assert (found.version, found.shadow, found.order, found.customer) == (DEFAULT_POLICY, None, None, None)
    assert (found.ledger, found.merchant_id) == (ledger(customer_id=None), TENANT.org_id)


def test_the_ledger_is_told_in_full() -> None:
    full = ledger(
        elsewhere_minor=1,
        reserved_minor=20,
        refunded_minor=300,
        withheld_minor=1000,
        lost_minor=40,
        dispute="lost",
        fraud_warning="misc",
        processor_risk=7,
        countries=("US", "DE"),
        purchased_at=START - timedelta(microseconds=1),
    )

    assert charge_facts(full) == ChargeFacts(
        currency="usd",
        captured_minor=5000,
        remaining_minor=5000 - 1361,
        held_minor=1321,
        lost_minor=40,
        dispute="lost",
        purchased_at=START - timedelta(milliseconds=1),
        fraud_warning="misc",
        processor_risk=7,
        countries=("US", "DE"),
    )


def test_times_are_cut_to_the_millisecond_so_that_the_same_decision_is_made_again() -> None:
    sources = Sources()
    sources.clock.advance(seconds=0.001999)

    assert sources.gathered().facts.now == START + timedelta(milliseconds=1)
    assert charge_facts(ledger(purchased_at=START + timedelta(microseconds=123_999))).purchased_at == (
        START + timedelta(milliseconds=123)
    )


def test_what_the_shop_registered_holds_and_the_callers_word_where_it_said_nothing() -> None:
    sources = Sources()
    known = order(delivery=Delivery("delivered", None, START - timedelta(days=1), None), ip_country=None)
    sources.registered(known)
    claim = Claim(
        items=(Item("SKU-1", quantity=1),),
        delivery=Delivery("lost", country="US"),
        evidence=(Evidence("photo", "x"), Evidence("carrier_scan", "y"), Evidence("photo", "z")),
        ip_country="DE",
    )

    found = sources.gathered(claim=claim)

    assert found.order == known
    assert found.facts.items == (Item("SKU-1", "apparel/shoes", 1, 1500, ("final_sale",)),)
    assert found.facts.delivery == Delivery("delivered", None, START - timedelta(days=1), "US")
    assert found.facts.contradictions == ("delivery_status",)
    assert found.facts.evidence == ("carrier_scan", "photo")
    assert (found.facts.external_risk, found.facts.ip_country) == (8, "DE")


def test_the_shops_country_of_an_order_beats_the_callers() -> None:
    sources = Sources()
    sources.registered(order(ip_country="US"))

    assert sources.gathered(claim=Claim(ip_country="DE")).facts.ip_country == "US"
    assert Sources().gathered(claim=Claim(ip_country="DE")).facts.ip_country == "DE"


@pytest.mark.parametrize(
    ("processors", "shops", "callers", "holds"),
    [
        ("cus_1", "cust_789", "cust_780", "cus_1"),
        (None, "cust_789", "cust_780", "cust_789"),
        (None, None, "cust_780", "cust_780"),
    ],
)
def test_the_processors_customer_is_counted_before_the_shops_and_the_callers(
    processors: str | None, shops: str | None, callers: str, holds: str
) -> None:
    sources = Sources()
    sources.registered(order(customer_id=shops))

    found = sources.gathered(ledger(customer_id=processors), Claim(customer_id=callers))

    assert sources.customers.asked == [key_of(holds)]
    assert found.customer == CustomerRecord(key_of(holds))
    assert found.facts.customer.known is True


def test_the_processors_name_of_a_customer_contradicts_no_registered_one() -> None:
    sources = Sources()
    sources.registered(order(customer_id="cust_789"))

    assert sources.gathered(claim=Claim(customer_id="cus_1")).facts.contradictions == ()
    assert sources.gathered(claim=Claim(customer_id="cus_2")).facts.contradictions == ("customer",)


def test_a_customer_who_was_erased_is_nobody_whatever_anybody_says() -> None:
    sources = Sources()
    sources.registered(order())

    found = sources.gathered(ledger(customer_id=None, customer_erased=True), Claim(customer_id="cust_780"))

    assert (found.customer, sources.customers.asked) == (None, [])
    assert found.facts.customer.known is False


def test_a_customers_counts_are_ours_and_their_orders_the_shops() -> None:
    sources = Sources()
    sources.registered(order())
    sources.customers.records[key_of("cus_1")] = CustomerRecord(
        key_of("cus_1"),
        4,
        {
            "ref_1": Counted(START - timedelta(days=1), 700, "usd"),
            "ref_2": Counted(START - timedelta(days=40), 50, "usd"),
        },
        {"ch_0": START - timedelta(days=200)},
    )

    assert sources.gathered().facts.customer == CustomerFacts(
        known=True,
        refunds_30d=1,
        refunds_90d=2,
        value_90d_minor=750,
        chargebacks_365d=1,
        lifetime_orders=6,
        lifetime_spend_minor=61120,
        since=START - timedelta(days=700),
    )


def test_values_are_counted_in_the_charges_currency() -> None:
    sources = Sources()
    sources.customers.records[key_of("cus_1")] = CustomerRecord(
        key_of("cus_1"), 1, {"ref_1": Counted(START, 700, "usd")}
    )

    assert sources.gathered().facts.customer.value_90d_minor == 700
    assert sources.gathered(ledger(currency="eur")).facts.customer.value_90d_minor is None


@pytest.mark.parametrize(
    ("registered", "connected", "merchant"),
    [("north", "south", "north"), (None, "south", "south"), (None, None, TENANT.org_id)],
)
def test_the_merchant_is_the_orders_else_the_connections_else_the_organization(
    registered: str | None, connected: str | None, merchant: str
) -> None:
    sources = Sources()
    sources.connection = replace(sources.connection, merchant_id=connected)
    sources.registered(order(merchant_id=registered))

    assert sources.gathered().merchant_id == merchant
    assert sources.policies.merchants == [merchant]


def test_the_version_in_force_at_the_purchase_judges_and_a_shadow_judges_along() -> None:
    sources = Sources()
    first = sources.policies.publish(POLICY, START - timedelta(days=20))
    second = sources.policies.publish(POLICY, START - timedelta(days=2))
    shadow = sources.policies.publish(POLICY, START)
    sources.policies.shadow = shadow.number

    old = sources.gathered(ledger(purchased_at=START - timedelta(days=10)))
    new = sources.gathered(ledger(purchased_at=START - timedelta(days=1)))

    assert (old.version, old.shadow) == (first, shadow)
    assert (new.version, new.shadow) == (second, shadow)


def test_a_version_that_is_not_in_force_yet_judges_nothing() -> None:
    sources = Sources()
    sources.policies.publish(POLICY, START + timedelta(milliseconds=1))

    assert sources.gathered().version == DEFAULT_POLICY
    sources.clock.advance(seconds=0.001)
    assert sources.gathered().version.policy == POLICY
