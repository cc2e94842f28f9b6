"""`make build` and `make deploy ENV=…`: build for Lambda, check the layers, deploy with the SAM CLI."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

from local import interpreters
from local.bootstrap import VENVS
from local.captured import run_captured
from local.check_layers import check_build
from local.console import StepFailed, exit_code_of, step
from local.settings import ROOT

ENVIRONMENTS = ("staging", "production")
BUILD_TIMEOUT_S = 900


def target() -> tuple[str, str]:
    """The runtime and the architecture to build for.

    Raises:
        StepFailed: the Python whose bytecode the runtime needs is not here.
    """
    runtime = os.environ.get("REFUNDKIT_RUNTIME") or "python3.13"
    known = {f"python{major}.{minor}": (major, minor) for major, minor in interpreters.SUPPORTED}
    if runtime not in known:
        raise StepFailed(f"REFUNDKIT_RUNTIME={runtime} is none of {', '.join(known)}")
    if interpreters.find(known[runtime]) is None:
        here = next((name for name, version in known.items() if interpreters.find(version)), "python3.11")
        raise StepFailed(
            f"the layers need {runtime} to compile them, and none that runs was found",
            f"install {runtime}, or deploy on a Python that is here: REFUNDKIT_RUNTIME={here} make deploy",
        )
    return runtime, os.environ.get("REFUNDKIT_ARCH") or "arm64"


def sam() -> str:
    """The SAM CLI's program."""
    return str(VENVS / "sam" / "bin" / "sam")


def overrides(stage: str, runtime: str, arch: str) -> list[str]:
    """The template's parameters; DomainName and the like come from the environment."""
    named = {
        "DomainName": "REFUNDKIT_DOMAIN_NAME",
        "CertificateArn": "REFUNDKIT_CERTIFICATE_ARN",
        "HostedZoneId": "REFUNDKIT_HOSTED_ZONE_ID",
        "AlarmEmail": "REFUNDKIT_ALARM_EMAIL",
        "MailFrom": "REFUNDKIT_MAIL_FROM",
        "MailConfigurationSet": "REFUNDKIT_MAIL_CONFIGURATION_SET",
    }
    given = [f"{parameter}={os.environ[name]}" for parameter, name in named.items() if os.environ.get(name)]
    return [f"Stage={stage}", f"PythonRuntime={runtime}", f"Architecture={arch}", *given]


def build() -> tuple[str, str]:
    """`sam build` for Lambda, then the proof that its bytecode will be used.

    Raises:
        StepFailed: a Python is missing, the build failed, or bytecode is missing or stale.
    """
    runtime, arch = target()
    environ = dict(os.environ, REFUNDKIT_RUNTIME=runtime, REFUNDKIT_ARCH=arch, REFUNDKIT_PLATFORM="lambda")
    with step("sam build") as detail:
        command = [sam(), "build", "--parameter-overrides", *overrides("staging", runtime, arch)]
        result = run_captured(command, environ, BUILD_TIMEOUT_S)
        if result.code:
            raise StepFailed(f"sam build failed:\n{result.last_lines()}")
        detail.append(f"{runtime}, {arch}")
    with step("check the layers") as detail:
        reports = check_build(ROOT / ".aws-sam" / "build", runtime)
        faults = [f"{report.name}/{fault}" for report in reports for fault in report.faults]
        if faults or not reports:
            shown = "\n".join(f"    {fault}" for fault in faults[:10])
            raise StepFailed(f"{len(faults)} modules have no bytecode that {runtime} accepts:\n{shown}")
        megabytes = sum(report.size_bytes for report in reports) / 1e6
        detail.append(f"{sum(report.modules for report in reports)} modules, {megabytes:.0f} MB")
    return runtime, arch


def deploy(environment: str) -> int:
    """Build and deploy; the SAM CLI talks to the person itself. Returns its exit code.

    Raises:
        StepFailed: the environment is unknown, or the build failed.
    """
    if environment not in ENVIRONMENTS:
        raise StepFailed(f"ENV={environment} is none of {', '.join(ENVIRONMENTS)} (`make run` deploys the local one)")
    runtime, arch = build()
    command = [
        sam(),
        "deploy",
        "--config-env",
        environment,
        "--parameter-overrides",
        *overrides(environment, runtime, arch),
    ]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def main() -> int:
    """Command line: `build`, or `deploy ENV`."""
    parser = argparse.ArgumentParser(prog="local.release", description=__doc__)
    parser.add_argument("action", choices=("build", "deploy"))
    parser.add_argument("environment", nargs="?", default="staging")
    options = parser.parse_args()

    def work() -> int:
        if options.action == "deploy":
            return deploy(options.environment)
        build()
        return 0

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
