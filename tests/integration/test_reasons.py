"""The twelve reasons, and what Stripe is told of each (document 002, "Reason mapping")."""

from __future__ import annotations

from typing import get_args

import pytest
from refundkit.contracts.refunds import RefundReason
from refundkit_core.domain.refund import Reason

from tests.integration.conftest import World

AT_STRIPE = {
    "duplicate_charge": "duplicate",
    "product_not_received": "requested_by_customer",
    "product_defective": "requested_by_customer",
    "wrong_product": "requested_by_customer",
    "sizing_issue": "requested_by_customer",
    "item_not_as_described": "requested_by_customer",
    "order_cancelled": "requested_by_customer",
    "return_window_closing": "requested_by_customer",
    "subscription_cancelled": None,
    "agent_error": None,
    "price_change": None,
    "other": None,
}


@pytest.mark.parametrize("reason", AT_STRIPE)
def test_a_reason_is_kept_and_told_in_stripes_words(shared: World, reason: str) -> None:
    created = int(shared.clock.now().timestamp())
    opened = shared.refund(shared.charge(created=created)["id"], reason=reason)
    shared.execute(opened["id"])

    (paid,) = shared.paid_at_stripe(opened["id"])
    assert shared.shown(opened["id"])["reason"] == reason
    assert paid["reason"] == AT_STRIPE[reason]


def test_there_are_twelve_on_the_wire_and_inside() -> None:
    assert set(get_args(RefundReason)) == set(get_args(Reason)) == AT_STRIPE.keys()
    assert len(AT_STRIPE) == 12
