"""Ranges and samples that cannot be: refused, with the field named, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import World
from tests.support.policies import stored
from tests.support.simulations import LAX, policy_of, span


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T00:00:00Z"}, "to"),
        ({"from": "2026-11-20T00:00:00Z", "to": "2026-11-19T00:00:00Z"}, "to"),
        ({"from": "2025-10-01T00:00:00Z", "to": "2026-11-06T00:00:00Z"}, "to"),
        ({"from": "2036-10-01T00:00:00Z", "to": "2036-11-06T00:00:00Z"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-11-20"}, "to"),
        ({"sample": 0}, "sample"),
        ({"sample": 101}, "sample"),
        ({"sample": "50"}, "sample"),
        ({"version": 0}, "version"),
        ({"version": "draft"}, "version"),
        ({"examples": 101}, "examples"),
        ({"since": "2026-11-20T00:00:00Z"}, "since"),
    ],
)
def test_a_range_or_a_sample_that_cannot_be_is_400(shared: World, changes: dict[str, Any], field: str) -> None:
    found = shared.call("GET", "/v1/policies")[1]["data"]
    policy = found[0]["id"] if found else policy_of(shared, LAX)

    before = stored(shared)
    status, envelope, _ = shared.call("POST", f"/v1/policies/{policy}/simulate", {**span(shared), **changes})

    assert (status, envelope["error"]["code"]) == (400, "validation_error")
    assert [detail["field"] for detail in envelope["error"]["details"]] == [field]
    assert stored(shared) == before
