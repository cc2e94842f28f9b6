"""What a caller says of a request, held against what the shop registered: the shop's word beats the caller's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

from refundkit_core.domain.facts import Delivery, Item, known
from refundkit_core.domain.orders import Order


class Evidence(NamedTuple):
    """One piece of evidence: its kind, and where it can be found."""

    kind: str
    reference: str


class Claim(NamedTuple):
    """What a caller says beside the transaction and the amount; nothing of it is taken for granted."""

    items: tuple[Item, ...] = ()
    delivery: Delivery = Delivery()
    customer_id: str | None = None
    evidence: tuple[Evidence, ...] = ()
    ip_country: str | None = None

    def as_record(self) -> dict[str, Any]:
        """The claim as JSON knows it, without what was not said."""
        said = {
            "items": [known(item) for item in self.items],
            "delivery": known(self.delivery),
            "customer": self.customer_id,
            "evidence": [list(piece) for piece in self.evidence],
            "ip_country": self.ip_country,
        }
        return {name: value for name, value in said.items() if value}


class Settled(NamedTuple):
    """What holds of both. ``contradictions`` names what the caller said otherwise, in a fixed order."""

    items: tuple[Item, ...]
    delivery: Delivery
    contradictions: tuple[str, ...]


def settled(claim: Claim, order: Order | None, processors_customer: str | None) -> Settled:
    """Items, delivery and contradictions of a claim, given what was registered and whom the processor names.

    Where items were registered and the caller names none, all of them are meant: nobody escapes a rule by silence.
    """
    if order is None:
        return Settled(claim.items, claim.delivery, ())
    said: list[str] = []
    items = claim.items
    if order.items:
        items = _as_sold(claim.items, order.items, said) or order.items
    delivery = _merged(claim.delivery, order.delivery, said)
    known = (order.customer_id, processors_customer)
    if None not in (claim.customer_id, order.customer_id) and claim.customer_id not in known:
        said.append("customer")
    if claim.ip_country is not None and order.ip_country not in (None, claim.ip_country):
        said.append("ip_country")
    return Settled(items, delivery, tuple(sorted(set(said))))


def _as_sold(claimed: tuple[Item, ...], order: tuple[Item, ...], said: list[str]) -> tuple[Item, ...]:
    """The claimed lines as the shop sold them; naming one twice does not bring more back than was bought."""
    used: Counter[str | None] = Counter()
    sold = []
    for item in claimed:
        line = _registered(item, order, used[item.sku], said)
        used[item.sku] += line.quantity
        sold.append(line)
    return tuple(sold)


def _registered(item: Item, order: tuple[Item, ...], used: int, said: list[str]) -> Item:
    """A line as the shop sold it, in the quantity that is claimed, up to what was bought and not ``used`` yet."""
    lines = [line for line in order if line.sku == item.sku and item.sku is not None]
    if not lines:
        said.append("item_not_in_order")
        return item
    line = lines[0]
    if item.category not in (None, line.category):
        said.append("item_category")
    if item.flags and set(item.flags) != set(line.flags):
        said.append("item_flags")
    left = max(line.quantity - used, 0)
    if item.quantity > left:
        said.append("item_quantity")
    quantity = min(item.quantity, left)
    worth = None if line.amount_minor is None else line.amount_minor * quantity // line.quantity
    if item.amount_minor is not None and worth not in (None, item.amount_minor):
        said.append("item_amount")
    return replace(line, quantity=quantity, amount_minor=worth)


def _merged(claimed: Delivery, registered: Delivery, said: list[str]) -> Delivery:
    merged: Mapping[str, Any] = {
        field.name: getattr(registered, field.name)
        if getattr(registered, field.name) is not None
        else getattr(claimed, field.name)
        for field in fields(Delivery)
    }
    for name, holds in merged.items():
        if getattr(claimed, name) not in (None, holds):
            said.append(f"delivery_{name}")
    return Delivery(**merged)
