"""Accounts, keys, modes, and that nobody sees what is not theirs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests
import stripe

from local.stripe_sandbox import DEFAULT_LIVE_KEY, DEFAULT_TEST_KEY, SandboxServer

from .helpers import Merchant, control, control_answer, error_of, sdk

Ask = Callable[[object, str], object]


def test_the_default_account_is_there_at_start(sandbox: SandboxServer) -> None:
    for key in (DEFAULT_TEST_KEY, DEFAULT_LIVE_KEY):
        assert sdk(sandbox, key).accounts.retrieve_current().id == sandbox.account.id


def test_the_same_name_is_the_same_account(sandbox: SandboxServer) -> None:
    wanted = {
        "name": "acme",
        "id": "acct_fixed",
        "test_secret_key": "sk_test_a",
        "live_secret_key": "sk_live_a",
    }
    made = control(sandbox, "POST", "/_sandbox/accounts", wanted)
    assert {name: made[name] for name in wanted} == wanted
    assert control(sandbox, "POST", "/_sandbox/accounts", {"name": "acme"}) == made
    status, answer = control_answer(
        sandbox, "POST", "/_sandbox/accounts", {"name": "thief", "test_secret_key": "sk_test_a"}
    )
    assert (status, "in use" in answer["error"]["message"]) == (409, True)


@pytest.mark.parametrize("body", [{}, {"name": 5}, {"name": "x", "connected_to": "acct_no"}, {"name": "x", "a": 1}])
def test_a_bad_account_is_refused(sandbox: SandboxServer, body: dict[str, object]) -> None:
    assert control_answer(sandbox, "POST", "/_sandbox/accounts", body)[0] in (400, 409)


def test_basic_authentication_works_as_with_stripe(merchant: Merchant) -> None:
    answer = requests.get(f"{merchant.sandbox.url}/v1/account", auth=(merchant.test_key, ""), timeout=10)
    assert (answer.status_code, answer.json()["id"]) == (200, merchant.id)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "You did not provide an API key"),
        ("Bearer", "You did not provide an API key"),
        ("Basic !!!", "You did not provide an API key"),
        ("Basic /w==", "You did not provide an API key"),
        ("Bearer sk_test_0123456789", "Invalid API Key provided: sk_test_******6789"),
        ("Bearer nonsense", "Invalid API Key provided: ****ense"),
    ],
)
def test_without_a_known_key_nobody_gets_in(sandbox: SandboxServer, header: str | None, message: str) -> None:
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{sandbox.url}/v1/charges", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "invalid_request_error")
    assert answer.json()["error"]["message"].startswith(message)
    assert answer.headers["Request-Id"].startswith("req_")


ASKS: list[tuple[str, Ask]] = [
    ("charges", lambda v1, row_id: v1.charges.retrieve(row_id)),  # type: ignore[attr-defined]
    ("payment_intents", lambda v1, row_id: v1.payment_intents.retrieve(row_id)),  # type: ignore[attr-defined]
    ("refunds", lambda v1, row_id: v1.refunds.retrieve(row_id)),  # type: ignore[attr-defined]
    ("disputes", lambda v1, row_id: v1.disputes.retrieve(row_id)),  # type: ignore[attr-defined]
    ("customers", lambda v1, row_id: v1.customers.retrieve(row_id)),  # type: ignore[attr-defined]
    ("events", lambda v1, row_id: v1.events.retrieve(row_id)),  # type: ignore[attr-defined]
    ("balance_transactions", lambda v1, row_id: v1.balance_transactions.retrieve(row_id)),  # type: ignore[attr-defined]
    ("webhook_endpoints", lambda v1, row_id: v1.webhook_endpoints.retrieve(row_id)),  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("resource", "ask"), ASKS)
def test_objects_are_invisible_to_other_accounts_and_modes(merchant: Merchant, resource: str, ask: Ask) -> None:
    other = Merchant(merchant.sandbox, "other")
    charge = merchant.charge(payment_intent=True, customer={"name": "Ada"})
    merchant.test.refunds.create({"charge": charge["id"], "amount": 1})
    merchant.test.webhook_endpoints.create({"url": "http://127.0.0.1:9/", "enabled_events": ["payout.paid"]})
    control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge['id']}/dispute", {})
    row = getattr(merchant.test, resource).list().data[0]
    for stranger in (merchant.live, other.test, other.live):
        assert getattr(stranger, resource).list().data == []
        with pytest.raises(stripe.InvalidRequestError) as caught:
            ask(stranger, row.id)
        assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")


def test_the_wrong_mode_is_named_but_another_account_is_not(merchant: Merchant) -> None:
    charge = merchant.charge()
    with pytest.raises(stripe.InvalidRequestError, match="a similar object exists in test mode"):
        merchant.live.refunds.create({"charge": charge["id"]})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        Merchant(merchant.sandbox, "other").test.refunds.create({"charge": charge["id"]})
    assert caught.value.user_message == f"No such charge: '{charge['id']}'"


def test_livemode_follows_the_key(merchant: Merchant) -> None:
    assert merchant.charge(key=merchant.live_key)["livemode"] is True
    assert merchant.charge()["livemode"] is False
    assert {event.livemode for event in merchant.live.events.list().data} == {True}


def test_a_platform_acts_on_its_connected_accounts_only(merchant: Merchant) -> None:
    connected = Merchant(merchant.sandbox, "shop", connected_to=merchant.id)
    stranger = Merchant(merchant.sandbox, "stranger")
    charge = connected.charge()
    on_behalf = {"stripe_account": connected.id}
    refund = merchant.test.refunds.create({"charge": charge["id"]}, on_behalf)
    assert connected.test.refunds.retrieve(refund.id).charge == charge["id"]
    assert merchant.test.accounts.retrieve_current(options=on_behalf).id == connected.id
    assert merchant.test.accounts.retrieve(connected.id).id == connected.id
    for account in (stranger.id, "acct_nowhere"):
        with pytest.raises(stripe.PermissionError) as caught:
            merchant.test.charges.list({}, {"stripe_account": account})
        assert (caught.value.http_status, caught.value.code) == (403, None)
        assert error_of(caught).code == "account_invalid"
    with pytest.raises(stripe.InvalidRequestError):
        merchant.test.accounts.retrieve(stranger.id)


def test_reset_of_one_account_leaves_the_others(merchant: Merchant) -> None:
    other = Merchant(merchant.sandbox, "other")
    merchant.charge(), other.charge()
    control(merchant.sandbox, "POST", "/_sandbox/reset", {"account": merchant.id})
    assert merchant.test.charges.list().data == []
    assert len(other.test.charges.list().data) == 1
    control(merchant.sandbox, "POST", "/_sandbox/reset", {})
    assert other.test.charges.list().data == []
    control(merchant.sandbox, "POST", "/_sandbox/reset", {"accounts": True})
    with pytest.raises(stripe.AuthenticationError):
        other.test.charges.list()
