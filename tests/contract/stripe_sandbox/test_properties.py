"""A property of every history: a charge's refunds never exceed its capture, and its books always agree."""

from __future__ import annotations

from typing import Any

import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .helpers import Merchant, control_answer

STATUSES = ("succeeded", "failed", "canceled", "pending", "requires_action")
KINDS = (
    None, "refund_pending", "refund_fail_later", "refund_requires_action", "refund_failed_now",
    "refund_pending_then_failed", "refund_pending_then_succeeded",
)  # fmt: skip
Step = tuple[str, Any, Any]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("refund"), st.integers(1, 700), st.sampled_from(KINDS)),
    st.tuples(st.just("refund_rest"), st.none(), st.none()),
    st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from(STATUSES)),
    st.tuples(st.just("force"), st.integers(0, 9), st.sampled_from(STATUSES)),
    st.tuples(st.just("cancel"), st.integers(0, 9), st.none()),
    st.tuples(st.just("advance"), st.sampled_from((1, 10)), st.none()),
)


def take(merchant: Merchant, charge_id: str, made: list[str], step: Step) -> None:
    """One step; refusals are part of the game."""
    kind, first, second = step
    try:
        if kind in ("refund", "refund_rest"):
            if second:
                merchant.fault(second)
            amount = {"amount": first} if first else {}
            made.append(merchant.test.refunds.create({"charge": charge_id, **amount}).id)
        elif kind == "advance":
            control_answer(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": first})
        elif made and kind == "cancel":
            merchant.test.refunds.cancel(made[first % len(made)])
        elif made:
            body = {"status": second, "force": kind == "force"}
            control_answer(merchant.sandbox, "POST", f"/_sandbox/refunds/{made[first % len(made)]}", body)
    except stripe.InvalidRequestError:
        pass


@settings(
    max_examples=80, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(steps=st.lists(STEPS, max_size=12), captured=st.integers(1, 1000))
def test_refunds_that_live_add_up_and_never_exceed_the_capture(
    merchant: Merchant, steps: list[Step], captured: int
) -> None:
    control_answer(merchant.sandbox, "POST", "/_sandbox/clock", {"now": 1_800_000_000})
    control_answer(merchant.sandbox, "DELETE", "/_sandbox/faults")
    charge = merchant.charge(amount=1000, amount_captured=captured)
    made: list[str] = []
    for step in steps:
        take(merchant, charge["id"], made, step)
        shown = merchant.test.charges.retrieve(charge["id"])
        refunds = merchant.test.refunds.list({"charge": charge["id"], "limit": 100}).data
        alive = sum(row.amount for row in refunds if row.status not in ("failed", "canceled"))
        assert shown.amount_refunded == alive <= shown.amount_captured == captured
        assert shown.refunded is (alive == captured)
