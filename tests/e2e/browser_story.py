"""An approver in a real browser: mail, page, a mistyped code, the right one, the approval; Slack's message changes.

    .venvs/browser/bin/python tests/e2e/browser_story.py '{"inbox": …, "mail_to": …, "subject": …, "channel": …,
                                                          "chromium": …, "shots": …}'

Prints one JSON object with what was seen on the way; takes pictures into the folder ``shots``. Runs in an environment
that has Playwright and nothing of ours.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
PATIENCE_MS = 30_000


def main() -> None:
    """Play it, and say what was seen."""
    wanted = json.loads(sys.argv[1])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=wanted["chromium"], args=["--no-sandbox"])
        try:
            print(json.dumps(played(browser, wanted)))
        finally:
            browser.close()


def played(browser: Browser, wanted: dict[str, Any]) -> dict[str, Any]:
    """What was seen, step by step."""
    shots = Path(wanted["shots"])
    inbox = browser.new_page(viewport=DESKTOP)
    inbox.set_default_timeout(PATIENCE_MS)
    inbox.goto(wanted["inbox"])
    seen: dict[str, Any] = {"slack_before": slack_message(inbox, wanted)}
    inbox.screenshot(path=shots / "slack-before.png")
    row(inbox, wanted["subject"], wanted["mail_to"]).click()
    text = inbox.locator("article pre").first.inner_text()
    inbox.screenshot(path=shots / "mail-desktop.png")
    small = browser.new_page(viewport=PHONE)
    small.set_default_timeout(PATIENCE_MS)
    small.goto(wanted["inbox"])
    row(small, wanted["subject"], wanted["mail_to"]).click()
    small.locator("article iframe").screenshot(path=shots / "mail-phone.png")
    slack_message(small, wanted)
    small.locator("article").screenshot(path=shots / "slack-phone.png")
    url, code = re.findall(r"https?://\S+callback\?\S+", text)[0], re.findall(r"\b\d{6}\b", text)[-1]
    seen["code_in_link"] = code in url

    phone = browser.new_context(viewport=PHONE, java_script_enabled=False, is_mobile=True).new_page()
    phone.set_default_timeout(PATIENCE_MS)
    phone.goto(url)
    seen["door"] = phone.inner_text("body")
    phone.screenshot(path=shots / "door-phone.png", full_page=True)
    enter(phone, "000000" if code != "000000" else "000001")
    seen["wrong_code"] = phone.inner_text("[role=alert]")
    enter(phone, code)
    seen["case"] = phone.inner_text("body")
    seen["too_wide_on_a_phone"] = phone.evaluate("document.documentElement.scrollWidth") > PHONE["width"]
    phone.screenshot(path=shots / "case-phone.png", full_page=True)
    desktop = phone.context.new_page()
    desktop.set_viewport_size(DESKTOP)
    desktop.goto(phone.url)
    desktop.screenshot(path=shots / "case-desktop.png", full_page=True)
    phone.get_by_role("button", name="Approve this refund").click()
    seen["decided"] = phone.inner_text("body")
    phone.screenshot(path=shots / "decided-phone.png", full_page=True)

    inbox.wait_for_function("() => document.title")  # the page polls: what follows waits for it to show the change
    seen["slack_after"] = slack_message(inbox, wanted, "Approved")
    inbox.screenshot(path=shots / "slack-after.png")
    return seen


def row(inbox: Page, *texts: str) -> Any:
    """The inbox's row that says all of ``texts``."""
    found = inbox.locator("#list li")
    for text in texts:
        found = found.filter(has_text=text)
    return found.first


def slack_message(inbox: Page, wanted: dict[str, Any], says: str = "") -> dict[str, Any]:
    """The channel's message about the refund, once it says ``says``: its text and its buttons."""
    row(inbox, f"#{wanted['channel']}").click()
    message = inbox.locator("article .post").filter(has_text=wanted["about"]).filter(has_text=says).first
    message.wait_for()
    return {"text": message.inner_text(), "buttons": message.get_by_role("button").all_inner_texts()}


def enter(page: Page, code: str) -> None:
    """Fill the code in, and send it."""
    page.fill("input[name=code]", code)
    page.get_by_role("button", name="See the case").click()


if __name__ == "__main__":
    main()
