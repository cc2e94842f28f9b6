"""Run a command to its end and keep what it says. Runs on any Python 3.8 or newer."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
TIMED_OUT = 124


class Captured(NamedTuple):
    """How a command ended: `code` 0 is good, `TIMED_OUT` is too late. The two texts are what it wrote."""

    code: int
    stdout: str
    stderr: str

    def last_lines(self, count: int = 20) -> str:
        """The end of what it wrote, indented, to be shown below an error."""
        lines = (self.stdout + self.stderr).strip().splitlines()[-count:]
        return "\n".join(f"    {line}" for line in lines)


def run_captured(command: list[str], environ: Mapping[str, str], timeout_s: float) -> Captured:
    """Run `command` in the tree's root without any input, for `timeout_s` at most."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Captured(TIMED_OUT, "", f"took over {timeout_s:.0f} s")
    return Captured(done.returncode, done.stdout, done.stderr)
