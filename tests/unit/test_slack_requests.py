"""Slack's requests: the signature and its window, and bodies that anybody may send."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from refundkit_core.adapters.slack_requests import TOLERANCE_S, read_click, verify_slack
from refundkit_core.application.slack_clicks import Click, Submission
from refundkit_core.application.slack_messages import Reference
from refundkit_core.domain.errors import BadSignature

from local.slack_clicks import signed

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_795_000_000
REFERENCE = Reference("con_00000000000000000000000001", "apr_00000000000000000000000001", 7)
CLICK: dict[str, Any] = {
    "type": "block_actions",
    "team": {"id": "T0"},
    "user": {"id": "U0", "team_id": "T0"},
    "channel": {"id": "C0"},
    "trigger_id": "1.2",
    "actions": [{"action_id": "approve", "value": REFERENCE.written()}],
}
SUBMISSION: dict[str, Any] = {
    "type": "view_submission",
    "team": {"id": "T0"},
    "user": {"id": "U0"},
    "trigger_id": "1.2",
    "view": {
        "callback_id": "ask",
        "private_metadata": REFERENCE.written(),
        "state": {
            "values": {
                "text": {"text": {"value": " A photo, please "}},
                "action": {"action": {"selected_option": {"value": "request_evidence"}}},
            }
        },
    },
}


def body_of(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


def verify(body: bytes, headers: dict[str, str], now: float = NOW, secret: str = SECRET) -> None:
    lower = {name.lower(): text for name, text in headers.items()}
    verify_slack(body, lower.get, secret, now)


def test_the_signature_is_the_one_that_slack_documents() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
        b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = {"X-Slack-Request-Timestamp": "1531420618", "X-Slack-Signature": signature}

    verify(body, headers, now=1531420618)


@given(st.floats(min_value=-2 * TOLERANCE_S, max_value=2 * TOLERANCE_S), st.binary(max_size=50))
def test_a_signature_holds_for_five_minutes_both_ways(skew: float, extra: bytes) -> None:
    body, headers = signed(CLICK, SECRET, NOW)
    if abs(skew) <= TOLERANCE_S:
        verify(body, headers, now=NOW + skew)
    else:
        with pytest.raises(BadSignature):
            verify(body, headers, now=NOW + skew)
    if extra:
        with pytest.raises(BadSignature):
            verify(body + extra, headers)


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_is_more_than_a_bad_signature(stamp: str, signature: str) -> None:
    with pytest.raises(BadSignature):
        verify(body_of(CLICK), {"x-slack-request-timestamp": stamp, "x-slack-signature": signature})
    with pytest.raises(BadSignature):
        verify(body_of(CLICK), {"x-slack-request-timestamp": str(NOW), "x-slack-signature": signature})


def test_an_empty_secret_signs_nothing() -> None:
    body, headers = signed(CLICK, "", NOW)
    with pytest.raises(BadSignature):
        verify(body, headers, secret="")


def test_a_click_and_a_window_are_read() -> None:
    assert read_click(body_of(CLICK)) == Click("approve", REFERENCE, "T0", "U0", "T0", "C0", "1.2")
    assert read_click(body_of(SUBMISSION)) == Submission(
        "ask", REFERENCE, "T0", "U0", None, "1.2", "A photo, please", "request_evidence"
    )


@pytest.mark.parametrize("kind", ["view_closed", "shortcut", "block_suggestion"])
def test_what_is_none_of_ours_is_nothing(kind: str) -> None:
    assert read_click(body_of({**CLICK, "type": kind})) is None


def test_a_button_that_is_none_of_ours_is_nothing() -> None:
    assert read_click(body_of({**CLICK, "actions": [{"action_id": "open", "value": "x"}]})) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*CLICK, "id", "view"]), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*CLICK, "view"]), JSON), st.sampled_from([CLICK, SUBMISSION]))
def test_whatever_is_sent_is_read_or_a_bad_signature(changes: dict[str, Any], base: dict[str, Any]) -> None:
    try:
        found = read_click(body_of({**base, **changes}))
    except BadSignature:
        return
    assert found is None or isinstance(found, Click | Submission)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_form_are_a_bad_signature(body: bytes) -> None:
    with pytest.raises(BadSignature):
        read_click(body)
