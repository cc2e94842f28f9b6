"""Progress on stderr: one line a step, with the seconds it took.

Runs on any Python 3.8 or newer, because `local.bootstrap` imports it before the right one is known.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import Callable, Iterator


class StepFailed(Exception):
    """A step of a tool failed. `advice` says what the person can do next."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


def colour(text: str, code: str) -> str:
    """`text` in an ANSI colour where stderr is a terminal that wants one."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{code}m{text}\033[0m"


def say(text: str) -> None:
    """Print one line to stderr at once."""
    print(text, file=sys.stderr, flush=True)


def done(name: str, seconds: float, detail: str = "") -> None:
    """Report a finished step: its name, what came of it, and the seconds it took."""
    say(f"  {colour('ok', '32')}   {name:<28} {detail:<44} {seconds:6.1f} s".rstrip())


@contextlib.contextmanager
def step(name: str) -> Iterator[list[str]]:
    """Time the block and report it as one line.

    Yields a list; what the block appends to it is the line's detail.
    Whatever the block raises passes through, after a line that names the step.
    """
    detail: list[str] = []
    began = time.monotonic()
    try:
        yield detail
    except BaseException as exc:
        word = "stopped" if isinstance(exc, KeyboardInterrupt) else "failed"
        say(f"  {colour(word, '31')} {name:<28} after {time.monotonic() - began:.1f} s")
        raise
    done(name, time.monotonic() - began, ", ".join(detail))


def exit_code_of(work: Callable[[], int]) -> int:
    """What `work` returns, or 1 after an explanation where a step of it failed."""
    try:
        return work()
    except StepFailed as failure:
        explain(failure)
        return 1


def explain(failure: StepFailed) -> None:
    """Print a failed step as a person wants to read it: what happened, then what to do."""
    say(f"\n{colour('error:', '31')} {failure}")
    if failure.advice:
        say(f"{colour('next:', '33')}  {failure.advice}")
