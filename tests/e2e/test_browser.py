"""In a real browser: a refund of 350 USD goes to review, and is approved on a phone with the code from the mail."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import uuid
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from local.bootstrap import ROOT, python_of
from local.http_json import call
from local.stack import Stack
from tests.e2e.merchant import Merchant, eventually

pytestmark = [pytest.mark.stack, pytest.mark.slow]

STORY = ROOT / "tests" / "e2e" / "browser_story.py"
SHOTS = ROOT / ".local" / "screenshots"
BOT = {"name": "Bot", "owner": {"type": "agent", "id": "refund-bot"}, "scopes": ["refunds:read", "refunds:write"]}


def chromium() -> str:
    """The Chromium of this machine."""
    named = os.environ.get("REFUNDKIT_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium: install one (Debian: apt-get install chromium), or name it in REFUNDKIT_CHROMIUM")
    return found


def test_a_refund_of_350_usd_is_approved_on_a_phone(stack: Stack) -> None:
    browser = chromium()
    record = stack.record
    merchant = Merchant(record, record["api_base"], record["stripe_sandbox_url"])
    anna = record["members"]["anna"]

    def asks(method: str, path: str, body: Any, **options: Any) -> Any:
        answer = merchant.call(method, path, body, **options)
        assert answer.status in (200, 201), answer
        return answer.body["data"]

    asks("PUT", "/settings/approvals", {"requireReviewAbove": 20_000})
    bot = asks("POST", "/api-keys", BOT)["key"]
    charge, order = merchant.charge(35_000), f"order_{uuid.uuid4().hex[:8]}"
    asks("PUT", f"/transactions/{charge}", {"orderId": order})
    wanted = {"transactionId": charge, "amount": 35_000, "reason": "product_defective"}
    refund = asks("POST", "/refunds", wanted, key=bot)
    assert refund["status"] == "pending_approval"
    inbox = record["inbox_url"]
    mail = eventually(lambda: _mail(inbox, anna["email"], order), 60, lambda: "no mail arrived")
    link = re.findall(r"https?://\S+callback\?\S+", mail["text"])[0]
    scanned = [_scanned(method, link) for method in ("GET", "HEAD", "OPTIONS", "GET", "HEAD") for _ in range(10)]
    assert {status for status in scanned if status >= 500} == set()
    assert _posted(link) in (400, 403)
    assert merchant.call("GET", f"/approvals/{refund['approvalId']}").body["data"]["version"] == 1
    SHOTS.mkdir(parents=True, exist_ok=True)
    story = {
        "inbox": inbox,
        "mail_to": anna["email"],
        "subject": mail["subject"],
        "about": order,
        "channel": "refund-approvals",
        "chromium": browser,
        "shots": str(SHOTS),
    }
    command = [str(python_of("browser")), str(STORY), json.dumps(story)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)

    assert {"Approve", "Reject"} <= set(seen["slack_before"]["buttons"])
    assert not seen["code_in_link"]
    assert order not in seen["door"]
    assert "350" not in seen["door"]
    assert "4 tries" in seen["wrong_code"]
    assert order in seen["case"]
    assert "350.00 USD" in seen["case"]
    assert not seen["too_wide_on_a_phone"]
    assert "Approved" in seen["decided"]
    assert seen["slack_after"]["buttons"] == []
    assert anna["name"].split()[0] in seen["slack_after"]["text"] or "@" in seen["slack_after"]["text"]
    merchant.refund_in(refund["id"], "completed")
    (paid,) = merchant.at_the_processor(charge)
    assert paid["amount"] == 35_000
    assert {shot.name for shot in SHOTS.iterdir()} >= {"door-phone.png", "case-phone.png", "case-desktop.png"}


def _scanned(method: str, link: str) -> int:
    """What a scanner of mails gets that follows a link."""
    try:
        with urlopen(Request(link, method=method), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def _posted(link: str) -> int:
    """What a form gets that nobody opened: it has neither code nor session, nor the token of a form of ours."""
    try:
        with urlopen(Request(link, b"action=approve", method="POST"), timeout=30) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return refused.code


def _mail(inbox: str, to: str, about: str) -> dict[str, Any] | None:
    found = call("GET", f"{inbox}/messages?to={to}").body
    return next((message for message in found if about in message["text"]), None)
