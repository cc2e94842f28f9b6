"""Every fault as the SDK sees it, and what it leaves behind."""

from __future__ import annotations

import pytest
import stripe

from local.stripe_sandbox import faults

from .helpers import DEADLINE_S, CheckedHttpClient, Merchant, control, control_answer, error_of, sdk, wait_for

IMPATIENT_S = 0.3


def test_every_kind_of_fault_is_tried_below_or_among_refunds_and_idempotency() -> None:
    tried = {kind for kind, *_ in SEEN_BY_THE_SDK} | {"slow"} | set(faults.OUTCOME)
    assert tried == set(faults.KINDS)


SEEN_BY_THE_SDK = [
    ("timeout_before", stripe.APIConnectionError, None, 0),
    ("timeout_after", stripe.APIConnectionError, None, 1),
    ("drop_before", stripe.APIConnectionError, None, 0),
    ("drop_after", stripe.APIConnectionError, None, 1),
    ("status_500", stripe.APIError, 500, 0),
    ("status_500_after", stripe.APIError, 500, 1),
    ("status_503", stripe.APIError, 503, 0),
    ("status_429", stripe.RateLimitError, 429, 0),
    ("status_401", stripe.AuthenticationError, 401, 0),
    ("status_403", stripe.PermissionError, 403, 0),
    ("status_409_in_use", stripe.APIError, 409, 0),
]


@pytest.mark.parametrize(("kind", "error", "status", "refunds_made"), SEEN_BY_THE_SDK)
def test_a_fault_reaches_the_sdk_and_a_retry_under_the_same_key_settles_it(
    merchant: Merchant, kind: str, error: type[stripe.StripeError], status: int | None, refunds_made: int
) -> None:
    charge = merchant.charge()
    merchant.fault(kind)
    patience_s = IMPATIENT_S if kind.startswith("timeout") else DEADLINE_S
    caller = sdk(merchant.sandbox, merchant.test_key, patience_s)
    with pytest.raises(error) as caught:
        caller.refunds.create({"charge": charge["id"]}, {"idempotency_key": "k1"})
    assert (type(caught.value), caught.value.http_status) == (error, status)
    assert len(merchant.test.refunds.list().data) == refunds_made
    assert merchant.requests(operation="refunds.create")[0]["fault"] == kind
    if not kind.startswith("status_500"):
        refund = merchant.test.refunds.create({"charge": charge["id"]}, {"idempotency_key": "k1"})
        assert [row.id for row in merchant.test.refunds.list().data] == [refund.id]
        assert merchant.requests(operation="refunds.create")[0]["replayed"] is bool(refunds_made)


def test_a_slow_request_takes_effect_after_its_client_gave_up(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.fault("slow", hold_s=20)
    impatient = sdk(merchant.sandbox, merchant.test_key, IMPATIENT_S)
    with pytest.raises(stripe.APIConnectionError):
        impatient.refunds.create({"charge": charge["id"]}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.APIError) as caught:
        merchant.test.refunds.create({"charge": charge["id"]}, {"idempotency_key": "k1"})
    assert (caught.value.http_status, error_of(caught).code) == (409, "idempotency_key_in_use")
    assert merchant.test.refunds.list().data == []
    control(merchant.sandbox, "POST", "/_sandbox/faults/release")
    (refund,) = wait_for(lambda: merchant.test.refunds.list().data)
    replayed = merchant.test.refunds.create({"charge": charge["id"]}, {"idempotency_key": "k1"})
    assert replayed.id == refund.id


def test_a_hold_ends_by_itself(merchant: Merchant) -> None:
    merchant.fault("timeout_before", operation="charges.list", hold_s=0.05)
    with pytest.raises(stripe.APIConnectionError):
        merchant.test.charges.list()


def test_a_fault_strikes_as_often_as_asked(merchant: Merchant) -> None:
    merchant.fault("status_503", operation="charges.list", times=2)
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            merchant.test.charges.list()
    assert merchant.test.charges.list().data == []
    assert control(merchant.sandbox, "GET", "/_sandbox/faults")["data"] == []


@pytest.mark.parametrize(
    ("operation", "struck"),
    [("*", True), ("refunds.*", True), ("refunds.list", True), ("charges.list", False)],
)
def test_a_fault_strikes_the_operations_that_it_names(merchant: Merchant, operation: str, struck: bool) -> None:
    merchant.fault("status_429", operation=operation)
    if struck:
        with pytest.raises(stripe.RateLimitError):
            merchant.test.refunds.list()
    else:
        assert merchant.test.refunds.list().data == []


def test_a_fault_strikes_one_account_only(merchant: Merchant) -> None:
    other = Merchant(merchant.sandbox, "other")
    merchant.fault("status_429", operation="*")
    assert other.test.charges.list().data == []
    with pytest.raises(stripe.RateLimitError):
        merchant.test.charges.list()


def test_a_fault_strikes_the_parameters_that_it_names(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.fault("status_500", match={"metadata[order]": "8"})
    fields = {"charge": charge["id"], "amount": 10}
    assert merchant.test.refunds.create({**fields, "metadata": {"order": "7"}}).status == "succeeded"
    with pytest.raises(stripe.APIError):
        merchant.test.refunds.create({**fields, "metadata": {"order": "8"}})


def test_an_outcome_and_a_lost_answer_can_meet(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.fault("refund_pending")
    merchant.fault("drop_after")
    with pytest.raises(stripe.APIConnectionError):
        merchant.test.refunds.create({"charge": charge["id"]})
    assert [row.status for row in merchant.test.refunds.list().data] == ["pending"]


def test_cleared_faults_strike_nobody(merchant: Merchant) -> None:
    merchant.fault("status_503", operation="*", times=99)
    assert control(merchant.sandbox, "DELETE", "/_sandbox/faults")["cleared"] == 1
    assert merchant.test.charges.list().data == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kind": "meteor"},
        {"kind": "status_500", "operation": "refunds.eat"},
        {"kind": "status_500", "times": 0},
        {"kind": "status_500", "times": "two"},
        {"kind": "status_500", "times": True},
        {"kind": "status_500", "hold_s": -1},
        {"kind": "status_500", "account": "acct_nowhere"},
        {"kind": "refund_failed_now", "failure_reason": "bad_luck"},
        {"kind": "status_500", "colour": "red"},
    ],
)
def test_a_bad_fault_is_refused_with_advice(merchant: Merchant, body: dict[str, object]) -> None:
    status, answer = control_answer(merchant.sandbox, "POST", "/_sandbox/faults", body)
    assert status in (400, 404)
    assert set(answer["error"]) == {"message", "next"}


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "status_409_in_use", "status_503"])
def test_the_sdk_retries_by_itself_under_one_key(
    merchant: Merchant, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    charge = merchant.charge()
    merchant.fault(kind)
    transport = CheckedHttpClient(timeout=10)
    monkeypatch.setattr(transport, "_sleep_time_seconds", lambda *_: 0)
    client = stripe.StripeClient(
        merchant.test_key,
        base_addresses={"api": merchant.sandbox.url},
        max_network_retries=1,
        http_client=transport,
    )
    refund = client.v1.refunds.create({"charge": charge["id"]})
    second, first = merchant.requests(operation="refunds.create")
    assert first["idempotency_key"] == second["idempotency_key"] is not None
    assert (first["fault"], second["fault"], second["replayed"]) == (kind, None, kind == "drop_after")
    assert [row.id for row in merchant.test.refunds.list().data] == [refund.id]
