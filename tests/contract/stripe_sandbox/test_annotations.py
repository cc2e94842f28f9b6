"""The checker itself: it passes what the sandbox answers, and catches each class of defect."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from .annotations import problems_of
from .helpers import Merchant, control

Json = dict[str, Any]


@pytest.fixture
def shown(merchant: Merchant) -> dict[str, Json]:
    """One good object of every kind, by its kind."""
    v1, raw = merchant.test, {}
    charge = merchant.charge(amount=1000, payment_intent=True, customer={"name": "Ada", "email": "ada@example.com"})
    merchant.fault("refund_requires_action")
    waiting = v1.refunds.create({"charge": charge["id"], "amount": 100})
    failed = v1.refunds.create({"charge": charge["id"], "amount": 100})
    control(merchant.sandbox, "POST", f"/_sandbox/refunds/{failed.id}", {"status": "failed"})
    control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge['id']}/early_fraud_warning", {})
    dispute = control(merchant.sandbox, "POST", f"/_sandbox/charges/{charge['id']}/dispute", {})
    raw["refund"] = v1.refunds.retrieve(failed.id, {"expand": ["charge", "balance_transaction"]})
    raw["waiting"] = v1.refunds.retrieve(waiting.id)
    raw["charge"] = v1.charges.retrieve(charge["id"], {"expand": ["refunds", "customer"]})
    raw["intent"] = v1.payment_intents.retrieve(charge["payment_intent"])
    raw["dispute"] = v1.disputes.retrieve(dispute["id"])
    raw["warning"] = v1.radar.early_fraud_warnings.list().data[0]
    raw["customer"] = v1.customers.retrieve(charge["customer"])
    raw["movement"] = v1.balance_transactions.retrieve(charge["balance_transaction"])
    raw["event"] = v1.events.list({"type": "refund.updated"}).data[0]
    raw["endpoint"] = v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.pending"]}
    )
    raw["account"] = v1.accounts.retrieve_current()
    raw["list"] = v1.refunds.list()
    return {name: value.to_dict() for name, value in raw.items()}


KINDS = (
    "refund", "waiting", "charge", "intent", "dispute", "warning", "customer", "movement", "event",
    "endpoint", "account", "list",
)  # fmt: skip


def test_everything_that_the_sandbox_answers_is_as_annotated(shown: dict[str, Json]) -> None:
    assert tuple(shown) == KINDS
    assert {name: problems_of(value) for name, value in shown.items()} == {name: [] for name in KINDS}


def test_an_unknown_field_is_caught_on_every_kind(shown: dict[str, Json]) -> None:
    for name, value in shown.items():
        assert any("no such field" in bad for bad in problems_of({**value, "colour": "red"})), name


def test_a_missing_required_field_is_caught_on_every_kind(shown: dict[str, Json]) -> None:
    for name, value in shown.items():
        key = "url" if name == "list" else "id"
        broken = {field: item for field, item in value.items() if field != key}
        assert any("missing" in bad for bad in problems_of(broken)), name


Break = Callable[[Json], Any]


def _put(*path: str | int, value: Any) -> Break:
    def change(row: Any) -> None:
        for step in path[:-1]:
            row = row[step]
        row[path[-1]] = value

    return change


def _drop(*path: str | int) -> Break:
    def change(row: Any) -> None:
        for step in path[:-1]:
            row = row[step]
        del row[path[-1]]

    return change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("refund", _put("amount", value="100")),
        ("refund", _put("amount", value=True)),
        ("refund", _put("amount", value=100.0)),
        ("refund", _put("amount", value=None)),
        ("refund", _put("currency", value=5)),
        ("refund", _put("metadata", "order", value=8)),
        ("refund", _put("object", value="charge")),
        ("charge", _put("captured", value="true")),
        ("charge", _put("billing_details", value=None)),
        ("charge", _put("payment_method_details", "card", "exp_month", value="8")),
        ("charge", _put("refunds", value=[])),
        ("dispute", _put("balance_transactions", value={})),
        ("list", _put("data", value={})),
        ("list", _put("has_more", value=0)),
    ],
)
def test_a_wrong_type_is_caught(shown: dict[str, Json], kind: str, change: Break) -> None:
    broken = copy.deepcopy(shown[kind])
    change(broken)
    assert problems_of(broken)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("refund", _put("reason", value="changed_mind")),
        ("refund", _put("status", value="done")),
        ("refund", _put("failure_reason", value="bad_luck")),
        ("refund", _put("destination_details", "card", "type", value="gift")),
        ("charge", _put("status", value="refunded")),
        ("intent", _put("status", value="refunded")),
        ("intent", _put("capture_method", value="later")),
        ("dispute", _put("status", value="opened")),
        ("warning", _put("fraud_type", value="aliens")),
        ("movement", _put("type", value="gift")),
        ("movement", _put("status", value="gone")),
        ("customer", _put("tax_exempt", value="always")),
        ("event", _put("type", value="refund.exploded")),
        ("account", _put("type", value="savings")),
        ("endpoint", _put("status", value="asleep")),
    ],
)
def test_a_value_outside_its_enum_is_caught(shown: dict[str, Json], kind: str, change: Break) -> None:
    broken = copy.deepcopy(shown[kind])
    change(broken)
    assert len(problems_of(broken)) == 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("refund", _drop("charge", "billing_details")),
        ("refund", _put("balance_transaction", "colour", value="red")),
        ("waiting", _drop("next_action", "display_details", "email_sent", "email_sent_to")),
        ("charge", _put("refunds", "data", 0, "amount", value="1")),
        ("charge", _drop("payment_method_details", "card", "network_token", "used")),
        ("charge", _put("customer", "balance", value="0")),
        ("dispute", _drop("evidence_details", "has_evidence")),
        ("dispute", _put("balance_transactions", 0, "fee", value=None)),
        ("event", _drop("data", "object")),
        ("event", _put("data", "object", "amount", value="1")),
        ("event", _put("data", "previous_attributes", "colour", value="red")),
        ("event", _put("data", "previous_attributes", "status", value=7)),
        ("event", _put("request", "id", value=7)),
        ("list", _put("data", 0, "reason", value="changed_mind")),
        ("list", _put("data", 0, "colour", value="red")),
    ],
)
def test_a_defect_deep_inside_is_caught(shown: dict[str, Json], kind: str, change: Break) -> None:
    broken = copy.deepcopy(shown[kind])
    change(broken)
    assert problems_of(broken)
