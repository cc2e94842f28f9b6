"""`make admin ARGS="…"`: refundkit-admin on the stack that runs here, or on one in AWS.

The running stack is meant where `make run` has left its record, nothing of AWS is set and no `--stack` is given.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from local.console import StepFailed, explain
from local.deploy import provisioning_environ
from local.org import NOT_RUNNING, running_record, settings_of
from local.settings import HOST, ROOT, StackSettings, from_environment

PROGRAM = "refundkit_core.entrypoints.admin"
AWS_SETTINGS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)


def means_aws(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether a stack in AWS is meant, by the arguments or the environment."""
    named = any(part == "--stack" or part.startswith("--stack=") for part in arguments)
    return named or any(environ.get(name) for name in AWS_SETTINGS)


def environ_for(settings: StackSettings, arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """What the program runs with.

    Raises:
        StepFailed: the stack of this machine is meant, and does not run.
    """
    if means_aws(arguments, environ) or not settings.record.exists():
        paths = ":".join(str(ROOT / folder) for folder in ("layers/core", "layers/sdk"))
        return {**environ, "PYTHONPATH": paths}
    running = settings_of(settings, running_record(settings))
    try:
        found = provisioning_environ(running)
    except (BotoCoreError, ClientError) as exc:
        raise NOT_RUNNING from exc
    return {"REFUNDKIT_API_URL": f"http://{HOST}:{running.port}/api", **found}


def main() -> NoReturn:
    """Command line: refundkit-admin's own."""
    try:
        environ = environ_for(from_environment(), sys.argv[1:], os.environ)
    except StepFailed as failure:
        explain(failure)
        sys.exit(1)
    os.execve(sys.executable, [sys.executable, "-m", PROGRAM, *sys.argv[1:]], environ)  # noqa: S606


if __name__ == "__main__":
    main()
