"""Check the state machine: its definition by cfn-lint's schema of the language, and that every state leads somewhere.

cfn-lint reads definitions that stand in a template only, so this one is put into one, with its substitutions made.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from local.bootstrap import ROOT, VENVS

DEFINITION: Final = ROOT / "statemachine" / "refund_approval.asl.json"
TIMEOUT_S: Final = 120
_SUBSTITUTES: Final = {
    "Partition": "aws",
    "ApprovalQueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/approvals",
}


def definition() -> dict[str, Any]:
    """The definition as it is deployed. Raises KeyError for a substitution that the template does not make."""
    text = re.sub(r"\$\{(\w+)\}", lambda found: _SUBSTITUTES[found[1]], DEFINITION.read_text(encoding="utf-8"))
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def faults(machine: dict[str, Any]) -> list[str]:
    """What is wrong with a definition."""
    return [*_linted(machine), *_lost(machine)]


def _linted(machine: dict[str, Any]) -> list[str]:
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/workflow", "Definition": machine}
    template = {"Resources": {"Workflow": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.json"
        path.write_text(json.dumps(template), encoding="utf-8")
        command = [str(VENVS / "sam" / "bin" / "cfn-lint"), "--format", "parseable", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode and not done.stdout:
        raise RuntimeError(f"cfn-lint did not run: {done.stderr}")
    return [line.partition("json:")[2] for line in done.stdout.splitlines()]


def _lost(machine: dict[str, Any]) -> list[str]:
    """States that are named and are not there, and states that nothing leads to."""
    states = machine["States"]
    reached, waiting, missing = set[str](), [machine["StartAt"]], list[str]()
    while waiting:
        name = waiting.pop()
        if name in reached:
            continue
        if name not in states:
            missing.append(f"There is no state {name}")
            continue
        reached.add(name)
        state = states[name]
        waiting += [state["Next"]] if "Next" in state else []
        waiting += [caught["Next"] for caught in state.get("Catch", ())]
    return [*missing, *(f"Nothing leads to {name}" for name in states if name not in reached)]


def main() -> int:
    """The command: 1 where something is wrong."""
    found = faults(definition())
    for fault in found:
        print(f"{DEFINITION.relative_to(ROOT)}: {fault}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
