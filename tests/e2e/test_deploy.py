"""What `make deploy` and unlinked layers do, tried in the emulator; too slow for every day."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from local.bootstrap import VENVS
from local.deploy import aws_session, start_emulator
from local.processes import Children
from local.settings import ROOT, StackSettings, child_environ, free_stack_settings
from local.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[StackSettings]:
    """An empty emulator."""
    settings = free_stack_settings(tmp_path)
    settings.logs.mkdir()
    children = Children(settings.logs)
    try:
        start_emulator(settings, children)
        yield settings
    finally:
        children.stop_all()


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_an_environment_is_deployed_and_deleted(emulator: StackSettings, environment: str) -> None:
    environ = {**os.environ, **child_environ(emulator)}
    command = [sys.executable, "-m", "local.release", "deploy", environment]
    done = subprocess.run(
        command, cwd=ROOT, env=environ, input="y\n", capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    stack = f"refundkit-{environment}"
    with closing(aws_session().client("cloudformation", endpoint_url=emulator.aws_url)) as formation:
        described = formation.describe_stacks(StackName=stack)["Stacks"][0]
    assert described["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    stage = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
    assert (stage["Stage"], stage["PythonRuntime"], stage["Architecture"]) == (environment, "python3.13", "arm64")

    delete = [str(VENVS / "sam/bin/sam"), "delete", "--stack-name", stack, "--no-prompts", "--region", "us-east-1"]
    subprocess.run(delete, cwd=ROOT, env=environ, capture_output=True, timeout=120, check=True)


def test_the_stack_runs_with_whole_layers_as_they_go_to_aws(tmp_path: Path) -> None:
    with Stack(replace(free_stack_settings(tmp_path), linked_layers=False)) as stack:
        built = {path.name for path in (tmp_path / "build" / "VendorLayer" / "python").iterdir()}
        assert {"botocore", "pydantic"} <= built
        assert stack.record["org_id"].startswith("org_")  # `start` has seen a refund completed
