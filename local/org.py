"""`make org NAME=shop`: add an organization to the running stack; prints one JSON line."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from local.console import StepFailed, explain, step
from local.settings import StackSettings, from_environment
from local.stack import Stack

NOT_RUNNING = StepFailed("no stack runs here", "start one in another terminal: make run")


def running_record(settings: StackSettings) -> dict[str, Any]:
    """The running stack's description.

    Raises:
        StepFailed: none runs.
    """
    try:
        record: dict[str, Any] = json.loads(settings.record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise NOT_RUNNING from exc
    return record


def settings_of(settings: StackSettings, record: dict[str, Any]) -> StackSettings:
    """The ports that the running stack listens on, whatever this command's environment says."""

    def port(name: str) -> int:
        return int(urlsplit(str(record[name])).port or 80)

    return replace(
        settings,
        port=port("api_base"),
        aws_port=port("aws_endpoint_url"),
        stripe_port=port("stripe_sandbox_url"),
    )


def add_organization(settings: StackSettings, name: str) -> dict[str, Any]:
    """Make the organization; the same fields as in `stack.json`.

    Raises:
        StepFailed: none runs, or it refused.
    """
    record = running_record(settings)
    stack = Stack(settings_of(settings, record))
    shared = ("api_base", "stripe_sandbox_url", "inbox_url", "aws_endpoint_url", "stack_name")
    return {**{field: record[field] for field in shared}, **stack.seed_organization(name)}


def main() -> int:
    """Command line: the organization's name."""
    parser = argparse.ArgumentParser(prog="make org NAME=…", description=__doc__)
    parser.add_argument("name", nargs="?", default="shop")
    options = parser.parse_args()
    try:
        with step(f"organization {options.name}"):
            described = add_organization(from_environment(), options.name)
    except StepFailed as failure:
        explain(failure)
        return 1
    print(json.dumps(described))
    return 0


if __name__ == "__main__":
    sys.exit(main())
