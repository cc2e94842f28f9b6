"""Event patterns, as rules of the bus and filters of the stream use them; those forms that the template has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether ``event`` has, for each name in ``pattern``, one of the values that stand there.

    Raises:
        NotImplementedError: the pattern has a form that is not known here.
    """
    for name, wanted in pattern.items():
        if isinstance(wanted, Mapping):
            inner = event.get(name)
            if not matches(wanted, inner if isinstance(inner, Mapping) else {}):
                return False
        elif not any(_is(each, name, event) for each in wanted):
            return False
    return True


def _is(wanted: Any, name: str, event: Mapping[str, Any]) -> bool:
    value = event.get(name)
    match wanted:
        case {"prefix": str(prefix)}:
            return isinstance(value, str) and value.startswith(prefix)
        case {"exists": bool(there)}:
            return (name in event) is there
        case {"anything-but": list(refused)}:
            return name in event and value not in refused
        case {"anything-but": str(refused)}:
            return name in event and value != refused
        case {}:
            raise NotImplementedError(f"the pattern {wanted}")
    return name in event and bool(value == wanted)
