"""Does the committed description of the API say what the handlers do, and do they keep what was published?

The JSON Schema of policies beside it is held against the contract in the same way.

    python -m local.drift              write both anew (`make openapi`): openapi.json and policy.schema.json
    python -m local.drift --check      change nothing; 1 where it is not current, or breaks what was published
    python -m local.drift --publish    what is described now is what clients may rely on from now on

Publish when a version goes out that clients are told of, never to silence a finding: a breaking change is for a new
path, or for a day on which every client has been moved. Until then additions are free, and what is not published yet
may still change.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from pathlib import Path
from typing import Any

from local.compatibility import compare
from local.console import StepFailed, exit_code_of, say
from local.openapi import document, written
from local.policy_schema import written_schema
from local.settings import ROOT

COMMITTED = ROOT / "functions" / "health" / "openapi.json"
SCHEMA = ROOT / "functions" / "policies" / "policy.schema.json"
PUBLISHED = ROOT / "tests" / "contract" / "published_openapi.json"
MAX_DIFF_LINES = 40
SAID = frozenset({"description", "summary", "example", "examples"})


def contract_of(value: Any, are_names: bool = False) -> Any:
    """A description without its texts and examples, which may change at any time. ``are_names``: keys are names."""
    if isinstance(value, dict):
        return {
            key: contract_of(each, key in ("properties", "headers", "schemas", "responses"))
            for key, each in value.items()
            if are_names or key not in SAID
        }
    return [contract_of(each) for each in value] if isinstance(value, list) else value


def drift(committed: str, generated: str) -> list[str]:
    """How the committed description differs from the generated one: the first lines of a unified diff."""
    lines = list(
        difflib.unified_diff(committed.splitlines(), generated.splitlines(), "committed", "generated", lineterm="", n=1)
    )
    more = [f"… {len(lines) - MAX_DIFF_LINES} more lines"] if len(lines) > MAX_DIFF_LINES else []
    return lines[:MAX_DIFF_LINES] + more


def check(committed: Path, published: Path) -> int:
    """Hold both files against the handlers. 1 where one of them does not fit, after saying why.

    Raises:
        StepFailed: nothing has been published yet.
    """
    described = document()
    differences = drift(committed.read_text(encoding="utf-8") if committed.exists() else "", written(described))
    if differences:
        say("\n".join(differences))
        say("the committed description of the API is not current: run `make openapi` and commit what it wrote")
    if not published.exists():
        raise StepFailed("no contract is published", "run python -m local.drift --publish")
    findings = compare(json.loads(published.read_text(encoding="utf-8")), described)
    for finding in findings:
        say(str(finding))
    broken = any(finding.breaking for finding in findings)
    if broken:
        say("clients of the published API would fail: keep the old way beside the new one")
    return 1 if differences or broken else 0


def check_schema(committed: Path) -> int:
    """Hold the schema of policies against the contract. 1 where it is not current, after saying why."""
    differences = drift(committed.read_text(encoding="utf-8") if committed.exists() else "", written_schema())
    if differences:
        say("\n".join(differences))
        say("the committed schema of policies is not current: run `make openapi` and commit what it wrote")
    return 1 if differences else 0


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="local.drift", description="The API's description: write it, or check it.")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true")
    action.add_argument("--publish", action="store_true")
    options = parser.parse_args(arguments)

    def work() -> int:
        if options.check:
            return max(check(COMMITTED, PUBLISHED), check_schema(SCHEMA))
        SCHEMA.write_text(written_schema(), encoding="utf-8")
        COMMITTED.write_text(written(document()), encoding="utf-8")
        if options.publish:
            PUBLISHED.write_text(written(contract_of(document())), encoding="utf-8")
        return 0

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
