"""API keys: their shape, their checksum and the hash that is stored instead of them.

A key is 40 characters: ``rk_test_`` or ``rk_live_`` and 32 alphanumeric characters, of which the last six are a
checksum over the rest. The checksum lets a server refuse a mistyped key without a look-up; it proves nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib
from typing import Final, Literal, NamedTuple

Environment = Literal["test", "live"]

KEY_LENGTH: Final = 40
PREFIX_LENGTH: Final = 8
DISPLAY_PREFIX_LENGTH: Final = 16
CHECKSUM_LENGTH: Final = 6

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PREFIXES: Final[dict[str, Environment]] = {"rk_test_": "test", "rk_live_": "live"}


class GeneratedApiKey(NamedTuple):
    """A new key: ``key`` is shown once, ``hash`` (64 hex digits) is stored, ``prefix`` (16 characters) is displayed."""

    key: str
    hash: str
    prefix: str


def generate_api_key(environment: Environment) -> GeneratedApiKey:
    """Make a key for ``test`` or ``live``: 26 random characters (154 bits) and their checksum."""
    if environment not in ("test", "live"):
        raise ValueError(f"environment must be 'test' or 'live', not {environment!r}")
    length = KEY_LENGTH - PREFIX_LENGTH - CHECKSUM_LENGTH
    body = f"rk_{environment}_" + "".join(secrets.choice(_ALPHABET) for _ in range(length))
    key = body + _checksum(body)
    return GeneratedApiKey(key, hash_api_key(key), key[:DISPLAY_PREFIX_LENGTH])


def hash_api_key(key: str) -> str:
    """The SHA-256 of the whole key in hex: the only form in which a server keeps it."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def is_valid_api_key_format(key: str) -> bool:
    """Whether ``key`` has a key's shape (prefix, 32 or more alphanumeric characters), whatever its checksum."""
    rest = key[PREFIX_LENGTH:]
    return key[:PREFIX_LENGTH] in _PREFIXES and len(rest) >= 32 and rest.isascii() and rest.isalnum()


def has_valid_checksum(key: str) -> bool:
    """Whether ``key`` is one that :func:`generate_api_key` could have made: what a server asks before any look-up."""
    if len(key) != KEY_LENGTH or not is_valid_api_key_format(key):
        return False
    return secrets.compare_digest(_checksum(key[:-CHECKSUM_LENGTH]), key[-CHECKSUM_LENGTH:])


def get_api_key_environment(key: str) -> Environment | None:
    """``test`` or ``live`` by the key's prefix, None where it has neither."""
    return _PREFIXES.get(key[:PREFIX_LENGTH])


def _checksum(body: str) -> str:
    value = zlib.crc32(body.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
