"""What a person does in the sandbox of Slack, told to the API as Slack tells it: a signed form with one JSON in it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from local.inbox import Reply

if TYPE_CHECKING:
    from local.slack_sandbox import App, SlackSandbox

Json = dict[str, Any]
OK = 200


def signed(payload: Json, signing_secret: str, at: float) -> tuple[bytes, dict[str, str]]:
    """A body and its headers, signed `at` a time in Unix seconds."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    stamp = str(int(at))
    digest = hmac.new(signing_secret.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={digest}",
    }
    return body, headers


def click_payload(sandbox: SlackSandbox, app: App, message: Json, action: Json, user: str) -> Json:
    """What Slack says of a click on a button."""
    trigger = sandbox.next_id("trigger.")
    sandbox.views.append(
        {"id": sandbox.next_id("V0"), "trigger": trigger, "user": user, "app": app.app_id, "view": None}
    )
    return {
        "type": "block_actions",
        **_who(app, user),
        "container": {
            "type": "message",
            "message_ts": message["ts"],
            "channel_id": message["channel"],
            "is_ephemeral": False,
        },
        "trigger_id": trigger,
        "channel": {"id": message["channel"], "name": message["channelName"]},
        "message": {"ts": message["ts"], "text": message["text"]},
        "response_url": "https://hooks.slack.com/actions/T0/1/never-followed",
        "actions": [{"type": "button", "block_id": "b", "action_ts": str(sandbox.now()), **action}],
    }


def submission_payload(sandbox: SlackSandbox, app: App, kept: Json, values: dict[str, str]) -> Json:
    """What Slack says of a window that was sent off; `values` by the names of its blocks."""
    view = kept["view"]
    inputs = {block["block_id"]: block["element"] for block in view["blocks"] if block["type"] == "input"}
    state = {name: {element["action_id"]: _chosen(element, values.get(name, ""))} for name, element in inputs.items()}
    shown = {key: view.get(key) for key in ("callback_id", "private_metadata", "type")}
    return {
        "type": "view_submission",
        **_who(app, kept["user"]),
        "trigger_id": sandbox.next_id("trigger."),
        "view": {"id": kept["id"], **shown, "state": {"values": state}},
    }


def _who(app: App, user: str) -> Json:
    return {
        "team": {"id": app.team_id, "domain": "local"},
        "user": {"id": user, "username": user.lower(), "name": user.lower(), "team_id": app.team_id},
        "api_app_id": app.app_id,
        "token": "not-used",
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _chosen(element: Json, text: str) -> Json:
    if element["type"] == "static_select":
        return {"type": "static_select", "selected_option": {"value": text} if text else None}
    return {"type": element["type"], "value": text or None}


def click(sandbox: SlackSandbox, sent: Json) -> Reply:
    """A person presses a button: `{"channel", "ts", "action", "user"}`."""
    message = next((each for each in sandbox.messages if _is(each, sent)), None)
    if message is None:
        return Reply.json(404, {"error": "no such message"})
    buttons = [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]
    button = next((each for each in buttons if each.get("action_id") == sent.get("action")), None)
    app = next(each for each in sandbox.apps if each.app_id == message["app"])
    if button is None:
        return Reply.json(404, {"error": "no such button"})
    action = {"action_id": button["action_id"], "text": button["text"], "value": button.get("value")}
    status, content = _deliver(sandbox, app, click_payload(sandbox, app, message, action, str(sent.get("user"))))
    return Reply.json(200, {"status": status, "body": content.decode("utf-8", "replace")})


def submit(sandbox: SlackSandbox, sent: Json) -> Reply:
    """A person sends a window off: `{"view", "values"}`. What the API answers becomes of the window."""
    kept = next((each for each in sandbox.views if each["id"] == sent.get("view") and each["view"]), None)
    if kept is None:
        return Reply.json(404, {"error": "no such window"})
    app = next(each for each in sandbox.apps if each.app_id == kept["app"])
    values = {str(name): str(text) for name, text in (sent.get("values") or {}).items()}
    status, content = _deliver(sandbox, app, submission_payload(sandbox, app, kept, values))
    said = json.loads(content) if status == OK and content.strip() else {}
    match said.get("response_action"):
        case "errors":
            kept["errors"] = said["errors"]
        case "update":
            kept |= {"view": said["view"], "errors": {}}
        case _ if status == OK:
            sandbox.views.remove(kept)
    return Reply.json(200, {"status": status, "body": content.decode("utf-8", "replace")})


def close(sandbox: SlackSandbox, sent: Json) -> Reply:
    """A person closes a window: `{"view"}`."""
    sandbox.views[:] = [each for each in sandbox.views if each["id"] != sent.get("view")]
    return Reply.json(200, {"ok": True})


def _is(message: Json, sent: Json) -> bool:
    return (message["channel"], message["ts"]) == (sent.get("channel"), sent.get("ts"))


def _deliver(sandbox: SlackSandbox, app: App, payload: Json) -> tuple[int, bytes]:
    if sandbox.deliver is None:
        return 503, b"the API is being deployed"
    body, headers = signed(payload, app.signing_secret, sandbox.now())
    return sandbox.deliver(body, headers)


DEEDS: dict[str, Callable[[SlackSandbox, Json], Reply]] = {"click": click, "submit": submit, "close": close}
