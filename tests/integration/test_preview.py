"""``POST /v1/refunds/preview``: a quote to the last minor unit, sealed, and nothing stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from refundkit_core.application.risk_ports import Claim, Gathered
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.policies import PolicyVersion, Rule
from refundkit_core.domain.quote import Bought, Purchase
from refundkit_core.domain.sealed_quotes import QuotedFacts, opened
from refundkit_core.domain.tenancy import Tenant

from tests.integration.conftest import World


def preview(world: World, transaction_id: str, **fields: Any) -> tuple[int, dict[str, Any]]:
    return world.call("POST", "/v1/refunds/preview", {"transactionId": transaction_id, **fields})[:2]


def previewed(world: World, transaction_id: str, **fields: Any) -> dict[str, Any]:
    status, envelope = preview(world, transaction_id, **fields)
    assert status == 200, envelope
    found: dict[str, Any] = envelope["data"]
    return found


def bound(world: World, quote_id: str) -> QuotedFacts:
    return opened(world.container.organizations.secret(world.tenant.org_id), quote_id)


def judged_by(world: World, *rules: Rule) -> None:
    """From now on a published policy with these rules judges."""
    facts_of = world.container.facts_of

    def gathered(tenant: Tenant, transaction_id: str, claim: Claim) -> Gathered:
        found = facts_of(tenant, transaction_id, claim)
        policy = replace(found.version.policy, rules=(*rules, *found.version.policy.rules))
        return found._replace(version=PolicyVersion("pol_1", 3, policy))

    world.container.facts_of = gathered


def test_all_that_remains_is_quoted_and_the_quote_is_bound_to_it(world: World) -> None:
    charge = world.charge()
    world.refund(charge["id"], amount=2000)

    found = previewed(world, charge["id"])

    assert found == {
        "quoteId": found["quoteId"],
        "transactionId": charge["id"],
        "currency": "usd",
        "lines": [{"sku": None, "quantity": 1, "gross": 3000, "discount": 0, "tax": 0, "fee": 0, "net": 3000}],
        "shipping": 0,
        "value": 3000,
        "tenders": [{"name": "charge", "amount": 3000, "thisCharge": True}],
        "gross": 3000,
        "fee": 0,
        "net": 3000,
        "remainingBefore": 3000,
        "remainingAfter": 0,
    }
    assert bound(world, found["quoteId"]) == QuotedFacts(
        environment="test",
        transaction=TransactionRef("stripe", world.connection.account_id, charge["id"]),
        currency="usd",
        gross_minor=3000,
        fee_minor=0,
        net_minor=3000,
        items_digest=Purchase((Bought(3000),)).digest(),
        remaining_minor=3000,
        policy_id=None,
        policy_version=0,
        order_version=0,
        quoted_at=world.clock.now(),
    )


def test_items_pay_fees_by_the_rule_of_their_category_and_only_this_charges_part(world: World) -> None:
    judged_by(world, Rule(category="apparel", restocking_fee_bp=1500))
    found = previewed(
        world,
        world.charge()["id"],
        items=[
            {"sku": "A", "category": "apparel/shoes", "quantity": 1, "quantityBought": 2, "amount": 6000},
            {"sku": "B", "quantity": 0, "amount": 1000},
        ],
        discount=700,
        tax=630,
        tenders=[{"name": "gift card", "amount": 1930}, {"name": "visa", "amount": 5000, "thisCharge": True}],
    )

    line = {"sku": "A", "quantity": 1, "gross": 3000, "discount": 300, "tax": 270, "fee": 445, "net": 2525}
    assert found["lines"] == [line]
    assert (found["value"], [each["amount"] for each in found["tenders"]]) == (2970, [827, 2143])
    assert (found["gross"], found["fee"], found["net"], found["remainingAfter"]) == (2143, 321, 1822, 2857)
    assert bound(world, found["quoteId"]).policy_version == 3


def test_what_an_item_leaves_out_is_the_registered_orders(world: World) -> None:
    charge = world.charge()
    items = [{"sku": "A", "category": "apparel", "quantity": 3, "amount": 1000}, {"sku": "B"}]
    world.call("PUT", f"/v1/transactions/{charge['id']}", {"items": items})
    judged_by(world, Rule(category="apparel", restocking_fee_bp=1000))

    first = previewed(world, charge["id"], items=[{"sku": "A"}])
    last = previewed(world, charge["id"], items=[{"sku": "A", "quantityReturned": 2}])

    assert [(each["gross"], each["fee"]) for each in (first, last)] == [(333, 33), (334, 33)]
    assert bound(world, first["quoteId"]).order_version == 1
    status, envelope = preview(world, charge["id"], items=[{"sku": "A"}, {"sku": "B"}])
    assert (status, envelope["error"]["details"][0]["field"]) == (400, "items.1.amount")


@pytest.mark.parametrize("currency", ["jpy", "kwd"])
def test_every_currency_is_quoted_in_its_own_minor_unit(world: World, currency: str) -> None:
    charge = world.charge(amount=1001, currency=currency)
    item = {"quantity": 1, "quantityBought": 2, "amount": 1001}

    steps = [previewed(world, charge["id"], items=[{**item, "quantityReturned": back}]) for back in (0, 1)]

    assert [(each["currency"], each["gross"]) for each in steps] == [(currency, 500), (currency, 501)]


def test_no_more_than_remains_is_quoted_and_nothing_where_nothing_does(world: World) -> None:
    charge = world.charge()
    assert previewed(world, charge["id"], amount=9999)["gross"] == 5000

    world.refund(charge["id"], full=True)
    assert (previewed(world, charge["id"])["gross"], previewed(world, charge["id"], amount=1)["gross"]) == (0, 0)


def test_a_preview_stores_reserves_and_tells_nothing(world: World) -> None:
    charge = world.charge()
    world.call("GET", f"/v1/transactions/{charge['id']}")  # so that the ledger is there

    def stored() -> list[Any]:
        items = world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
        return sorted((item for item in items if not item["pk"]["S"].startswith("KEY#")), key=str)

    before = stored()
    first, second = previewed(world, charge["id"], amount=100), previewed(world, charge["id"], amount=100)

    assert stored() == before
    assert first == second


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"amount": 1, "items": [{"amount": 1}]}, ""),
        ({"discount": 1}, ""),
        ({"amount": 0}, "amount"),
        ({"items": []}, "items"),
        ({"items": [{}]}, "items.0.amount"),
        ({"items": [{"amount": 5, "quantity": 2, "quantityBought": 1}]}, "items.0.quantity"),
        ({"items": [{"amount": 5, "quantity": 0}]}, "items"),
        ({"items": [{"amount": 5, "discount": 6}]}, "items.0.discount"),
        ({"items": [{"amount": 5}], "discount": 6}, "discount"),
        ({"items": [{"amount": 5}], "tenders": [{"name": "visa", "amount": 4, "thisCharge": True}]}, "tenders"),
        ({"items": [{"amount": 5.0}]}, "items.0.amount"),
        ({"quoteId": "quo_1"}, "quoteId"),
    ],
)
def test_what_does_not_add_up_is_refused_by_its_field(world: World, fields: dict[str, Any], field: str) -> None:
    status, envelope = preview(world, world.charge()["id"], **fields)

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert field in [detail["field"] for detail in envelope["error"]["details"]]


def test_another_organization_cannot_open_a_quote(world: World) -> None:
    from refundkit_core.domain.errors import Invalid

    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
    found = previewed(world, world.charge()["id"])

    with pytest.raises(Invalid):
        opened(world.container.organizations.secret(other.org_id), found["quoteId"])
