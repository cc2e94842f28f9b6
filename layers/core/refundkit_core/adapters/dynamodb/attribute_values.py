"""Plain values and DynamoDB's attribute values, one for the other."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def encode(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as attribute values: str, int, bool, bytes, None, dict, list and set of str."""
    return {name: _encode(value) for name, value in values.items()}


def decode(item: Mapping[str, Any]) -> dict[str, Any]:
    """Attribute values as plain values; numbers are integers, for nothing else is ever stored."""
    return {name: _decode(value) for name, value in item.items()}


def _encode(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case None:
            return {"NULL": True}
        case bytes():
            return {"B": value}
        case dict():
            return {"M": encode(value)}
        case list() | tuple():
            return {"L": [_encode(element) for element in value]}
        case set() | frozenset():
            return {"SS": sorted(value)}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _decode(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "B":
            return content if isinstance(content, bytes) else base64.b64decode(content)
        case "N":
            return int(content)
        case "NULL":
            return None
        case "M":
            return decode(content)
        case "L":
            return [_decode(element) for element in content]
        case "SS":
            return frozenset(content)
    raise TypeError(f"{kind} is nothing that we store")
