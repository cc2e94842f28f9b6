"""A charge's other names cost one look-up each, whichever name came first."""

from __future__ import annotations

import pytest

from tests.integration.conftest import World
from tests.integration.test_money_path import post


@pytest.mark.parametrize("first", ["id", "payment_intent"])
def test_a_second_refund_by_the_payment_intent_asks_stripe_nothing(world: World, first: str) -> None:
    charge = world.charge(payment_intent=True)
    for number, name in enumerate((charge[first], charge["payment_intent"])):
        assert post(world, name, 100, headers={"Idempotency-Key": f"key-{number}"})[0] == 201
    asked = len(world.stripe("GET", "/_sandbox/requests?limit=1000")["data"])

    assert post(world, charge["payment_intent"], 100, headers={"Idempotency-Key": "key-3"})[0] == 201

    assert len(world.stripe("GET", "/_sandbox/requests?limit=1000")["data"]) == asked
