"""Ids: sortable by time or derived, and the same tomorrow for what they were made of today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from refundkit_core.domain.ids import derived, event_id, hashed_id, is_id, time_of, ulid

from tests.support.clock import START

SECRET = b"s" * 32


def test_a_new_id_holds_its_millisecond_and_its_randomness() -> None:
    assert ulid("ref", datetime(1970, 1, 1, tzinfo=UTC), bytes(10)) == "ref_" + "0" * 26
    assert ulid("ref", START, bytes(range(10))) == "ref_01M7WD7TG0000G40R40M30E209"
    assert ulid("evt", START, b"\xff" * 10) == "evt_01M7WD7TG0ZZZZZZZZZZZZZZZZ"


def test_ids_of_one_instant_are_alike_in_every_time_zone() -> None:
    in_berlin = START.astimezone(timezone(timedelta(hours=1)))

    assert ulid("ref", in_berlin, bytes(10)) == ulid("ref", START, bytes(10))


def test_ids_sort_by_the_time_when_they_were_made() -> None:
    at = [START + timedelta(milliseconds=number) for number in range(100)]

    made = [ulid("ref", instant, b"\xff" * 10) for instant in at]

    assert made == sorted(made)
    assert len(set(made)) == 100


@pytest.mark.parametrize("size", [0, 9, 11])
def test_an_id_takes_ten_random_bytes(size: int) -> None:
    with pytest.raises(ValueError, match=r"^a ULID takes 10 random bytes$"):
        ulid("ref", START, bytes(size))


def test_an_idempotency_keys_refund_has_the_same_id_for_good() -> None:
    assert derived("ref", SECRET, "org_1", "live", "key-1") == "ref_9Y6YFCVKBN9X4GW1BV27W48C4B"


def test_a_derived_id_depends_on_the_secret_and_on_every_part_and_where_parts_end() -> None:
    made = {
        derived("ref", secret, *parts)
        for secret in (SECRET, b"t" * 32)
        for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ("c", "ab"), ())
    }

    assert len(made) == 14
    assert all(is_id("ref", one) for one in made)


def test_an_event_is_known_again_by_its_id_however_often_it_is_sent() -> None:
    at = datetime(2026, 11, 20, 12, 0, 0, 123_000, UTC)

    assert event_id("ref_00000000000000000000000001", 3, at) == "evt_01M7WD7TKVGBKYRM7AKMV70263"
    assert time_of("evt_01M7WD7TKVGBKYRM7AKMV70263") == at
    assert hashed_id("aud", "ref_00000000000000000000000001", "3") == "aud_GBKYRM7AKMV70263ZA4EGN4P7F"


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("ref_" + "0" * 26, True),
        ("ref_0123456789ABCDEFGHJKMNPQRS", True),
        ("ref_" + "TVWXYZ" + "0" * 20, True),
        ("ref_" + "0" * 25, False),
        ("ref_" + "0" * 27, False),
        ("ref_" + "0" * 25 + "I", False),
        ("ref_" + "0" * 25 + "a", False),
        ("evt_" + "0" * 26, False),
        ("0" * 26, False),
        ("ref_", False),
        ("", False),
    ],
)
def test_an_id_of_ours_is_its_prefix_and_26_characters_of_crockfords_alphabet(text: str, ours: bool) -> None:
    assert is_id("ref", text) is ours
