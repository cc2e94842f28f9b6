"""Build the real template and deploy it into the emulator, with the real SAM CLI."""

from __future__ import annotations

import platform
from contextlib import closing
from typing import NamedTuple

import boto3

from local.bootstrap import VENVS, ensure_all
from local.console import StepFailed
from local.interpreters import Interpreter
from local.processes import Children, wait_for_http
from local.settings import REGION, ROOT, STACK_NAME, StackSettings, child_environ, emulator_environ

BUILD_TIMEOUT_S = 900.0
DEPLOY_TIMEOUT_S = 300.0
MAIL_FROM = "refunds@refundkit.example"
REQUIRED_OUTPUTS = ("RestApiId", "ApiStageName")


class Deployed(NamedTuple):
    """The stack's outputs, and where its API answers."""

    outputs: dict[str, str]
    api_url: str


def host_architecture() -> str:
    """This machine's architecture as Lambda names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def parameters(settings: StackSettings, python: Interpreter) -> list[str]:
    """The template's parameters for the local stack."""
    return [
        "Stage=local",
        f"PythonRuntime={python.runtime}",
        f"Architecture={host_architecture()}",
        f"StripeApiBase={settings.stripe_url}",
        f"SlackApiBase={settings.slack_api_base}",
        f"PublicApiBase={settings.api_base}",
        f"MailFrom={MAIL_FROM}",
    ]


def _sam(settings: StackSettings) -> list[str]:
    if not settings.template.exists():
        raise StepFailed(f"there is no {settings.template.name} to deploy in {settings.template.parent}")
    return [str(VENVS / "sam" / "bin" / "sam")]


def build(settings: StackSettings, children: Children, python: Interpreter) -> None:
    """`sam build`, for the Python and the processor of this machine, where the emulator runs the functions.

    Raises:
        StepFailed: the build failed; the message carries the end of its log.
    """
    environ = {
        **child_environ(settings),
        "REFUNDKIT_PYTHON": python.path,
        "REFUNDKIT_RUNTIME": python.runtime,
        "REFUNDKIT_ARCH": host_architecture(),
        "REFUNDKIT_PLATFORM": "host",
        "REFUNDKIT_LINK": "1" if settings.linked_layers else "",
    }
    command = [
        *_sam(settings),
        "build",
        "--config-file",
        str(ROOT / "samconfig.toml"),
        "--config-env",
        "local",
    ]
    command += ["--template-file", str(settings.template), "--build-dir", str(settings.state / "build")]
    command += ["--parameter-overrides", *parameters(settings, python)]
    children.run("sam-build", command, environ, settings.template.parent, BUILD_TIMEOUT_S)


def deploy(settings: StackSettings, children: Children, python: Interpreter) -> Deployed:
    """`sam deploy` into the emulator.

    Raises:
        StepFailed: the deployment failed, or the stack lacks an output that the local stack needs.
    """
    command = [
        *_sam(settings),
        "deploy",
        "--config-file",
        str(ROOT / "samconfig.toml"),
        "--config-env",
        "local",
    ]
    command += [
        "--template-file",
        str(settings.state / "build" / "template.yaml"),
        "--stack-name",
        STACK_NAME,
    ]
    command += ["--no-progressbar", "--parameter-overrides", *parameters(settings, python)]
    environ = {**child_environ(settings), "SAM_CLI_POLL_DELAY": "0.3"}
    children.run("sam-deploy", command, environ, settings.template.parent, DEPLOY_TIMEOUT_S)
    outputs = read_outputs(settings)
    missing = [name for name in REQUIRED_OUTPUTS if not outputs.get(name)]
    if missing:
        raise StepFailed(f"the template lacks the outputs {', '.join(missing)}")
    verify_sender(settings)
    path = f"/_aws/execute-api/{outputs['RestApiId']}/{outputs['ApiStageName']}"
    return Deployed(outputs, settings.aws_url + path)


def aws_session() -> boto3.session.Session:
    """Credentials that open nothing; the clients made from it need `endpoint_url=settings.aws_url`."""
    return boto3.session.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106  (the emulator asks for any text)
        region_name=REGION,
    )


def read_outputs(settings: StackSettings) -> dict[str, str]:
    """The deployed stack's outputs by name."""
    with closing(aws_session().client("cloudformation", endpoint_url=settings.aws_url)) as client:
        stacks = client.describe_stacks(StackName=STACK_NAME)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in stacks[0].get("Outputs", [])}


def verify_sender(settings: StackSettings) -> None:
    """Let the emulator's SES take mails from the stack's address, as a person does once on AWS."""
    with closing(aws_session().client("sesv2", endpoint_url=settings.aws_url)) as client:
        client.create_email_identity(EmailIdentity=MAIL_FROM)


def function_settings(settings: StackSettings) -> dict[str, str]:
    """The `REFUNDKIT_…` settings that the template gave to the deployed functions, taken together."""
    found: dict[str, str] = {}
    with closing(aws_session().client("lambda", endpoint_url=settings.aws_url)) as client:
        for page in client.get_paginator("list_functions").paginate():
            for function in page["Functions"]:
                if function["FunctionName"].startswith(STACK_NAME):
                    found.update(function.get("Environment", {}).get("Variables", {}))
    return {name: text for name, text in found.items() if name.startswith("REFUNDKIT_")}


def provisioning_environ(settings: StackSettings) -> dict[str, str]:
    """The environment in which `refundkit_core` provisions: what the deployed functions run with."""
    return {
        **child_environ(settings),
        **function_settings(settings),
        "PYTHONPATH": ":".join(str(ROOT / folder) for folder in ("", "layers/core", "layers/sdk")),
        "REFUNDKIT_STRIPE_API_BASE": settings.stripe_url,
    }


def start_emulator(settings: StackSettings, children: Children) -> None:
    """Start MiniStack and wait until it is healthy.

    Raises:
        StepFailed: it ended, or did not answer in time.
    """
    for folder in ("tmp/state", "tmp/s3"):
        (settings.state / folder).mkdir(parents=True, exist_ok=True)
    command = [str(VENVS / "ministack" / "bin" / "ministack")]
    child = children.start("ministack", command, emulator_environ(settings), settings.state)
    wait_for_http(f"{settings.aws_url}/_ministack/health", child, 60)


def ensure_environments() -> Interpreter:
    """The environments that a stack needs, on one Python: the emulator's workers and the layers share it."""
    return ensure_all(["dev", "ministack", "sam"])
