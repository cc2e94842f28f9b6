"""Warm what the first refund needs, by making one: it proves that the stack works, too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from local.console import StepFailed
from local.http_json import Unreachable, call

if TYPE_CHECKING:
    from local.stack import Stack

WARM_TIMEOUT_S = 60.0
POLL_S = 0.2
FINAL = frozenset({"completed", "failed", "cancelled", "rejected"})


def headers_for(key: str) -> dict[str, str]:
    """The authorization of a request."""
    return {"Authorization": f"Bearer {key}"}


def wait_for_final(api_base: str, key: str, refund_id: str, timeout_s: float) -> dict[str, Any]:
    """Read a refund until its status is final; the refund as it stands when that or `timeout_s` has come."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = call("GET", f"{api_base}/v1/refunds/{refund_id}", headers=headers_for(key))
        refund: dict[str, Any] = (answer.body or {}).get("data") or {}
        if refund.get("status") in FINAL or time.monotonic() > deadline:
            return refund
        # A key has 100 requests a minute: who waits obeys the answer that says so.
        time.sleep(float(answer.headers.get("retry-after", POLL_S)) if answer.status == 429 else POLL_S)


def warm(stack: Stack) -> str:
    """Make a refund in an organization of its own and wait until it is completed; how that went, in words.

    Raises:
        StepFailed: the API refused it, or it was not completed in time.
    """
    api_base = stack.settings.api_base
    trial = stack.seed_organization("warm-up", few=True)
    body = {"transactionId": trial["transactions"]["fresh_usd"], "amount": 100, "reason": "other"}
    advice = f"look into the logs in {stack.settings.logs}"
    began = time.monotonic()
    try:
        answer = call("POST", f"{api_base}/v1/refunds", body, headers_for(trial["test_key"]), WARM_TIMEOUT_S)
        if answer.status != 201:
            raise StepFailed(f"the first refund was answered {answer.status}: {answer.body}", advice)
        refund = wait_for_final(api_base, trial["test_key"], answer.body["data"]["id"], WARM_TIMEOUT_S)
        call("GET", f"{api_base}/v1/refunds/{refund.get('id')}/events", headers=headers_for(trial["test_key"]))
    except Unreachable as exc:
        raise StepFailed(f"the first refund got no answer: {exc}", advice) from exc
    if refund.get("status") != "completed":
        detail = refund.get("statusDetail")
        raise StepFailed(f"the first refund is {refund.get('status')} ({detail}), not completed", advice)
    return f"a trial refund was completed after {time.monotonic() - began:.1f} s"
