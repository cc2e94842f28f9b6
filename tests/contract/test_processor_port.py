"""What every payment processor promises: one suite, held against Stripe's adapter over HTTP, the fake that unit tests
use, and a custom processor as somebody outside would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from refundkit_core.adapters.processors.registry import ProcessorRegistry, stripe_kind
from refundkit_core.adapters.processors.stripe import StripeProcessor
from refundkit_core.application.ports import PaymentProcessor
from refundkit_core.application.records import Connection
from refundkit_core.domain.errors import NotFound, ProcessorDeclined
from refundkit_core.domain.processor import RefundOrder

from local.stripe_sandbox import SandboxServer
from tests.contract.sample_processor import Till, TillProcessor, till_kind
from tests.support.builders import TENANT, snapshot
from tests.support.fake_processor import FakeProcessor
from tests.support.http import post_json


class Subject(NamedTuple):
    """A processor, a way to take a payment of so many usd cents with it, and whether it checks what is left."""

    processor: PaymentProcessor
    sell: Callable[[int], str]
    checks_amounts: bool


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(port=0) as server:
        yield server


def connection(processor: str, secret_key: str) -> Connection:
    return Connection("con_1", TENANT, processor, "acct_1", secret_key, (), "active")


@pytest.fixture(params=["stripe", "fake", "custom"])
def subject(request: pytest.FixtureRequest, sandbox: SandboxServer) -> Subject:
    if request.param == "stripe":

        def charge(amount: int) -> str:
            made = post_json(f"{sandbox.url}/_sandbox/charges", {"amount": amount, "currency": "usd"}, sandbox.test_key)
            return str(made["id"])

        return Subject(StripeProcessor(connection("stripe", sandbox.test_key), sandbox.url), charge, True)
    if request.param == "custom":
        till = Till()
        return Subject(TillProcessor(till), till.sell, True)
    fake = FakeProcessor()

    def take(amount: int) -> str:
        charge_id = f"ch_{len(fake.charges) + 1}"
        fake.charges[charge_id] = snapshot(charge_id=charge_id, captured_minor=amount)
        return charge_id

    return Subject(fake, take, False)


def order(charge_id: str, amount_minor: int, number: int = 1) -> RefundOrder:
    return RefundOrder(
        org_id=TENANT.org_id,
        refund_id=f"ref_{number:026d}",
        charge_id=charge_id,
        amount_minor=amount_minor,
        currency="usd",
        reason="product_defective",
        processor_key=f"key-{charge_id}-{number}",
    )


def test_a_charge_is_looked_up_by_its_own_id(subject: Subject) -> None:
    charge_id = subject.sell(5000)

    shown = subject.processor.look_up(charge_id)

    assert (shown.charge_id, shown.captured_minor, shown.currency) == (charge_id, 5000, "usd")
    assert (shown.refunded_minor, shown.dispute, shown.lost_minor) == (0, "none", 0)
    assert subject.processor.owns(charge_id)
    assert subject.processor.is_charge(charge_id)
    assert not subject.processor.owns("unknown_1")


@pytest.mark.parametrize(
    "fields, risk, countries",
    [
        ({}, 12, ("US",)),
        ({"risk_score": None}, None, ("US",)),
        ({"risk_score": 0, "card_country": "DE"}, 0, ("DE",)),
        ({"risk_score": 99, "billing_country": "fr"}, 99, ("US", "FR")),
        ({"billing_country": "US"}, 12, ("US",)),
        ({"billing_country": "USA"}, 12, ("US",)),
    ],
)
def test_stripe_shows_its_score_and_the_countries_of_card_and_address_each_once(
    sandbox: SandboxServer, fields: dict[str, Any], risk: int | None, countries: tuple[str, ...]
) -> None:
    stripe = StripeProcessor(connection("stripe", sandbox.test_key), sandbox.url)
    made = post_json(f"{sandbox.url}/_sandbox/charges", {"amount": 100, **fields}, sandbox.test_key)

    shown = stripe.look_up(made["id"])

    assert (shown.processor_risk, shown.countries) == (risk, countries)


def test_what_is_unknown_is_not_found(subject: Subject) -> None:
    charge_id = subject.sell(1)

    with pytest.raises(NotFound):
        subject.processor.look_up(charge_id[:3] + "unknown")
    with pytest.raises(NotFound):
        subject.processor.find_refund("re_unknown")
    with pytest.raises((NotFound, ProcessorDeclined)):
        subject.processor.cancel_refund("re_unknown")


def test_a_refund_is_paid_once_for_its_key_and_found_again_both_ways(subject: Subject) -> None:
    charge_id = subject.sell(5000)

    first = subject.processor.refund(order(charge_id, 2000))
    again = subject.processor.refund(order(charge_id, 2000))

    assert first == again
    assert (first.charge_id, first.amount_minor, first.currency, first.status) == (charge_id, 2000, "usd", "succeeded")
    assert first.refund_id == order(charge_id, 2000).refund_id
    assert subject.processor.find_refund(first.external_id) == first
    assert subject.processor.list_refunds(charge_id) == [first]
    assert subject.processor.look_up(charge_id).refunded_minor == 2000


def test_refunds_of_one_charge_are_listed_and_those_of_others_are_not(subject: Subject) -> None:
    one, other = subject.sell(5000), subject.sell(5000)

    made = [subject.processor.refund(order(one, 1000 + number, number)) for number in range(3)]
    subject.processor.refund(order(other, 1, 9))

    listed = subject.processor.list_refunds(one)
    assert sorted(refund.external_id for refund in listed) == sorted(refund.external_id for refund in made)


def test_more_than_is_left_is_declined_for_good(subject: Subject) -> None:
    if not subject.checks_amounts:
        return  # the fake leaves that to the rules under test
    charge_id = subject.sell(1000)

    with pytest.raises(ProcessorDeclined) as declined:
        subject.processor.refund(order(charge_id, 1001))

    assert declined.value.reason == "amount_exceeds_refundable"
    assert subject.processor.list_refunds(charge_id) == []


def test_a_refund_that_is_paid_is_not_taken_back(subject: Subject) -> None:
    made = subject.processor.refund(order(subject.sell(1000), 1000))

    with pytest.raises(ProcessorDeclined):
        subject.processor.cancel_refund(made.external_id)

    assert subject.processor.find_refund(made.external_id).status == "succeeded"


def test_the_registry_tells_processors_apart_by_their_ids_and_makes_each_once(sandbox: SandboxServer) -> None:
    registry = ProcessorRegistry({"stripe": stripe_kind(sandbox.url), "till": till_kind(Till())})

    assert registry.names() == ("stripe", "till")
    named = [registry.named_by(name) for name in ("ch_1", "pi_1", "till_1", "txn_1")]
    assert named == ["stripe", "stripe", "till", None]
    assert isinstance(registry.connect(connection("till", "k" * 8)), TillProcessor)
    first, other = connection("stripe", "sk_test_1"), connection("stripe", "sk_test_2")
    assert registry.connect(first) is registry.connect(connection("stripe", "sk_test_1"))
    assert registry.connect(first) is not registry.connect(other)
    assert set(registry.setups()) == {"stripe", "till"}


def test_whose_charge_it_is_can_be_asked_and_an_unknown_one_is_not_found(subject: Subject) -> None:
    charge_id = subject.sell(1000)

    address = subject.processor.customer_email(charge_id)
    assert address is None or "@" in address
    with pytest.raises(NotFound):
        subject.processor.customer_email(f"{charge_id}0")


def test_stripes_receipt_address_goes_before_the_billing_address(sandbox: SandboxServer) -> None:
    processor = StripeProcessor(connection("stripe", sandbox.test_key), sandbox.url)
    sold = {"amount": 1000, "currency": "usd", "customer": {"name": "Mary", "email": "mary@shop.example"}}
    charge_id = post_json(f"{sandbox.url}/_sandbox/charges", sold, sandbox.test_key)["id"]
    assert processor.customer_email(charge_id) == "mary@shop.example"

    processor._api.charges.update(charge_id, {"receipt_email": "receipts@shop.example"})
    assert processor.customer_email(charge_id) == "receipts@shop.example"
