"""What Slack posts when somebody clicks: the signature, and what is said. Loads no library of Slack's.

Source: Slack's documentation of verifying requests: ``X-Slack-Signature: v0=<hex>``, HMAC-SHA256 over
``v0:<X-Slack-Request-Timestamp>:<body>`` with the app's signing secret; and of interaction payloads.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from refundkit_core.application.slack_clicks import Click, Header, Submission
from refundkit_core.application.slack_messages import ACTION, DEEDS, TEXT, Deed, Reference
from refundkit_core.domain.errors import BadSignature

TOLERANCE_S: Final = 300
_VERSION: Final = "v0"
_MAX_TIMESTAMP: Final = 12


def verify_slack(body: bytes, header: Header, signing_secret: str, now_unix: float) -> None:
    """Raises BadSignature unless ``signing_secret`` signed ``body`` within 300 s before or after ``now_unix``; always
    with the same words, and in constant time."""
    stamp, signature = header("x-slack-request-timestamp") or "", header("x-slack-signature") or ""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= _MAX_TIMESTAMP):
        raise bad_signature()
    if not signing_secret or abs(now_unix - int(stamp)) > TOLERANCE_S:
        raise bad_signature()
    signed = f"{_VERSION}:{stamp}:".encode() + body
    expected = f"{_VERSION}={hmac.new(signing_secret.encode(), signed, hashlib.sha256).hexdigest()}"
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        raise bad_signature()


def read_click(body: bytes) -> Click | Submission | None:
    """What a body says of a button or window of ours, whoever sent it; None for any other interaction.

    Raises:
        BadSignature: it is not what Slack sends.
    """
    try:
        (text,) = parse_qs(body.decode(), strict_parsing=True, max_num_fields=20)["payload"]
        payload = json.loads(text)
        reads = {"block_actions": _click, "view_submission": _submission}.get(payload["type"])
        return None if reads is None else reads(payload)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as exc:
        raise bad_signature() from exc


def bad_signature() -> BadSignature:
    """One answer for everything that is not Slack's, so that nothing can be learnt from it."""
    return BadSignature("This was not signed by Slack for a connection that stands")


def _click(payload: Mapping[str, Any]) -> Click | None:
    (action,) = payload["actions"]
    deed = _deed(action["action_id"])
    if deed is None:
        return None
    return Click(
        deed=deed,
        reference=Reference.read(action["value"]),
        team_id=_text(payload["team"]["id"]),
        slack_user=_text(payload["user"]["id"]),
        user_team_id=_optional(payload["user"].get("team_id")),
        channel=_text(payload["channel"]["id"]),
        trigger_id=_text(payload["trigger_id"]),
    )


def _submission(payload: Mapping[str, Any]) -> Submission | None:
    view = payload["view"]
    deed = _deed(view["callback_id"])
    if deed is None:
        return None
    values = view["state"]["values"]
    chosen = values[ACTION][ACTION]["selected_option"]["value"] if ACTION in values else None
    return Submission(
        deed=deed,
        reference=Reference.read(view["private_metadata"]),
        team_id=_text(payload["team"]["id"]),
        slack_user=_text(payload["user"]["id"]),
        user_team_id=_optional(payload["user"].get("team_id")),
        trigger_id=_text(payload["trigger_id"]),
        text=(_optional(values[TEXT][TEXT].get("value")) or "").strip(),
        action=_optional(chosen),
    )


def _deed(name: Any) -> Deed | None:
    return next((deed for deed in DEEDS if deed == name), None)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("text is expected here")
    return value


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)
