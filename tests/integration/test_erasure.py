"""A customer is erased: nothing that names a person is left, and every cent can still be accounted for."""

from __future__ import annotations

from typing import Any

import pytest
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.times import iso

from tests.integration.conftest import World

PERSONAL = {"email": "mary@shop.example", "address": {"street": "1 Main St"}, "orderId": "order_456"}


def customers_charge(world: World, **fields: Any) -> tuple[str, str]:
    """A charge of a new customer: its id, and theirs."""
    charge = world.charge(customer={"name": "Mary", "email": "mary@shop.example"}, **fields)
    return charge["id"], world.stripe("GET", f"/v1/charges/{charge['id']}")["customer"]


def marked(world: World, charge: str, **fields: Any) -> dict[str, Any]:
    return world.refund(charge, metadata=PERSONAL, personalMetadata=["email", "address"], **fields)


def erase(world: World, customer: str, **options: Any) -> tuple[int, dict[str, Any]]:
    status, envelope, _ = world.call("DELETE", f"/v1/customers/{customer}", **options)
    return status, envelope


def stored(world: World) -> str:
    return str(world.container.client("dynamodb").scan(TableName="refundkit")["Items"])


def test_what_identifies_a_person_goes_and_the_money_stays(world: World) -> None:
    charge, customer = customers_charge(world)
    paid, plain = marked(world, charge), world.refund(charge, amount=100, metadata={"orderId": "order_457"})
    world.execute(paid["id"])
    before = world.shown(paid["id"])
    assert customer in stored(world)
    assert "mary@shop.example" in stored(world)

    status, envelope = erase(world, customer)

    assert (status, envelope["data"]) == (
        200,
        {
            "customerId": customer,
            "transactions": 1,
            "refunds": 1,
            "complete": True,
            "erasedAt": iso(world.clock.now()),
        },
    )
    assert world.shown(paid["id"]) == {**before, "metadata": {"orderId": "order_456"}}
    assert world.shown(plain["id"])["metadata"] == {"orderId": "order_457"}
    left = stored(world)
    for gone in (customer, "mary@shop.example", "Main St"):
        assert gone not in left
    account = {"transactionId": charge, "amount": 2901, "reason": "other"}
    assert world.call("POST", "/v1/refunds", account)[1]["error"]["code"] == "amount_exceeds_refundable"


def test_a_later_look_at_the_charge_does_not_bring_the_customer_back(world: World) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    erase(world, customer)
    world.clock.advance(hours=1)

    world.refund(charge, amount=1)  # which asks the processor again, since what is known is old

    assert customer not in stored(world)


def test_erasing_is_audited_under_a_name_that_is_nobodys(world: World) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    erase(world, customer)

    (entry,) = (entry for entry in world.container.trail.of(world.tenant) if entry.command == "customers erase")
    assert entry.target.startswith("cst_")
    assert customer not in str(entry)
    assert world.organization.owner_id in entry.actor


def test_erasing_again_answers_the_same_and_a_new_purchase_is_erased_as_well(world: World) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    first = erase(world, customer)
    world.clock.advance(days=1)
    assert erase(world, customer) == first

    created = int(world.clock.now().timestamp())
    another = world.charge(customer=customer, created=created)
    marked(world, another["id"])
    again = erase(world, customer)[1]["data"]
    assert (again["transactions"], again["refunds"]) == (2, 2)
    assert "mary@shop.example" not in stored(world)


def test_a_customer_of_nobody_or_of_another_is_404_alike_and_nothing_changes(world: World) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")

    expected = erase(world, "cus_never")
    assert (expected[0], expected[1]["error"]["code"]) == (404, "not_found")
    for key in (other.test_key, world.organization.live_key):
        assert erase(world, customer, key=key) == expected
    assert "mary@shop.example" in stored(world)


def test_a_refund_under_way_is_erased_and_still_paid_once(world: World) -> None:
    charge, customer = customers_charge(world)
    refund = marked(world, charge)
    erase(world, customer)

    world.execute(refund["id"])

    assert world.shown(refund["id"])["status"] == "completed"
    assert len(world.paid_at_stripe(refund["id"])) == 1


def test_the_same_idempotency_key_still_opens_nothing_new_after_an_erasure(world: World) -> None:
    charge, customer = customers_charge(world)
    body = {
        "transactionId": charge,
        "amount": 1,
        "reason": "other",
        "metadata": PERSONAL,
        "personalMetadata": ["email"],
    }
    headers = {"idempotency-key": "k-1"}
    first = world.call("POST", "/v1/refunds", body, headers=headers)[1]["data"]
    erase(world, customer)

    again = world.call("POST", "/v1/refunds", body, headers=headers)

    assert (again[0], again[1]["data"]["id"], again[2]["idempotent-replayed"]) == (201, first["id"], "true")


@pytest.mark.parametrize("died_at", ["erase_personal", "forget_customer"])
def test_an_erasure_that_dies_on_its_way_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch, died_at: str
) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    marked(world, charge, amount=1)

    def dies(*_: object) -> None:
        raise StoreConflict("The store did not answer")

    with monkeypatch.context() as broken:
        broken.setattr(world.container.refunds, died_at, dies)
        broken.setattr(type(world.container.ids), "pause", lambda *_: None)
        assert erase(world, customer)[0] == 500
    status, envelope = erase(world, customer)
    assert (status, envelope["data"]["refunds"]) == (200, 2)

    left = stored(world)
    for gone in (customer, "mary@shop.example", "Main St"):
        assert gone not in left


def test_more_than_one_request_can_do_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import refundkit_core.application.erase_customer as module

    monkeypatch.setattr(module, "MAX_TRANSACTIONS", 2)
    charge, customer = customers_charge(world)
    charges = [charge, world.charge(customer=customer)["id"], world.charge(customer=customer)["id"]]
    for each in charges:
        marked(world, each)

    first, second = erase(world, customer)[1]["data"], erase(world, customer)[1]["data"]

    assert (first["transactions"], first["complete"]) == (2, False)
    assert (second["transactions"], second["refunds"], second["complete"]) == (3, 3, True)
    assert "mary@shop.example" not in stored(world)


def test_metadata_is_marked_by_keys_that_it_has(world: World) -> None:
    body = {"transactionId": "ch_1", "amount": 1, "reason": "other", "metadata": {"a": 1}}

    for personal in (["b"], [""], "a", [1]):
        status, envelope, _ = world.call("POST", "/v1/refunds", {**body, "personalMetadata": personal})
        assert (status, envelope["error"]["code"]) == (400, "validation_error")


def register(world: World, charge: str, **fields: Any) -> dict[str, Any]:
    body = {"orderId": "order_456", "customer": {"id": "cust_789", "lifetimeOrders": 6}, **fields}
    status, envelope, _ = world.call("PUT", f"/v1/transactions/{charge}", body)
    assert status == 200, envelope
    registered: dict[str, Any] = envelope["data"]["registration"]
    return registered


@pytest.mark.parametrize("by_shops_name", [True, False])
def test_a_customer_of_a_registered_order_is_erased_by_the_shops_name_and_by_the_processors(
    world: World, by_shops_name: bool
) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    before = register(world, charge)

    status, envelope = erase(world, "cust_789" if by_shops_name else customer)

    assert (status, envelope["data"]["transactions"], envelope["data"]["refunds"]) == (200, 1, 1)
    left = stored(world)
    for gone in (customer, "cust_789", "mary@shop.example"):
        assert gone not in left
    shown = world.call("GET", f"/v1/transactions/{charge}")[1]["data"]["registration"]
    assert shown == {**before, "version": 2, "customer": None}


def test_a_shop_and_a_processor_with_one_name_for_a_customer_have_them_erased_once(world: World) -> None:
    charge, customer = customers_charge(world)
    register(world, charge, customer={"id": customer})

    assert erase(world, customer)[1]["data"]["transactions"] == 1
    assert customer not in stored(world)


def test_an_erased_customer_is_not_registered_again(world: World) -> None:
    charge, _ = customers_charge(world)
    register(world, charge)
    erase(world, "cust_789")

    again = register(world, charge, orderId="order_457")

    assert (again["orderId"], again["customer"]) == ("order_457", None)
    assert "cust_789" not in stored(world)


def test_a_customer_who_is_registered_while_the_charge_is_erased_does_not_stay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge, customer = customers_charge(world)
    marked(world, charge)
    forget = world.container.refunds.forget_customer
    raced: list[dict[str, Any]] = []

    def race(*given: Any) -> None:
        if not raced:
            raced.append(register(world, charge))
        forget(*given)

    monkeypatch.setattr(world.container.refunds, "forget_customer", race)
    monkeypatch.setattr(type(world.container.ids), "pause", lambda *_: None)

    assert erase(world, customer)[0] == 200
    assert raced[0]["customer"]["id"] == "cust_789"
    assert "cust_789" not in stored(world)
