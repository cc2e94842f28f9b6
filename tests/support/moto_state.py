"""What moto holds, kept and put back: to make the same parts for every test took longer than most tests.

moto copies a whole table for each transaction and sorts it for each query, so a test that does the same thing fifty
times is quicker when it begins each time with what it held at first.
"""

from __future__ import annotations

import copy
import copyreg
import os
from collections.abc import Callable
from threading import Condition
from typing import Any, NamedTuple, TypeVar, cast

from moto.core.base_backend import BackendDict
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

Made = TypeVar("Made")

copyreg.pickle(Condition, lambda _: (Condition, ()))  # moto's queues have one, and a copy needs its own


class Kept(NamedTuple):
    """moto's stores at a moment: each with its account and region, and what their attributes were then."""

    stores: list[tuple[BackendDict[Any], str, str, Any]]
    states: list[dict[str, Any]]

    @classmethod
    def taken(cls) -> Kept:
        """What moto holds now."""
        used: list[BackendDict[Any]] = list(BackendDict._instances)  # type: ignore[misc]  # it names no type
        stores = [(each, *place) for each in used for place in each.iter_backends()]
        themselves = {id(store): store for *_, store in stores}
        return cls(stores, [copy.deepcopy(vars(store), dict(themselves)) for *_, store in stores])

    def put_back(self) -> None:
        """Let the stores hold again what they held then; a store that was not in use then keeps what it has."""
        now = {id(store): each[account][region] for each, account, region, store in self.stores}
        for store, state in zip(now.values(), self.states, strict=True):
            store.__dict__ = copy.deepcopy(state, dict(now))


_made: dict[tuple[str, str | None], tuple[Any, Kept]] = {}


def made_once(name: str, make: Callable[[], Made]) -> Made:
    """What `make` gives, which nobody may change; after the first time, by putting back what moto held after it.

    To be called before a test holds anything in the stores that `make` writes to: it would be lost.
    """
    key = (name, os.environ.get("AWS_DEFAULT_REGION"))
    if key in _made:
        made, kept = _made[key]
        kept.put_back()
    else:
        made = make()
        _made[key] = made, Kept.taken()
    return cast("Made", made)


def items_of(table: str) -> list[dict[str, Any]]:
    """A table's items as a scan would give them, which takes moto fifty times as long."""
    store = dynamodb_backends[DEFAULT_ACCOUNT_ID][os.environ["AWS_DEFAULT_REGION"]]
    return [item.to_json()["Attributes"] for item in store.get_table(table).all_items()]
