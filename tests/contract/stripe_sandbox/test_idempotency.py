"""Idempotency as Stripe documents it: 24 hours, per account and mode, saved once execution begins."""

from __future__ import annotations

import json

import pytest
import requests
import stripe

from .helpers import Merchant, at_once, control, wait_for


def post(
    merchant: Merchant, key: str, path: str = "/v1/refunds", secret: str = "", **form: object
) -> requests.Response:
    """A raw POST, to see status, headers and bytes."""
    headers = {"Authorization": f"Bearer {secret or merchant.test_key}", "Idempotency-Key": key}
    return requests.post(merchant.sandbox.url + path, data=form, headers=headers, timeout=10)


def test_a_replay_answers_the_saved_bytes_and_does_nothing(merchant: Merchant) -> None:
    charge = merchant.charge()
    first = post(merchant, "k1", charge=charge["id"], amount=100)
    control(merchant.sandbox, "POST", f"/_sandbox/refunds/{first.json()['id']}", {"status": "failed"})
    again = post(merchant, "k1", amount=100, charge=charge["id"])
    assert (again.status_code, again.content) == (200, first.content)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Original-Request"] == first.headers["Request-Id"] != again.headers["Request-Id"]
    assert len(merchant.test.refunds.list().data) == 1


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/v1/refunds", {"amount": 101}),
        ("/v1/refunds", {"amount": 100, "metadata[a]": "b"}),
        ("/v1/charges", {"amount": 100}),
    ],
)
def test_a_key_belongs_to_its_first_request(merchant: Merchant, path: str, form: dict[str, object]) -> None:
    charge = merchant.charge()
    post(merchant, "k1", charge=charge["id"], amount=100)
    other = {"charge": charge["id"], **form} if path == "/v1/refunds" else {**form, "currency": "usd"}
    refused = post(merchant, "k1", path, **other)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "idempotency_error")
    with pytest.raises(stripe.IdempotencyError):
        merchant.test.refunds.create({"charge": charge["id"], "amount": 99}, {"idempotency_key": "k1"})


def test_a_refusal_by_the_operation_is_saved(merchant: Merchant) -> None:
    charge = merchant.charge(amount=1000)
    first = merchant.test.refunds.create({"charge": charge["id"], "amount": 900})
    refused = post(merchant, "k1", charge=charge["id"], amount=200)
    control(merchant.sandbox, "POST", f"/_sandbox/refunds/{first.id}", {"status": "failed"})
    again = post(merchant, "k1", charge=charge["id"], amount=200)
    assert (again.status_code, again.content) == (400, refused.content)


def test_a_refusal_before_execution_is_not_saved(merchant: Merchant) -> None:
    charge = merchant.charge()
    assert post(merchant, "k1", charge=charge["id"], colour="red").status_code == 400
    assert post(merchant, "k1", charge=charge["id"], amount=100).status_code == 200


@pytest.mark.parametrize(
    ("kind", "status"), [("status_401", 401), ("status_403", 403), ("status_429", 429), ("status_503", 503),
                         ("status_409_in_use", 409)]
)  # fmt: skip
def test_a_rejection_at_the_door_is_not_saved(merchant: Merchant, kind: str, status: int) -> None:
    charge = merchant.charge()
    merchant.fault(kind)
    assert post(merchant, "k1", charge=charge["id"]).status_code == status
    again = post(merchant, "k1", charge=charge["id"])
    assert (again.status_code, "Idempotent-Replayed" in again.headers) == (200, False)


@pytest.mark.parametrize(("kind", "refunds_made"), [("status_500", 0), ("status_500_after", 1)])
def test_a_saved_500_is_replayed_as_500(merchant: Merchant, kind: str, refunds_made: int) -> None:
    charge = merchant.charge()
    merchant.fault(kind)
    first = post(merchant, "k1", charge=charge["id"])
    again = post(merchant, "k1", charge=charge["id"])
    assert (first.status_code, again.status_code) == (500, 500)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(merchant.test.refunds.list().data) == refunds_made
    assert post(merchant, "k2", charge=charge["id"]).status_code == (400 if refunds_made else 200)


def test_a_key_in_flight_is_409_and_then_replays(merchant: Merchant) -> None:
    charge = merchant.charge()
    merchant.fault("slow")

    def slow_or_second(index: int) -> requests.Response:
        if index == 1:
            wait_for(lambda: merchant.requests(fault="slow"))
        answer = post(merchant, "k1", charge=charge["id"])
        if index == 1:
            control(merchant.sandbox, "POST", "/_sandbox/faults/release")
        return answer

    first, second = at_once(2, slow_or_second)
    assert second.status_code == 409
    assert second.json()["error"]["code"] == "idempotency_key_in_use"
    assert second.headers["Stripe-Should-Retry"] == "true"
    assert first.status_code == 200
    assert post(merchant, "k1", charge=charge["id"]).content == first.content


def test_many_threads_with_one_key_have_one_effect(merchant: Merchant) -> None:
    charge = merchant.charge()
    answers = at_once(20, lambda _: post(merchant, "k1", charge=charge["id"], amount=10))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert merchant.test.charges.retrieve(charge["id"]).amount_refunded == 10


def test_a_key_is_forgotten_after_24_hours(merchant: Merchant) -> None:
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"now": 1_800_000_000})
    charge = merchant.charge()
    first = post(merchant, "k1", charge=charge["id"], amount=10).json()["id"]
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": 86_399})
    assert post(merchant, "k1", charge=charge["id"], amount=10).json()["id"] == first
    control(merchant.sandbox, "POST", "/_sandbox/clock", {"advance_s": 1})
    assert post(merchant, "k1", charge=charge["id"], amount=10).json()["id"] != first


def test_accounts_and_modes_do_not_share_keys(merchant: Merchant) -> None:
    other = Merchant(merchant.sandbox, "other")
    ids = set()
    for who, secret in (
        (merchant, merchant.test_key),
        (merchant, merchant.live_key),
        (other, other.test_key),
    ):
        charge = who.charge(key=secret)
        ids.add(post(who, "k1", secret=secret, charge=charge["id"]).json()["id"])
    assert len(ids) == 3


def test_a_key_has_at_most_255_characters(merchant: Merchant) -> None:
    charge = merchant.charge()
    assert post(merchant, "k" * 255, charge=charge["id"], amount=1).status_code == 200
    refused = post(merchant, "k" * 256, charge=charge["id"], amount=1)
    assert (refused.status_code, "255" in json.dumps(refused.json())) == (400, True)


def test_get_and_delete_ignore_the_key(merchant: Merchant) -> None:
    charge = merchant.charge()
    headers = {"Authorization": f"Bearer {merchant.test_key}", "Idempotency-Key": "k1"}
    url = f"{merchant.sandbox.url}/v1/charges/{charge['id']}"
    before = requests.get(url, headers=headers, timeout=10).json()
    merchant.test.refunds.create({"charge": charge["id"]})
    after = requests.get(url, headers=headers, timeout=10)
    assert (before["refunded"], after.json()["refunded"]) == (False, True)
    assert "Idempotent-Replayed" not in after.headers
