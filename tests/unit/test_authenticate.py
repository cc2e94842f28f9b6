"""Who asks: a header becomes a caller, and a bad one costs the store nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import pytest
from refundkit.api_keys import hash_api_key
from refundkit_core.application.authenticate import Authenticate
from refundkit_core.domain.errors import RateLimited, Unauthenticated
from refundkit_core.domain.tenancy import Admitted, Caller, Quota

from tests.support.builders import TENANT
from tests.support.clock import START, FixedClock

KEY = "rk_test_0123456789ABCDEFGHIJKLMNOP3uQ5EO"
ADMITTED = Admitted(Caller(TENANT, "key_1", "mem_1", frozenset({"admin"})), Quota(100, 99, 60))


class Asked(NamedTuple):
    """One question to the store of keys."""

    key_hash: str
    at: datetime


class OneKey:
    """The store's part that is asked on every request: knows one key, and notes each question."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.asked: list[Asked] = []
        self._failure = failure

    def admit(self, key_hash: str, now: datetime) -> Admitted:
        self.asked.append(Asked(key_hash, now))
        if self._failure is not None:
            raise self._failure
        return ADMITTED


def authenticate(keys: Any) -> Authenticate:
    return Authenticate(keys, FixedClock())


@pytest.mark.parametrize("header", [f"Bearer {KEY}", f"bearer {KEY}", f"BEARER {KEY}", f"Bearer   {KEY}  "])
def test_a_good_header_is_admitted_and_the_store_sees_only_the_keys_hash(header: str) -> None:
    keys = OneKey()

    assert authenticate(keys)(header) == ADMITTED
    assert keys.asked == [Asked(hash_api_key(KEY), START)]


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        KEY,
        f"Bearer{KEY}",
        f"Basic {KEY}",
        f"Token  {KEY}",
        f"Bearer {KEY[:-1]}",
        f"Bearer {KEY}x",
        f"Bearer {KEY[:-1]}P",
        f"Bearer x {KEY}",
        f"Bearer {KEY}, Bearer {KEY}",
        "Bearer rk_test_" + "é" * 32,
        "Bearer rk_live_" + "\0" * 32,
    ],
)
def test_a_bad_header_is_refused_in_one_way_and_costs_no_look_up(header: str | None) -> None:
    keys = OneKey()

    with pytest.raises(Unauthenticated) as refused:
        authenticate(keys)(header)

    assert refused.value.message == "The API key is missing, malformed, unknown, expired or revoked"
    assert keys.asked == []


@pytest.mark.parametrize("failure", [Unauthenticated(), RateLimited(7, 100)])
def test_what_the_store_refuses_is_refused(failure: Exception) -> None:
    with pytest.raises(type(failure)) as refused:
        authenticate(OneKey(failure))(f"Bearer {KEY}")

    assert refused.value is failure
