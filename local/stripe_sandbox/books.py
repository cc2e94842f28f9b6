"""One account's objects in one mode. Objects are plain JSON dicts in Stripe's shape."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.stripe_sandbox.accounts import Account

Json = dict[str, Any]


class Table:
    """Objects of one kind by id, with the order in which they came."""

    def __init__(self, noun: str, param: str = "id") -> None:
        self.noun = noun
        self.param = param
        self._rows: dict[str, Json] = {}
        self._order: dict[str, int] = {}

    def put(self, row: Json) -> Json:
        """Store a new object (or the same one again) and return it."""
        self._order.setdefault(row["id"], len(self._order))
        self._rows[row["id"]] = row
        return row

    def get(self, object_id: str) -> Json | None:
        """The object, or None."""
        return self._rows.get(object_id)

    def delete(self, object_id: str) -> None:
        """Drop an object."""
        self._rows.pop(object_id, None)

    def newest_first(self) -> list[Json]:
        """All objects in the order of Stripe's lists."""
        return sorted(self._rows.values(), key=lambda row: (row["created"], self._order[row["id"]]), reverse=True)

    def all(self) -> list[Json]:
        """All objects, oldest first."""
        return list(self._rows.values())


@dataclass
class ChargeNotes:
    """What the sandbox knows about a charge beyond its public fields."""

    refund_ids: list[str] = field(default_factory=list)
    released_minor: int = 0
    refund_behaviour: str | None = None


@dataclass
class EndpointNotes:
    """A webhook endpoint's secret (shown once) and whether it hears connected accounts."""

    secret: str
    connect: bool


class Book:
    """All objects of one (account, mode)."""

    def __init__(self, account: Account, livemode: bool) -> None:
        self.account = account
        self.livemode = livemode
        self.charges = Table("charge")
        self.payment_intents = Table("payment_intent", "intent")
        self.refunds = Table("refund", "refund")
        self.disputes = Table("dispute", "dispute")
        self.warnings = Table("early_fraud_warning", "early_fraud_warning")
        self.customers = Table("customer")
        self.balance_transactions = Table("balance transaction")
        self.events = Table("event")
        self.webhook_endpoints = Table("webhook endpoint", "webhook_endpoint")
        self.charge_notes: dict[str, ChargeNotes] = {}
        self.endpoint_notes: dict[str, EndpointNotes] = {}

    def refunds_of(self, charge_id: str) -> list[Json]:
        """The refunds of a charge, oldest first."""
        rows = (self.refunds.get(refund_id) for refund_id in self.charge_notes[charge_id].refund_ids)
        return [row for row in rows if row is not None]

    def find_any(self, object_id: str) -> Json | None:
        """Whatever object has this id; used by `expand[]`."""
        tables = {
            "ch": self.charges, "py": self.charges, "pi": self.payment_intents, "re": self.refunds,
            "pyr": self.refunds, "du": self.disputes, "cus": self.customers, "txn": self.balance_transactions,
        }  # fmt: skip
        table = tables.get(object_id.partition("_")[0])
        return table.get(object_id) if table else None
