"""API keys: keys that were handed out stay good, new ones look like them, and everything else is refused at sight."""

from __future__ import annotations

import re
from typing import Any

import pytest
from refundkit.api_keys import (
    GeneratedApiKey,
    generate_api_key,
    get_api_key_environment,
    has_valid_checksum,
    hash_api_key,
    is_valid_api_key_format,
)

TEST_KEY = "rk_test_0123456789ABCDEFGHIJKLMNOP3uQ5EO"
LIVE_KEY = "rk_live_QRSTUVWXYZabcdefghijklmnop1noXr4"


@pytest.mark.parametrize(
    ("key", "environment", "stored"),
    [
        (TEST_KEY, "test", "e18820f3f13e91442b016421fe1322779e2647c9e82262c7a82e0e5171750089"),
        (LIVE_KEY, "live", "7994e6ca4739c312223e95f826fa2dfbe291bf5844391b55d983fac9ad9c493e"),
    ],
)
def test_a_key_that_was_handed_out_years_ago_is_still_good(key: str, environment: str, stored: str) -> None:
    assert is_valid_api_key_format(key)
    assert has_valid_checksum(key)
    assert get_api_key_environment(key) == environment
    assert hash_api_key(key) == stored


@pytest.mark.parametrize("environment", ["test", "live"])
def test_a_new_key_is_40_characters_and_shown_beside_its_hash_and_its_first_16(environment: Any) -> None:
    made = generate_api_key(environment)

    assert re.fullmatch(rf"rk_{environment}_[0-9A-Za-z]{{32}}", made.key)
    assert has_valid_checksum(made.key)
    assert made == GeneratedApiKey(made.key, hash_api_key(made.key), made.key[:16])


def test_no_two_keys_are_alike_and_every_character_is_used() -> None:
    random_parts = [generate_api_key("test").key[8:34] for _ in range(200)]

    assert len(set(random_parts)) == 200
    assert len(set("".join(random_parts))) == 62


@pytest.mark.parametrize("environment", ["prod", "Test", "", None])
def test_there_are_keys_for_test_and_live_only(environment: Any) -> None:
    message = f"environment must be 'test' or 'live', not {environment!r}"

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        generate_api_key(environment)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(TEST_KEY[:-1] + "P", id="another last character"),
        pytest.param(TEST_KEY.replace("0", "1", 1), id="another first character"),
        pytest.param(TEST_KEY.replace("test", "live"), id="the other environment"),
        pytest.param(TEST_KEY + "0", id="one too many"),
        pytest.param(TEST_KEY + "3uQ5EO", id="the checksum twice"),
        pytest.param("0" + TEST_KEY, id="something before it"),
        pytest.param("rk_test_0123456789ABCDEFGHIJKLMNOPQ21gQn7", id="a longer one with its checksum"),
        pytest.param("rk_prod_0123456789ABCDEFGHIJKLMNOP1Sn3Ci", id="another prefix with its checksum"),
        pytest.param("rk_test_0123456789ABCDEFGHIJKLMN-P2NvZmn", id="a dash with its checksum"),
    ],
)
def test_the_checksum_catches_what_looks_like_a_key(key: str) -> None:
    assert has_valid_checksum(key) is False


@pytest.mark.parametrize(
    ("key", "shaped"),
    [
        ("rk_test_" + "a" * 31, False),
        ("rk_test_" + "a" * 32, True),
        ("rk_live_" + "a" * 64, True),
        ("rk_test_" + "a" * 31 + "-", False),
        ("rk_test_" + "a" * 31 + "é", False),
        ("rk_test_" + "a" * 31 + "٣", False),
        ("RK_TEST_" + "a" * 32, False),
        ("rk_prod_" + "a" * 32, False),
        ("pk_test_" + "a" * 32, False),
    ],
)
def test_a_keys_shape_is_a_known_prefix_and_at_least_32_letters_and_digits(key: str, shaped: bool) -> None:
    assert is_valid_api_key_format(key) is shaped


def test_a_key_of_no_known_environment_has_none() -> None:
    assert get_api_key_environment("rk_prod_" + "a" * 32) is None
    assert get_api_key_environment("rk_test") is None


def test_hashing_fails_for_no_text_whatever_a_client_sends() -> None:
    assert len({hash_api_key(text) for text in ("", "é", "\ud800", "\0")}) == 4
