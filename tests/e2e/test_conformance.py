"""Schemathesis holds the running API against its description: thousands of requests, right and wrong ones."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from local.bootstrap import VENVS
from local.captured import Captured, run_captured
from local.deploy import provisioning_environ
from local.settings import ROOT
from local.stack import Stack
from tests.e2e.merchant import Merchant

pytestmark = pytest.mark.stack

PROGRAM = VENVS / "schemathesis" / "bin" / "schemathesis"
FOLDER = Path(__file__).parent
SHORT = ("--max-examples", "4", "--max-time", "45", "--phases", "examples,coverage,fuzzing")
ONE_ROUTE = ("--max-examples", "5", "--phases", "fuzzing", "--include-operation-id", "getRefund", "--seed", "1")
KNOWN = 5
LONG = ("--max-examples", "200", "--max-time", "300")


def admin_key(stack: Stack, merchant: Merchant) -> dict[str, Any]:
    """A key that may do everything, and as much as the run needs: ``key`` is its id, ``secret`` the key."""
    wanted = "keys create --environment test --name conformance --scopes admin --limit 30000 --yes --json".split()
    command = [sys.executable, "-m", "refundkit_core.entrypoints.admin", *wanted]
    organization = ["--organization", str(merchant.described["org_id"])]
    made = run_captured([*command, *organization], provisioning_environ(stack.settings), timeout_s=60)
    assert made.code == 0, made.last_lines()
    found: dict[str, Any] = json.loads(made.stdout)
    return found


def conform(
    stack: Stack, merchant: Merchant, other: Merchant, folder: Path, *bounds: str, description: str = ""
) -> Captured:
    """One run with known charges and refunds, so that some requests succeed; ``description``: not the API's own."""
    charges = [merchant.charge(amount=1_000_000) for _ in range(KNOWN)]
    refunds = [merchant.refund(charge, 100).body["data"]["id"] for charge in charges]
    preview = merchant.call("POST", "/refunds/preview", {"transactionId": charges[0], "amount": 100})
    known = {
        "charges": charges,
        "refunds": refunds,
        "processors": ["stripe"],
        "receivers": ["http://127.0.0.1:9/webhooks"],
        "quotes": [preview.body["data"]["quoteId"]],
    }
    for name, values in known.items():
        (folder / f"{name}.dict").write_text("".join(f'"{value}"\n' for value in values))
    shutil.copy(FOLDER / "conformance.toml", folder)
    key = admin_key(stack, merchant)
    environ = {
        **provisioning_environ(stack.settings),
        "PYTHONPATH": str(FOLDER),
        "SCHEMATHESIS_HOOKS": "conformance_hooks",
        "REFUNDKIT_CONFORMANCE_KEY": key["secret"],
        "REFUNDKIT_CONFORMANCE_KEY_ID": key["key"],
        "REFUNDKIT_CONFORMANCE_OTHER_KEY": admin_key(stack, other)["secret"],
    }
    api = stack.record["api_base"]
    command = [str(PROGRAM), "--config-file", str(folder / "conformance.toml"), "run"]
    command.append(description or f"{api}/v1/openapi.json")
    return run_captured([*command, "--url", api, "--no-color", *bounds], environ, timeout_s=900)


def assert_conforms(run: Captured) -> None:
    """No check failed, and the requests reached what they were meant for."""
    told = run.stdout + run.stderr
    assert run.code == 0, told[-12_000:]
    assert never_allowed(told) == [], told[-3_000:]
    generated = re.search(r"(\d+) generated", told)
    assert generated is not None, told[-3_000:]
    assert int(generated[1]) > 500


def never_allowed(told: str) -> list[str]:
    """The operations of which every request was refused for want of a right. Nobody may decide what they asked for
    themselves, and the run has one key only: those are none of them."""
    _, _, after = told.partition("Authentication failed")
    listed = re.findall(r"^\s+- ([A-Z]+ /\S+)$", after.partition("💡")[0], flags=re.MULTILINE)
    return [operation for operation in listed if not operation.startswith("POST /v1/approvals/")]


def refunds_opened(merchant: Merchant) -> int:
    """How many refunds there are, up to a hundred."""
    return len(merchant.call("GET", "/refunds?limit=100").body["data"])


@pytest.fixture(scope="module", autouse=True)
def _there_is_schemathesis() -> None:
    if not PROGRAM.exists():
        pytest.skip(f"no {PROGRAM.relative_to(ROOT)}: make test makes it")


def test_the_running_api_is_as_documented(
    stack: Stack, merchant: Merchant, other_merchant: Merchant, tmp_path: Path
) -> None:
    assert_conforms(conform(stack, merchant, other_merchant, tmp_path, *SHORT, "--seed", "1"))
    assert refunds_opened(merchant) > KNOWN


def test_an_api_that_is_not_as_documented_is_found(
    stack: Stack, merchant: Merchant, other_merchant: Merchant, tmp_path: Path
) -> None:
    described = json.loads((ROOT / "functions" / "health" / "openapi.json").read_text())
    described["components"]["schemas"]["RefundView"]["properties"]["amount"] = {"type": "string"}
    lie = tmp_path / "openapi.json"
    lie.write_text(json.dumps(described))

    run = conform(stack, merchant, other_merchant, tmp_path, *ONE_ROUTE, description=str(lie))

    assert run.code == 1, run.last_lines()
    assert "Response violates schema" in run.stdout


def test_a_span_that_ends_before_it_begins_holds_nothing(merchant: Merchant) -> None:
    """DynamoDB refuses such a span, moto does not."""
    answer = merchant.call("GET", "/refunds?createdAfter=2026-11-20T12:00:00Z&createdBefore=2026-11-19T12:00:00Z")

    assert (answer.status, answer.body["data"]) == (200, [])


@pytest.mark.slow
def test_the_running_api_is_as_documented_for_as_long_as_five_minutes(
    stack: Stack, merchant: Merchant, other_merchant: Merchant, tmp_path: Path
) -> None:
    assert_conforms(conform(stack, merchant, other_merchant, tmp_path, *LONG))
