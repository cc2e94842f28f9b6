"""What is no policy at all: refused whatever it is, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.conftest import World
from tests.support.policies import SMALL, refused, stored

MALFORMED: dict[str, tuple[str, Any, int]] = {
    "a megabyte": ("/v1/policies", {**SMALL, "name": "x" * 1_000_000}, 413),
    "a megabyte to validate": ("/v1/policies/validate", {**SMALL, "name": "x" * 1_000_000}, 413),
    "a name of 200,000": ("/v1/policies", {**SMALL, "name": "x" * 200_000}, 400),
    "20,000 fields": ("/v1/policies", {**SMALL, **{f"f{number}": 1 for number in range(15_000)}}, 400),
    "NaN": ("/v1/policies", '{"name":"P","rules":[{"category":"default","restockingFeePercent":NaN}]}', 400),
    "an infinity": ("/v1/policies", '{"name":"P","rules":[{"category":"default","restockingFeePercent":1e999}]}', 400),
    "a name twice": ("/v1/policies", '{"name":"P","name":"Q","rules":[{"category":"default"}]}', 400),
    "nested 3,000 deep": ("/v1/policies", '{"categories":' + '{"a":' * 3_000 + "1" + "}" * 3_001, 400),
    "5,000 digits": (
        "/v1/policies",
        '{"name":"P","rules":[{"category":"default","minAmount":' + "9" * 5_000 + "}]}",
        400,
    ),
    "a lone surrogate": ("/v1/policies", '{"name":"\\ud800","rules":[{"category":"default"}]}', 400),
    "a list": ("/v1/policies", [], 400),
    "nothing to publish": ("/v1/policies/pol_00000000000000000000000000/publish", None, 400),
    "a shadow as text": ("/v1/policies/pol_00000000000000000000000000/publish", {"shadow": "true"}, 400),
    "an import of nothing known": ("/v1/policies/import", {"refundWindowDays": 1}, 400),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_no_policy_is_refused_and_nothing_is_stored(shared: World, case: str) -> None:
    path, body, expected = MALFORMED[case]
    before = stored(shared)

    assert refused(shared, "POST", path, body)[:2] == (expected, "validation_error")
    assert stored(shared) == before
