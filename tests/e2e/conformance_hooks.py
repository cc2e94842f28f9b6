"""Which requests schemathesis must not make: what no schema can say, and what would end its own run.

Loaded by schemathesis alone, in its own environment.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis

MAX_DEPTH = 5
OWN_KEY_ID = os.environ["REFUNDKIT_CONFORMANCE_KEY_ID"]


def filter_case(_context: Any, case: Any) -> bool:
    """Whether a request may be made: it does not revoke the run's own key, and its body means the same to both."""
    own_key = case.method == "DELETE" and OWN_KEY_ID in (case.path_parameters or {}).values()
    return not own_key and _means_the_same(case.body)


def _means_the_same(body: Any) -> bool:
    """Whether ``body`` means to schemathesis what it means to us.

    JSON schema takes 3.0 for an integer and we do not; it cannot say how deep an object is, that a list names another
    property's keys, or that a text is one that UTF-8 can carry.
    """
    if _has_whole_float(body) or _depth(body) > MAX_DEPTH or not _is_utf8(body):
        return False
    if not isinstance(body, dict):
        return True
    named, metadata = body.get("personalMetadata"), body.get("metadata")
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        return True
    return set(named) <= (metadata if isinstance(metadata, dict) else {}).keys()


def _has_whole_float(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, float) and value.is_integer()) or any(_has_whole_float(each) for each in inner)


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max((_depth(each) for each in inner), default=0)


def _is_utf8(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_utf8(key) and _is_utf8(each) for key, each in value.items())
    if isinstance(value, list):
        return all(_is_utf8(each) for each in value)
    return not isinstance(value, str) or not any("\ud800" <= letter <= "\udfff" for letter in value)


schemathesis.hook(filter_case)
