"""`make admin`: which stack is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.admin import environ_for, means_aws
from local.console import StepFailed
from local.settings import free_stack_settings


@pytest.mark.parametrize(
    ("arguments", "environ", "aws"),
    [
        (["organizations", "list"], {}, False),
        (["organizations", "list"], {"AWS_PAGER": "", "AWS_PROFILE": ""}, False),
        (["organizations", "list"], {"AWS_PROFILE": "work"}, True),
        (["--stack", "refundkit-staging", "report"], {}, True),
        (["report", "--stack=refundkit-staging"], {}, True),
    ],
)
def test_aws_is_meant_where_it_is_named(arguments: list[str], environ: dict[str, str], aws: bool) -> None:
    assert means_aws(arguments, environ) is aws


def test_without_a_record_the_environment_is_handed_on(tmp_path: Path) -> None:
    found = environ_for(free_stack_settings(tmp_path), [], {"REFUNDKIT_TABLE": "t"})

    assert found["REFUNDKIT_TABLE"] == "t"
    assert "layers/core" in found["PYTHONPATH"]


def test_a_record_of_a_stack_that_is_gone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = free_stack_settings(tmp_path)
    settings.record.write_text(
        f'{{"api_base": "{settings.api_base}", "aws_endpoint_url": "{settings.aws_url}",'
        f' "stripe_sandbox_url": "{settings.stripe_url}"}}'
    )
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(StepFailed, match="no stack runs here"):
        environ_for(settings, [], {})
