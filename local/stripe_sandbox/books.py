"""One account's objects in one mode. Objects are plain JSON dicts in Stripe's shape."""

from __future__ import annotations

from bisect import insort
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
        self._order: list[tuple[int, int, str]] = []
        self._count = 0

    def put(self, row: Json) -> Json:
        """Store a new object and return it. Its `created` is final: it decides the place in lists."""
        self._count += 1
        insort(self._order, (row["created"], self._count, row["id"]))
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
        return [self._rows[object_id] for _, _, object_id in reversed(self._order) if object_id in self._rows]

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

    def refunds_newest_first(self, charge_id: str | None) -> list[Json]:
        """All refunds, or those of one charge: its own index keeps that quick however many there are."""
        if charge_id is None or charge_id not in self.charge_notes:
            return self.refunds.newest_first()
        rows = self.refunds_of(charge_id)
        rows.reverse()
        return sorted(rows, key=lambda row: -row["created"])

    def find_any(self, object_id: str) -> Json | None:
        """Whatever object has this id; used by `expand[]`."""
        tables = {
            "ch": self.charges, "py": self.charges, "pi": self.payment_intents, "re": self.refunds,
            "pyr": self.refunds, "du": self.disputes, "cus": self.customers, "txn": self.balance_transactions,
        }  # fmt: skip
        table = tables.get(object_id.partition("_")[0])
        return table.get(object_id) if table else None
