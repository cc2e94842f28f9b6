"""The whole stack on one machine: start it, use it, stop it; by `make run` and by tests.

with Stack(free_stack_settings(tmp_path)) as stack:
    stack.record["test_key"]
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, NoReturn

from local import deploy, function_logs, ownership
from local.captured import run_captured
from local.console import StepFailed, step
from local.front_door import FrontDoor
from local.interpreters import Interpreter
from local.processes import Child, Children, wait_for_http
from local.settings import HOST, ROOT, STACK_NAME, StackSettings, child_environ, require_free_ports
from local.warm import warm

SEED_TIMEOUT_S = 120
WATCH_EVERY_S = 0.5


class Stack:
    """One stack. `start` runs the steps and fills `record`; `stop` leaves no process behind."""

    def __init__(self, settings: StackSettings) -> None:
        self.settings = settings
        self.record: dict[str, Any] = {}
        self._children = Children(settings.logs, self._note)
        self._door: FrontDoor | None = None

    def __enter__(self) -> Stack:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _note(self, running: list[Child]) -> None:
        ownership.write_record(self.settings, running)

    def start(self) -> None:
        """Bring everything up. An earlier stack of the same state folder is replaced.

        Raises:
            StepFailed: a step failed; what was started before it still runs, until `stop`.
        """
        settings = self.settings
        settings.logs.mkdir(parents=True, exist_ok=True)
        if ownership.earlier_run(settings):
            with step("stop the earlier run"):
                ownership.stop_earlier_run(settings)
        require_free_ports(settings)
        for log in settings.logs.glob("*.log"):
            log.unlink()
        self._note([])
        with step("environments") as detail:
            python = deploy.ensure_environments()
            detail.append(python.runtime)
        self._open_door()
        self._start_parts(python)
        with step("sam deploy") as detail:
            deployed = deploy.deploy(settings, self._children, python)
            detail.append(STACK_NAME)
        door = self._require_door()
        door.door.open_api(deployed.api_url)
        with step("seed") as detail:
            seeded = self.seed_organization("acme")
            detail.append(f"organization acme, {len(seeded['transactions'])} sample charges")
        self.record = self._describe(seeded, deployed)
        self._write_record()
        door.describe(self.record)
        try:
            with step("warm the functions") as detail:
                detail.append(warm(self))
        except StepFailed:
            function_logs.write_log(settings)
            raise
        self._welcome(seeded)

    def stop(self) -> None:
        """End every process that was started, and forget the stack. Safe to call twice."""
        self._children.stop_all()
        if self._door:
            self._door.stop()
            self._door = None
        ownership.forget(self.settings)
        shutil.rmtree(self.settings.state / "tmp", ignore_errors=True)

    def watch(self) -> NoReturn:
        """Stay until a signal ends the wait.

        Raises:
            StepFailed: a part ended by itself; the message carries the end of its log.
        """
        while True:
            self._children.require_alive()
            time.sleep(WATCH_EVERY_S)

    def seed_organization(self, name: str, *, few: bool = False) -> dict[str, Any]:
        """Add an organization; what it is made of, as `local.seed` prints it.

        Raises:
            StepFailed: the stack or the sandbox refused; the message carries what was said.
        """
        command = [sys.executable, "-m", "local.seed", "--name", name]
        command += [
            "--webhook-base-url",
            f"http://{HOST}:{self.settings.port}/api",
            *(["--few"] if few else []),
        ]
        environ = deploy.provisioning_environ(self.settings)
        result = run_captured(command, environ, SEED_TIMEOUT_S)
        if result.code:
            raise StepFailed(f"the organization {name} could not be made:\n{result.last_lines()}")
        described: dict[str, Any] = json.loads(result.stdout.strip().splitlines()[-1])
        return described

    def _open_door(self) -> None:
        self._door = FrontDoor(self.settings)
        self._door.start()

    def _require_door(self) -> FrontDoor:
        if self._door is None:
            raise StepFailed("the stack was stopped while it started")
        return self._door

    def _start_parts(self, python: Interpreter) -> None:
        """The emulator, the sandbox and the build need nothing of one another: side by side."""

        def emulator() -> None:
            with step("MiniStack (AWS emulator)") as detail:
                deploy.start_emulator(self.settings, self._children)
                detail.append(self.settings.aws_url)

        def sandbox() -> None:
            with step("Stripe sandbox") as detail:
                command = [
                    sys.executable,
                    "-m",
                    "local.stripe_sandbox",
                    "--port",
                    str(self.settings.stripe_port),
                ]
                child = self._children.start("stripe-sandbox", command, child_environ(self.settings), ROOT)
                wait_for_http(f"{self.settings.stripe_url}/_sandbox/health", child, 30)
                detail.append(self.settings.stripe_url)

        def build() -> None:
            with step("sam build") as detail:
                deploy.build(self.settings, self._children, python)
                detail.append(f"{python.runtime}, {deploy.host_architecture()}")

        pool = ThreadPoolExecutor(max_workers=3)
        try:
            for future in [pool.submit(part) for part in (emulator, sandbox, build)]:
                future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _describe(self, seeded: dict[str, Any], deployed: deploy.Deployed) -> dict[str, Any]:
        settings = self.settings
        return {
            "api_base": settings.api_base,
            "api_url": deployed.api_url,
            "stripe_sandbox_url": settings.stripe_url,
            "inbox_url": f"{settings.public_url}/inbox",
            "aws_endpoint_url": settings.aws_url,
            "stack_name": STACK_NAME,
            **seeded,
            "outputs": deployed.outputs,
        }

    def _write_record(self) -> None:
        """`stack.json` holds keys, so only its owner may read it."""
        scratch = self.settings.record.with_suffix(".new")
        scratch.unlink(missing_ok=True)
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(self.record, file, indent=2)
        scratch.replace(self.settings.record)

    def _welcome(self, seeded: dict[str, Any]) -> None:
        self._require_door().door.inbox.add_email(
            {
                "from": "RefundKit <hello@refundkit.example.com>",
                "to": seeded["owner_email"],
                "subject": "Welcome to RefundKit on your machine",
                "text": "Your stack is up. Its e-mails and Slack messages are shown here; none leaves.\n"
                f"The API is at {self.settings.api_base}, the Stripe sandbox at {self.settings.stripe_url}.",
            }
        )
