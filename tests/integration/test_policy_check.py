"""``POST /v1/policies/check``: the four answers of document 003, word for word, and everything else that may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from refundkit_core.domain.times import iso

from tests.integration.conftest import World


def checked(world: World, transaction_id: str, **fields: Any) -> dict[str, Any]:
    status, envelope, _ = world.call("POST", "/v1/policies/check", {"transactionId": transaction_id, **fields})
    assert (status, envelope["error"]) == (200, None), envelope
    answer: dict[str, Any] = envelope["data"]
    return answer


def deadline(world: World) -> str:
    return iso(world.clock.now() + timedelta(days=30))


def test_a_transaction_within_the_window_is_eligible_with_its_amount_and_deadline(world: World) -> None:
    charge = world.charge()
    expected = {
        "eligible": True,
        "reason": "Transaction is within the 30-day refund window",
        "maxAmount": 5000,
        "deadline": deadline(world),
        "conditions": [
            "Refund must be requested within 30 days of purchase",
            "Maximum refund amount is the original transaction amount",
        ],
    }

    assert checked(world, charge["id"], amount=2500) == expected
    assert checked(world, charge["id"]) == expected
    assert checked(world, charge["id"], amount=5000) == expected


def test_a_transaction_past_the_window_is_not_eligible_and_names_no_amount(world: World) -> None:
    created = int((world.clock.now() - timedelta(days=45)).timestamp())
    closed = iso(world.clock.now() - timedelta(days=15))

    for fields in ({}, {"amount": 2500}, {"amount": 9999}):
        assert checked(world, world.charge(created=created)["id"], **fields) == {
            "eligible": False,
            "reason": "Transaction exceeds the 30-day refund window",
            "maxAmount": None,
            "deadline": None,
            "conditions": [f"Refund window closed on {closed}"],
        }


def test_only_too_high_an_amount_still_says_how_much_and_until_when(world: World) -> None:
    charge = world.charge()
    world.refund(charge["id"], amount=2000)

    assert checked(world, charge["id"], amount=5000) == {
        "eligible": False,
        "reason": "Requested amount of 5000 exceeds the maximum refundable amount of 3000",
        "maxAmount": 3000,
        "deadline": deadline(world),
        "conditions": [
            "Original transaction amount: 5000",
            "Previous partial refund: 2000",
            "Remaining refundable amount: 3000",
        ],
    }
    assert checked(world, charge["id"], amount=3000)["eligible"] is True
    assert checked(world, charge["id"])["conditions"] == [
        "Refund must be requested within 30 days of purchase",
        "Original transaction amount: 5000",
        "Previous partial refund: 2000",
        "Remaining refundable amount: 3000",
    ]


def test_a_request_that_names_no_transaction_is_400_in_a_sentence(world: World) -> None:
    for body in ({}, {"transactionId": ""}):
        status, envelope, _ = world.call("POST", "/v1/policies/check", body)
        assert (status, envelope["error"]["code"]) == (400, "validation_error")
        assert envelope["error"]["message"] == "Transaction ID is required"
    status, envelope, _ = world.call("POST", "/v1/policies/check", {"transactionId": "ch_1", "amount": -100})
    assert (status, envelope["error"]["message"]) == (400, "Amount must be positive")


def test_the_deadline_itself_is_inside_and_a_second_later_is_not(world: World) -> None:
    charge = world.charge()
    world.clock.advance(days=30)
    assert checked(world, charge["id"])["eligible"] is True
    world.clock.advance(seconds=1)
    assert checked(world, charge["id"])["eligible"] is False


def test_what_no_refund_can_be_made_of_is_not_eligible_and_says_why(world: World) -> None:
    spent = world.charge()
    world.refund(spent["id"], full=True)
    answers = {
        "spent": checked(world, spent["id"], amount=1),
        "uncaptured": checked(world, world.charge(captured=False)["id"]),
        "disputed": checked(world, world.charge(disputed="needs_response")["id"]),
    }

    assert {name: answer["eligible"] for name, answer in answers.items()} == dict.fromkeys(answers, False)
    assert {(answer["maxAmount"], answer["deadline"]) for answer in answers.values()} == {(None, None)}
    assert answers["spent"]["reason"] == "Nothing is left to refund"
    assert answers["spent"]["conditions"][-1] == "Remaining refundable amount: 0"
    assert "not captured" in answers["uncaptured"]["reason"]
    assert "chargeback" in answers["disputed"]["reason"]


def test_it_says_what_opening_the_refund_then_does(world: World) -> None:
    charges = [world.charge(), world.charge(captured=False), world.charge(disputed="lost"), world.charge(amount=100)]
    for charge in charges:
        for amount in (100, 5000):
            eligible = checked(world, charge["id"], amount=amount)["eligible"]
            body = {"transactionId": charge["id"], "amount": amount, "reason": "other"}
            status = world.call("POST", "/v1/refunds", body, headers={"idempotency-key": f"{charge['id']}-{amount}"})[0]
            assert eligible == (status == 201)
            for refund in world.call("GET", "/v1/refunds?status=pending")[1]["data"]:
                world.call("POST", f"/v1/refunds/{refund['id']}/cancel")


def test_checking_opens_nothing_and_reserves_nothing(world: World) -> None:
    charge = world.charge()
    for _ in range(3):
        checked(world, charge["id"], amount=5000)

    assert world.call("GET", "/v1/refunds")[1]["data"] == []
    assert world.refund(charge["id"], full=True)["amount"] == 5000


def test_an_unknown_transaction_is_404_and_an_unconnected_processor_422(world: World) -> None:
    status, envelope, _ = world.call("POST", "/v1/policies/check", {"transactionId": "ch_unknown"})
    assert (status, envelope["error"]["code"]) == (404, "not_found")
    body = {"transactionId": world.charge()["id"]}
    status, envelope, _ = world.call("POST", "/v1/policies/check", body, key=world.organization.live_key)
    assert (status, envelope["error"]["code"]) == (422, "processor_not_connected")
