"""`make check`, `make test`, `make full`: every check and suite, and one exit code.

The checks, the unit tests of the oldest supported Python and the suites that need no stack run side by side, and say
little unless they fail; then one pytest session runs the rest, which wants the machine to itself. `make full` runs all
suites in that session, the slow tests with them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from local.bootstrap import VENVS, python_of
from local.captured import run_captured
from local.console import colour, done, say
from local.settings import ROOT

CHECK_TIMEOUT_S = 1_200
MAX_LINES = 60  # of a failed check's output
MAX_LINE = 220
SESSION_TIMEOUT_S = 3_000
BESIDE = (("unit", "architecture", "contract"), ("crash", "bench"))
"""Suites that can share the machine: what stands together runs in one session."""
PARTED = "integration"
PARTS = 3
"""The longest suite, and in how many sessions it runs, so that two processors share it."""
ALONE = ("local", "e2e")
SUITES = ("unit", "architecture", "contract", PARTED, "crash", "bench", *ALONE)
"""All of them, in the order in which one session runs them: what blocks sockets first."""

NOT_SLOW = ("-m", "not slow")
SOURCES = ("layers/core/refundkit_core", "layers/sdk/refundkit", "functions", "local", "tests")
TYPED = ("layers/core/refundkit_core", "layers/sdk/refundkit", "functions", "local", "tests")


class Check(NamedTuple):
    """A command that must succeed; `needed` is a path without which there is nothing to check."""

    name: str
    command: list[str]
    needed: str = "."


class Outcome(NamedTuple):
    """How a check ended. `output` is what it said."""

    name: str
    good: bool
    seconds: float
    output: str


def present(paths: tuple[str, ...]) -> list[str]:
    """The paths that exist in the tree."""
    return [path for path in paths if (ROOT / path).exists()]


def checks() -> list[Check]:
    """The checks of `make check`, the longest first so that they share two cores well."""
    python, bin_dir = sys.executable, VENVS / "dev" / "bin"
    sam_bin = VENVS / "sam" / "bin"
    found = [
        Check("mypy --strict", [python, "-m", "mypy", *present(TYPED)]),
        Check("cfn-lint", [str(sam_bin / "cfn-lint"), "template.yaml"], "template.yaml"),
        Check(
            "sam validate",
            [str(sam_bin / "sam"), "validate", "--lint", "--region", "us-east-1"],
            "template.yaml",
        ),
        Check("workflow", [python, "-m", "local.workflow_lint"], "statemachine"),
        Check("import rules", [str(bin_dir / "lint-imports"), "--no-cache"]),
        Check("ruff check", [python, "-m", "ruff", "check", "--quiet", *present(SOURCES)]),
        Check("ruff format", [python, "-m", "ruff", "format", "--check", "--quiet", *present(SOURCES)]),
        Check("drift", [python, "-m", "local.drift", "--check"], "local/drift.py"),
    ]
    return [check for check in found if (ROOT / check.needed).exists()]


def run_check(check: Check) -> Outcome:
    """Run one check, its output kept."""
    environ = dict(os.environ)
    folders = ("", "layers/core", "layers/sdk")
    environ["PYTHONPATH"] = os.pathsep.join(str(ROOT / folder) for folder in folders)
    began = time.monotonic()
    result = run_captured(check.command, environ, CHECK_TIMEOUT_S)
    return Outcome(check.name, result.code == 0, time.monotonic() - began, result.stdout + result.stderr)


def older_pythons(versions: tuple[str, ...]) -> list[Check]:
    """The unit tests on the other supported Pythons that have an environment, where this one is not it."""
    found: list[Check] = []
    current = f"{sys.version_info.major}.{sys.version_info.minor}"
    folders = present(("tests/unit", "tests/architecture"))
    for version in versions:
        python = python_of(f"dev-{version}")
        if folders and version != current and python.exists():
            command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *folders]
            found.append(Check(f"unit tests on {version}", command))
    return found


def suites_beside() -> list[Check]:
    """The sessions that run beside the checks, the longest first."""
    files = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests" / PARTED).glob("test_*.py"))
    parts = {f"{PARTED} {part + 1}/{PARTS}": files[part::PARTS] for part in range(PARTS)}
    whole = {", ".join(suites): present(tuple(f"tests/{suite}" for suite in suites)) for suites in BESIDE}
    session = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *NOT_SLOW]
    sessions = {**parts, **whole}
    return [Check(f"tests: {name}", [*session, *paths]) for name, paths in sessions.items() if paths]


def summary_of(output: str) -> str:
    """What a session says of itself in its last line; nothing where no test ran."""
    last = output.strip().rpartition("\n")[2]
    return last.partition(" in ")[0] if " passed" in last else ""


def run_side_by_side(wanted: list[Check]) -> list[str]:
    """Run checks two at a time; print a line for each, and what those say that fail. Returns their names."""
    failed: list[str] = []

    def report(outcome: Outcome) -> None:
        if outcome.good:
            done(outcome.name, outcome.seconds, summary_of(outcome.output))
            return
        failed.append(outcome.name)
        lines = [f"    {line[:MAX_LINE]}" for line in outcome.output.strip().splitlines()]
        hidden = [f"    … {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else []
        say("\n".join([f"  {colour('failed', '31')} {outcome.name}", *lines[:MAX_LINES], *hidden, ""]))

    each: Callable[[Check], None] = lambda check: report(run_check(check))  # noqa: E731
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(each, wanted))
    return failed


def run_session(arguments: list[str]) -> int:
    """The closing pytest session; its exit code."""
    command = [sys.executable, "-m", "pytest", "-q", *arguments]
    sys.stderr.flush()
    sys.stdout.flush()
    try:
        return subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=SESSION_TIMEOUT_S, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        say(f"the tests took over {SESSION_TIMEOUT_S} s")
        return 1


def main() -> int:
    """Command line: `check`, `test` or `full`. 1 when anything failed, and its name is said."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else "test"
    if wanted not in ("check", "test", "full"):
        say("usage: local.testing check|test|full")
        return 2
    if wanted == "check":
        failed = run_side_by_side(checks())
    else:
        older = ("3.11", "3.12") if wanted == "full" else ("3.11",)  # what the Makefile has made
        beside = [] if wanted == "full" else suites_beside()
        failed = run_side_by_side([*beside, *older_pythons(older), *checks()])
        bounds, suites = ((), SUITES) if wanted == "full" else (NOT_SLOW, ALONE)
        if run_session([*bounds, *present(tuple(f"tests/{suite}" for suite in suites))]):
            failed.append("tests")
    if failed:
        say(f"{colour('not good:', '31')} {'; '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
