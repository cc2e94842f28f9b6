"""Parameter specs: what an operation takes, and how each text value becomes a typed one.

A reader takes (name, raw) and returns the value, or raises Stripe's 400 for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.stripe_sandbox.errors import StripeError, invalid, unknown_parameter
from local.stripe_sandbox.forms import Form

Reader = Callable[[str, Any], Any]
MAX_AMOUNT_MINOR = 99_999_999_999
METADATA_KEYS, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 50, 40, 500


def _scalar(name: str, raw: Any) -> str:
    if not isinstance(raw, str):
        raise invalid(f"Invalid string: {name} must not be a hash or a list.", name)
    if raw == "":
        raise invalid(
            f"You passed an empty string for '{name}'. Empty values unset a parameter, and '{name}' cannot "
            "be unset: leave it out, or give it a value.",
            name,
            "parameter_invalid_empty",
        )
    return raw


def text(max_chars: int = 5000) -> Reader:
    """A non-empty string of at most `max_chars` characters."""

    def read(name: str, raw: Any) -> str:
        value = _scalar(name, raw)
        if len(value) > max_chars:
            raise invalid(f"Invalid string: {name} must be at most {max_chars} characters", name)
        return value

    return read


def optional_text(name: str, raw: Any) -> str | None:
    """A string that an empty value unsets."""
    return None if raw == "" else str(text()(name, raw))


def integer(minimum: int = -(2**53), maximum: int = 2**53) -> Reader:
    """A whole number within bounds."""

    def read(name: str, raw: Any) -> int:
        value = _scalar(name, raw)
        if not re.fullmatch(r"-?[0-9]{1,16}", value):
            raise invalid(f"Invalid integer: {value[:50]}", name, "parameter_invalid_integer")
        if int(value) < minimum:
            raise invalid(f"This value must be greater than or equal to {minimum}.", name, "parameter_invalid_integer")
        if int(value) > maximum:
            raise invalid(f"This value must be less than or equal to {maximum}.", name, "parameter_invalid_integer")
        return int(value)

    return read


def amount(name: str, raw: Any) -> int:
    """A positive amount in the currency's minor unit."""
    value = _scalar(name, raw)
    if not re.fullmatch(r"-?[0-9]{1,30}", value):
        raise invalid(f"Invalid integer: {value[:50]}", name, "parameter_invalid_integer")
    if int(value) < 1:
        raise invalid("Invalid positive integer", name, "parameter_invalid_integer")
    if int(value) > MAX_AMOUNT_MINOR:
        raise invalid("Amount is larger than Stripe takes in one payment.", name, "amount_too_large")
    return int(value)


def boolean(name: str, raw: Any) -> bool:
    """`true` or `false`."""
    value = _scalar(name, raw)
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value[:50]}", name)
    return value == "true"


def currency(name: str, raw: Any) -> str:
    """A three-letter currency, lower-cased."""
    value = _scalar(name, raw).lower()
    if not re.fullmatch(r"[a-z]{3}", value):
        raise invalid(f"Invalid currency: {value[:20]}", name)
    return value


def one_of(*allowed: str) -> Reader:
    """One of the listed words."""

    def read(name: str, raw: Any) -> str:
        value = _scalar(name, raw)
        if value not in allowed:
            listed = ", ".join(allowed[:-1]) + f", or {allowed[-1]}" if len(allowed) > 1 else allowed[0]
            raise invalid(f"Invalid {name}: must be one of {listed}", name)
        return value

    return read


def words(name: str, raw: Any) -> list[str]:
    """A list of strings (`name[0]=…`, `name[]=…`)."""
    if not isinstance(raw, dict) or not all(re.fullmatch(r"[0-9]{1,4}", key) for key in raw):
        raise invalid(f"Invalid array: {name} must be a list.", name)
    ordered = sorted(raw.items(), key=lambda pair: int(pair[0]))
    return [_scalar(f"{name}[{key}]", value) for key, value in ordered]


def anything(_name: str, raw: Any) -> Any:
    """Accepted and not interpreted: parameters that change nothing in a sandbox."""
    return raw


def group(**readers: Reader) -> Reader:
    """A hash with known members."""

    def read(name: str, raw: Any) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise invalid(f"Invalid object: {name} must be a hash.", name)
        for member in raw:
            if member not in readers:
                raise unknown_parameter(f"{name}[{member}]")
        return {member: readers[member](f"{name}[{member}]", value) for member, value in raw.items()}

    return read


def created_range(name: str, raw: Any) -> dict[str, int]:
    """A filter by time: a moment, or bounds `gt`, `gte`, `lt`, `lte`, in seconds."""
    moment = integer(0)
    if isinstance(raw, dict):
        bounds: dict[str, int] = group(gt=moment, gte=moment, lt=moment, lte=moment)(name, raw)
        return bounds
    exactly = moment(name, raw)
    return {"gte": exactly, "lte": exactly}


def metadata(name: str, raw: Any) -> dict[str, str]:
    """Metadata changes: an empty value deletes its key; `metadata=` (an empty dict here) deletes all."""
    if raw == "":
        return {}
    if not isinstance(raw, dict):
        raise invalid("Invalid object: metadata must be a hash of strings.", name)
    for key, value in raw.items():
        where = f"{name}[{key}]"
        if not isinstance(value, str):
            raise invalid(f"Metadata values must be strings, but {where} is a hash or a list.", where)
        if len(key) > METADATA_KEY_CHARS:
            raise invalid(
                f"Metadata keys can have up to {METADATA_KEY_CHARS} characters; '{key[:60]}' has {len(key)}.",
                name,
            )
        if len(value) > METADATA_VALUE_CHARS:
            raise invalid(
                f"Metadata values can have up to {METADATA_VALUE_CHARS} characters; {where[:60]} has {len(value)}.",
                where,
            )
    if len(raw) > METADATA_KEYS:
        raise too_many_metadata_keys(len(raw))
    return dict(raw)


def too_many_metadata_keys(count: int) -> StripeError:
    """400: more keys than an object may have."""
    return invalid(f"Metadata can have up to {METADATA_KEYS} keys; this would make {count}.", "metadata")


def merged_metadata(before: Mapping[str, str], change: Mapping[str, str]) -> dict[str, str]:
    """Metadata after a change.

    Raises: StripeError (400) when the result has too many keys.
    """
    if not change:
        return {}
    after = {key: value for key, value in (dict(before) | dict(change)).items() if value != ""}
    if len(after) > METADATA_KEYS:
        raise too_many_metadata_keys(len(after))
    return after


@dataclass(frozen=True)
class Spec:
    """The parameters of one operation; `expand` is always among them."""

    readers: Mapping[str, Reader] = field(default_factory=dict)
    required: Sequence[str] = ()

    def read(self, form: Form) -> dict[str, Any]:
        """Typed parameters.

        Raises: StripeError (400): unknown, missing or malformed parameter.
        """
        for name in form:
            if name != "expand" and name not in self.readers:
                raise unknown_parameter(name)
        for name in self.required:
            if name not in form:
                raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
        typed = {name: self.readers[name](name, raw) for name, raw in form.items() if name != "expand"}
        if "expand" in form:
            typed["expand"] = words("expand", form["expand"])
        return typed


def listing(**filters: Reader) -> Spec:
    """The spec of a list operation: its filters and Stripe's paging parameters."""
    paging: dict[str, Reader] = {
        "limit": integer(1, 100), "starting_after": text(), "ending_before": text(), "created": created_range,
    }  # fmt: skip
    return Spec(paging | filters)
