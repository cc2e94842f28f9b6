"""Where the local stack listens and keeps its files: read once, from flags, the environment and `.env`."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.console import StepFailed

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
REGION = "us-east-1"
STACK_NAME = "refundkit-local"


@dataclass(frozen=True)
class StackSettings:
    """One stack's ports and folders. Two stacks with other ports and another `state` do not meet."""

    state: Path
    """Holds logs, the build, the record of what runs, and `stack.json`."""
    port: int = 3000
    aws_port: int = 4566
    stripe_port: int = 8420
    admitted: int = 4
    """Requests that the front door lets through at once; each may cost the emulator a process."""
    template: Path = ROOT / "template.yaml"
    linked_layers: bool = True
    """Third-party layers point at their packages: cold starts are ten times faster than with unpacked ones."""

    @property
    def logs(self) -> Path:
        """One file a part."""
        return self.state / "logs"

    @property
    def record(self) -> Path:
        """What a person or a test needs to know of the running stack, as JSON."""
        return self.state / "stack.json"

    @property
    def public_url(self) -> str:
        """The front door."""
        return f"http://localhost:{self.port}"

    @property
    def api_base(self) -> str:
        """What the API's paths (`/v1/…`) are appended to."""
        return f"{self.public_url}/api"

    @property
    def slack_api_base(self) -> str:
        """The sandbox of Slack, as the functions reach it."""
        return f"http://{HOST}:{self.port}/slack/api"

    @property
    def aws_url(self) -> str:
        """The emulator, for `AWS_ENDPOINT_URL`."""
        return f"http://{HOST}:{self.aws_port}"

    @property
    def stripe_url(self) -> str:
        """The Stripe sandbox."""
        return f"http://{HOST}:{self.stripe_port}"


def read_dotenv(file: Path) -> dict[str, str]:
    """The settings in a `.env` file (`NAME=value` lines, `#` comments, optional quotes); {} without one."""
    found: dict[str, str] = {}
    if not file.exists():
        return found
    for line in file.read_text(encoding="utf-8").splitlines():
        name, equals, text = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            found[name.strip()] = text.strip().strip("\"'")
    return found


def number_setting(settings: Mapping[str, str], name: str, default: int, highest: int) -> int:
    """A whole number from 1 to `highest`.

    Raises:
        StepFailed: it is set to something else.
    """
    text = settings.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= highest):
        raise StepFailed(f"{name}={text} is not a whole number from 1 to {highest}")
    return int(text)


def from_environment(environ: Mapping[str, str] | None = None) -> StackSettings:
    """The settings of `make run`: the environment wins over `.env`, which wins over the defaults.

    Raises:
        StepFailed: a setting is malformed.
    """
    settings = {**read_dotenv(ROOT / ".env"), **(os.environ if environ is None else environ)}
    return StackSettings(
        state=Path(settings.get("REFUNDKIT_STATE") or ROOT / ".local").resolve(),
        port=number_setting(settings, "REFUNDKIT_PORT", 3000, 65_535),
        aws_port=number_setting(settings, "REFUNDKIT_AWS_PORT", 4566, 65_535),
        stripe_port=number_setting(settings, "REFUNDKIT_STRIPE_PORT", 8420, 65_535),
        admitted=number_setting(settings, "REFUNDKIT_ADMITTED", 4, 64),
    )


def is_free(port: int) -> bool:
    """Whether a server can listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def require_free_ports(settings: StackSettings) -> None:
    """Refuse to start where another program listens.

    Raises:
        StepFailed: a port is taken; the message names the setting that chooses another.
    """
    for name, port, part in (
        ("REFUNDKIT_PORT", settings.port, "the front door"),
        ("REFUNDKIT_AWS_PORT", settings.aws_port, "the AWS emulator"),
        ("REFUNDKIT_STRIPE_PORT", settings.stripe_port, "the Stripe sandbox"),
    ):
        if not is_free(port):
            raise StepFailed(
                f"port {port}, meant for {part}, is in use by another program",
                f"stop that program, or choose another port: {name}={port + 1} make run",
            )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, all different. For tests."""
    held = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for each in held:
            each.bind((HOST, 0))
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()


def free_stack_settings(state: Path, template: Path = ROOT / "template.yaml") -> StackSettings:
    """Settings for a stack of one's own, on free ports. For tests."""
    port, aws_port, stripe_port = free_ports(3)
    return StackSettings(state=state, port=port, aws_port=aws_port, stripe_port=stripe_port, template=template)


def dummy_credentials(settings: StackSettings) -> dict[str, str]:
    """AWS settings for child processes: the emulator, and credentials that open nothing."""
    nowhere = str(settings.state / "no-aws-profile")
    return {
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": nowhere,
        "AWS_SHARED_CREDENTIALS_FILE": nowhere,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


def child_environ(settings: StackSettings) -> dict[str, str]:
    """The environment of our tools: the user's, without anything of AWS's or Python's, with the dummies."""
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("AWS_", "SAM_")) and name not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    }
    return {**kept, **dummy_credentials(settings), "SAM_CLI_TELEMETRY": "0", "PYTHONUNBUFFERED": "1"}


def emulator_environ(settings: StackSettings) -> dict[str, str]:
    """The emulator's environment. Its Lambda workers inherit it, so it holds only what it needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TZ") if name in os.environ}
    scratch = settings.state / "tmp"
    return {
        **kept,
        **{key: text for key, text in dummy_credentials(settings).items() if key != "AWS_ENDPOINT_URL"},
        "TMPDIR": str(scratch),
        "STATE_DIR": str(scratch / "state"),
        "S3_DATA_DIR": str(scratch / "s3"),
        "GATEWAY_PORT": str(settings.aws_port),
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_WARM_TTL_SECONDS": "3600",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
