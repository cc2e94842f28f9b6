"""Money, ids, times, keys and states: what everything else stands on."""

from __future__ import annotations

import itertools
import string
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit.api_keys import (
    KEY_LENGTH,
    generate_api_key,
    get_api_key_environment,
    has_valid_checksum,
    hash_api_key,
    is_valid_api_key_format,
)
from refundkit.contracts import refunds as wire
from refundkit_core.domain import refund as refunds
from refundkit_core.domain.errors import Conflict
from refundkit_core.domain.events import of_change
from refundkit_core.domain.ids import derived, event_id, is_id, ulid
from refundkit_core.domain.money import Money, exponent
from refundkit_core.domain.refund import ALLOWED, moved
from refundkit_core.domain.times import from_unix, iso, parse_iso

from tests.support.builders import refund, refund_id
from tests.support.clock import START

AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, AMOUNTS)
def test_money_adds_and_takes_away_without_loss(left: int, right: int) -> None:
    sum_ = Money(left, "usd") + Money(right, "usd")

    assert sum_ == Money(left + right, "usd")
    assert sum_ - Money(right, "usd") == Money(left, "usd")
    assert (Money(left, "usd") < Money(right, "usd")) == (left < right)


def test_money_refuses_to_mix_currencies_and_to_be_anything_but_whole() -> None:
    with pytest.raises(ValueError, match="cannot mix"):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(ValueError, match="cannot mix"):
        assert Money(1, "usd") < Money(1, "eur")
    for wrong in (1.0, True, "1", None):
        with pytest.raises(TypeError):
            Money(wrong, "usd")  # type: ignore[arg-type]
    for currency in ("USD", "us", "usdt", "us€", ""):
        with pytest.raises(ValueError, match="three lower-case letters"):
            Money(1, currency)


@pytest.mark.parametrize(
    ("money", "text"),
    [(Money(2999, "usd"), "29.99 USD"), (Money(500, "jpy"), "500 JPY"), (Money(1250, "kwd"), "1.250 KWD"),
     (Money(5, "eur"), "0.05 EUR"), (Money(0, "usd"), "0.00 USD")],
)  # fmt: skip
def test_money_is_written_with_its_currencys_own_decimals(money: Money, text: str) -> None:
    assert str(money) == text
    assert exponent(money.currency) == len(text.split()[0].partition(".")[2])


@given(
    st.integers(0, 7_000_000_000).map(from_unix),
    st.binary(min_size=10, max_size=10),
)
def test_new_ids_have_their_shape_and_sort_by_time(at: datetime, randomness: bytes) -> None:
    made = ulid("ref", at, randomness)

    assert is_id("ref", made)
    assert not is_id("evt", made)
    assert made < ulid("ref", at + timedelta(milliseconds=1), bytes(10))


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_derived_ids_are_one_for_the_same_parts_and_others_for_others(left: list[str], right: list[str]) -> None:
    secret = b"s" * 32

    assert is_id("ref", derived("ref", secret, *left))
    assert (derived("ref", secret, *left) == derived("ref", secret, *right)) == (left == right)
    assert derived("ref", secret, *left) != derived("ref", b"t" * 32, *left)


def test_event_ids_are_derived_from_the_change_that_they_report() -> None:
    ids = {event_id(refund_id(number), version, START) for number in (1, 2) for version in (1, 2)}

    assert len(ids) == 4
    assert all(is_id("evt", made) for made in ids)
    assert event_id(refund_id(1), 1, START) in ids


@pytest.mark.parametrize(
    "text", ["", "ref_", "ref_abc", "ref_" + "I" * 26, "ref_" + "0" * 27, "REF_" + "0" * 26, "0" * 26]
)
def test_what_is_no_id_is_known_at_sight(text: str) -> None:
    assert not is_id("ref", text)


def test_times_are_utc_with_milliseconds_and_a_z() -> None:
    berlin = timezone(timedelta(hours=1))

    assert iso(datetime(2026, 3, 22, 11, 30, tzinfo=berlin)) == "2026-03-22T10:30:00.000Z"
    assert parse_iso("2026-03-22T10:30:00.000Z") == datetime(2026, 3, 22, 10, 30, tzinfo=UTC)
    assert from_unix(0) == datetime(1970, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="naive"):
        iso(datetime(2026, 3, 22))  # noqa: DTZ001 - this is what must be refused


@pytest.mark.parametrize("environment", ["test", "live"])
def test_a_key_has_the_documented_shape_and_its_checksum(environment: Any) -> None:
    made = generate_api_key(environment)

    assert (len(made.key), len(made.hash), made.prefix) == (KEY_LENGTH, 64, made.key[:16])
    assert is_valid_api_key_format(made.key)
    assert has_valid_checksum(made.key)
    assert get_api_key_environment(made.key) == environment
    assert hash_api_key(made.key) == made.hash


@given(st.integers(8, 39), st.sampled_from(string.ascii_letters + string.digits))
def test_one_wrong_character_breaks_the_checksum(place: int, letter: str) -> None:
    key = generate_api_key("test").key
    mistyped = key[:place] + letter + key[place + 1 :]

    assert has_valid_checksum(mistyped) == (mistyped == key)


@pytest.mark.parametrize("key", ["", "sk_test_abc", "rk_test_short", "rk_prod_" + "a" * 32, "rk_test_" + "é" * 32])
def test_what_is_no_key_is_known_at_sight(key: str) -> None:
    assert not is_valid_api_key_format(key)
    assert not has_valid_checksum(key)


def test_the_sdks_helper_checks_the_shape_only_so_that_documented_examples_pass() -> None:
    assert is_valid_api_key_format("rk_test_aBcDeFgHiJkLmNoPqRsTuVwXyZ012345")
    assert get_api_key_environment("invalid") is None


@pytest.mark.parametrize(("before", "after"), list(itertools.product(ALLOWED, ALLOWED)))
def test_a_refund_moves_only_along_the_table(before: refunds.Status, after: refunds.Status) -> None:
    standing = refund(status=before, version=3, status_detail="something")

    if after in ALLOWED[before]:
        after_move = moved(standing, after, START + timedelta(seconds=1))
        assert (after_move.status, after_move.version, after_move.status_detail) == (after, 4, None)
    else:
        with pytest.raises(Conflict):
            moved(standing, after, START)


def test_the_wire_and_the_domain_know_the_same_words() -> None:
    assert get_args(wire.RefundStatus) == get_args(refunds.Status)
    assert get_args(wire.RefundReason) == get_args(refunds.Reason)
    assert get_args(wire.InitiatedBy) == get_args(refunds.InitiatedBy)


def test_an_event_is_public_where_the_status_is_new_and_carries_no_metadata() -> None:
    opened = refund()
    sent = moved(opened, "processing", START)
    unknown = moved(sent, "processing", START, status_detail="outcome_unknown")

    types = [of_change(None, opened), of_change(opened, sent), of_change(sent, unknown)]

    assert [(event.type, event.public) for event in types] == [
        ("refund.initiated", True),
        ("refund.processing", True),
        ("refund.outcome_unknown", False),
    ]
    assert set(types[0].payload) == {
        "refundId", "transactionId", "amount", "currency", "processor", "externalRefundId", "status", "statusDetail",
        "reason",
    }  # fmt: skip
