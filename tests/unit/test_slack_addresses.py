"""Where messages for Slack may be posted to: nowhere but to Slack."""

from __future__ import annotations

import pytest
from refundkit_core.domain.slack_addresses import is_incoming_webhook

SANDBOX = "http://localhost:3000/slack/api"


def test_slacks_own_address_is_one_where_there_is_no_sandbox() -> None:
    url = "https://hooks.slack.com/services/T024BE7LD/B024BE7LE/Vx3hfPfHRjFZ0f3k"

    assert is_incoming_webhook(url)
    assert not is_incoming_webhook(url, SANDBOX), "nothing leaves a local stack"


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack.com.evil.example/services/T0/B0/x",
        "https://hooks.slack.com@evil.example/services/T0/B0/x",
        "https://hooks.slack.com:8443/services/T0/B0/x",
        "https://user:pass@hooks.slack.com/services/T0/B0/x",
        "https://hooks.slack.com/services/../../x",
        "https://hooks.slack.com/services/T0/B0/x?next=https://evil.example",
        "https://hooks.slack.com/services/T0/B0/x#f",
        "https://hooks.slack.com/services/T0/B0/x\nHost: evil.example",
        "https://hooks.slack.com/",
        "https://slack.com/services/T0/B0/x",
        "http://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:3000/inbox/slack/approvals",
        "",
    ],
)
def test_any_other_is_none(url: str) -> None:
    assert not is_incoming_webhook(url)


def test_the_local_stack_takes_its_own_host_and_no_other() -> None:
    assert is_incoming_webhook("http://localhost:3000/inbox/slack/approvals", SANDBOX)
    for url in (
        "http://localhost:3001/inbox/slack/approvals",
        "https://localhost:3000/inbox/slack/approvals",
        "http://localhost:3000@evil.example/inbox/slack/x",
        "http://localhost:30000/inbox",
        "http://localhost:3000/../x y",
        "http://localhost:3000",
    ):
        assert not is_incoming_webhook(url, SANDBOX), url
