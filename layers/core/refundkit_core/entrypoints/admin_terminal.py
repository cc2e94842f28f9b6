"""What ``refundkit-admin`` prints and asks: tables for people, JSON for programs; secrets are never echoed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from getpass import getpass
from typing import Any

Row = Mapping[str, Any]


class NotConfirmed(Exception):
    """The person said no, or nobody was there to ask."""


class Terminal:
    """One run's output. Progress and questions go to stderr, results to stdout."""

    def __init__(self, *, as_json: bool, sure: bool) -> None:
        self._as_json = as_json
        self._sure = sure

    def rows(self, rows: Sequence[Row], nothing: str) -> None:
        """A table with the first row's names as its head; ``nothing`` where it is empty."""
        if self._as_json:
            print(json.dumps(list(rows)))
            return
        if not rows:
            print(nothing)
            return
        texts = [list(rows[0]), *([_text(row[name]) for name in rows[0]] for row in rows)]
        widths = [max(len(line[column]) for line in texts) for column in range(len(rows[0]))]
        for line in texts:
            print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())

    def facts(self, facts: Row, *, note: str | None = None) -> None:
        """Names and values, one a line, lists of things below them as tables."""
        if self._as_json:
            print(json.dumps(facts))
            return
        plain = {name: value for name, value in facts.items() if not _is_table(value)}
        width = max((len(name) for name in plain), default=0)
        for name, value in plain.items():
            print(f"{name.ljust(width)}  {_text(value)}".rstrip())
        for name, value in facts.items():
            if _is_table(value):
                print(f"\n{name}")
                self.rows(value, "none")
        if note:
            print(f"\n{note}")

    def progress(self, message: str) -> None:
        """What goes on meanwhile."""
        print(message, file=sys.stderr, flush=True)

    def fail(self, message: str, following: str | None, code: int) -> None:
        """What went wrong, and what to do next."""
        if self._as_json:
            error = {"message": message, "next": following, "exitCode": code}
            print(json.dumps({"error": error}), file=sys.stderr)
            return
        print(f"error: {message}" + (f"\nnext: {following}" if following else ""), file=sys.stderr)

    def confirm(self, question: str) -> None:
        """Ask before something is done that cannot be taken back. Raises NotConfirmed."""
        if self._sure:
            return
        if not sys.stdin.isatty():
            raise NotConfirmed("nobody is here to confirm this: say --yes")
        print(f"{question} Type yes: ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() != "yes":
            raise NotConfirmed("nothing was done")

    def secret(self, question: str) -> str | None:
        """A secret typed without echo; None where nobody is here to type it."""
        return getpass(question) if sys.stdin.isatty() else None


def _is_table(value: Any) -> bool:
    return isinstance(value, list | tuple) and (not value or isinstance(value[0], Mapping))


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {inner}" for name, inner in value.items()) or "-"
    return str(value)
