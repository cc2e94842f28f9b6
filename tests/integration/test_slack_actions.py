"""Clicks in Slack, from the signed request to the message that changes: real handlers, the sandbox over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from refundkit_core.application.decide_approval import Decision
from refundkit_core.domain.routing import ApprovalSettings

from local.slack_clicks import click_payload, signed
from local.slack_sandbox import Fault
from tests.integration.conftest import World
from tests.support.slack_world import ACTIONS, IncomingWebhook, SlackWorld, connected, post

OVER: dict[str, Any] = {"batchItemFailures": []}
AGAIN: dict[str, Any] = {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
TAKEN = {"status": 200, "body": "{}"}


@pytest.fixture
def slack(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackWorld]:
    with connected(world, monkeypatch) as made:
        yield made


def payload_of(slack: SlackWorld, action: str = "approve", user: str = "U0ANNA01") -> dict[str, Any]:
    """What Slack says of a click, before it is signed."""
    buttons = [
        button for block in slack.message["blocks"] if block["type"] == "actions" for button in block["elements"]
    ]
    (button,) = [each for each in buttons if each["action_id"] == action]
    pressed = {"action_id": action, "text": button["text"], "value": button["value"]}
    return click_payload(slack.sandbox, slack.app, slack.message, pressed, user)


def buttons(slack: SlackWorld) -> list[str]:
    blocks = slack.message["blocks"]
    return [button["action_id"] for block in blocks if block["type"] == "actions" for button in block["elements"]]


def untouched(slack: SlackWorld, refund: dict[str, Any]) -> bool:
    approval = slack.approval(refund)
    return (approval.status, approval.version, approval.revision) == ("pending", 1, 1)


def test_approve_pays_and_the_message_changes_in_place(slack: SlackWorld) -> None:
    anna = slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    assert buttons(slack) == ["approve", "reject", "ask", "escalate"]

    assert slack.click("approve") == TAKEN
    assert slack.hears(refund) == OVER

    approval = slack.approval(refund)
    assert (approval.status, approval.ruling.act.by, approval.ruling.act.via) == ("approved", anna.id, "slack")
    assert buttons(slack) == []
    assert slack.message["edited"]
    assert "Approved by <@U0ANNA01>" in json.dumps(slack.message["blocks"])
    assert slack.world.execute(refund["id"]) == OVER
    assert slack.world.shown(refund["id"])["status"] == "completed"
    assert len(slack.world.paid_at_stripe(refund["id"])) == 1


def test_reject_asks_for_the_reason_first_and_takes_none_without_it(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()

    assert slack.click("reject") == TAKEN
    assert untouched(slack, refund)
    assert json.loads(slack.submit(text="  ")["body"])["response_action"] == "errors"
    assert "text" in slack.window["errors"]
    assert untouched(slack, refund)
    assert json.loads(slack.submit(text="Not what was sent back")["body"]) == {"response_action": "clear"}

    shown = slack.world.shown(refund["id"])
    assert (shown["status"], shown["statusDetail"]) == ("rejected", "Not what was sent back")
    slack.hears(refund)
    assert "> Not what was sent back" in slack.message["blocks"][-2]["text"]["text"]


def test_a_reason_that_must_not_be_kept_is_said_beside_the_field(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.click("reject")

    slack.submit(text="Ask mary@shop.example")

    assert "e-mail addresses" in slack.window["errors"]["text"]
    assert untouched(slack, refund)


def test_a_question_stops_the_time_and_the_message_says_so(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.click("ask")
    assert json.loads(slack.submit(text="A photo, please", action="request_evidence")["body"]) == {
        "response_action": "clear"
    }
    slack.hears(refund)

    approval = slack.approval(refund)
    assert (approval.status, approval.question.text) == ("info_requested", "A photo, please")
    assert "waits for information" in slack.message["text"]
    threads = [each["text"] for each in slack.sandbox.messages if each["thread"] == slack.message["ts"]]
    assert [text.partition(".")[0] for text in threads] == ["More information was asked for"]


def test_escalate_asks_the_next_level(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()

    assert slack.click("escalate") == TAKEN
    slack.hears(refund)

    assert (slack.approval(refund).level, slack.approval(refund).revision) == (1, 2)
    assert buttons(slack) == ["approve", "reject", "ask"]


def test_a_replayed_click_is_the_same_answer_and_nothing_twice(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    request = signed(payload_of(slack), slack.app.signing_secret, slack.sandbox.now())

    assert [post(*request) for _ in range(3)] == [(200, b"{}")] * 3

    assert slack.approval(refund).version == 2
    assert slack.whispers == []
    slack.world.clock.advance(seconds=301)
    assert post(*request)[0] == 400


def test_a_replayed_question_is_asked_once(slack: SlackWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    sent: list[tuple[bytes, dict[str, str]]] = []
    slack.click("ask")

    def noted(body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        sent.append((body, headers))
        return post(body, headers)

    monkeypatch.setattr(slack.sandbox, "deliver", noted)
    slack.submit(text="A photo, please", action="request_evidence")
    version = slack.approval(refund).version

    assert post(*sent[0])[0] == 200
    assert slack.approval(refund).version == version


@pytest.mark.parametrize("skew, status", [(-301, 400), (-300, 200), (0, 200), (300, 200), (301, 400)])
def test_the_clock_may_differ_by_five_minutes_both_ways(slack: SlackWorld, skew: int, status: int) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()

    answered = post(*signed(payload_of(slack), slack.app.signing_secret, slack.sandbox.now() + skew))[0]

    assert answered == status
    assert untouched(slack, refund) == (status == 400)


def test_who_is_nobody_here_is_told_so_alone_and_written_down(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()

    assert slack.click("approve", "U0NOBODY") == TAKEN

    assert untouched(slack, refund)
    ((user, text),) = slack.whispers
    assert user == "U0NOBODY"
    assert text.startswith("Your Slack user is not known here")
    assert slack.refusals == [("slack:U0NOBODY", refund["approvalId"], "unauthorized")]
    assert buttons(slack) != []


def test_who_is_no_longer_active_is_refused(slack: SlackWorld) -> None:
    anna = slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.dismiss(anna)

    for action in ("approve", "reject", "ask", "escalate"):
        assert slack.click(action) == TAKEN

    assert untouched(slack, refund)
    assert [text for _, text in slack.whispers] == ["This member is no longer active."] * 4
    assert slack.refusals == [(anna.id, refund["approvalId"], "unauthorized")] * 4


def test_who_has_no_right_to_decide_is_refused(slack: SlackWorld) -> None:
    cara = slack.hire("Cara", "U0CARA01", role="member")
    refund = slack.waiting()

    slack.click("reject", "U0CARA01")

    assert untouched(slack, refund)
    assert [view for view in slack.sandbox.views if view["view"]] == []
    assert slack.refusals == [(cara.id, refund["approvalId"], "unauthorized")]


def test_nobody_decides_their_own_request(slack: SlackWorld) -> None:
    maximilian = slack.hire("Max", "U0MAX001", role="admin")
    body = {"name": "Max's", "owner": {"type": "member", "id": maximilian.id}, "scopes": ["refunds:write"]}
    key = slack.world.call("POST", "/v1/api-keys", body)[1]["data"]["key"]
    refund = slack.waiting(key=key)

    slack.click("approve", "U0MAX001")

    assert untouched(slack, refund)
    assert slack.refusals == [(maximilian.id, refund["approvalId"], "self_approval_forbidden")]
    assert "Nobody decides a refund that they asked for" in slack.whispers[0][1]
    assert [each["user"] for each in slack.sandbox.messages if each["kind"] == "direct"] == []


def test_what_another_has_decided_is_told_and_stays(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01"), slack.hire("Max", "U0MAX001", role="admin")
    refund = slack.waiting()
    slack.click("approve")
    before = slack.approval(refund)

    slack.click("approve", "U0MAX001")
    slack.click("reject", "U0MAX001")

    assert slack.approval(refund) == before
    assert slack.whispers == [("U0MAX001", "It was approved before: nothing was changed.")] * 2
    assert [code for _, _, code in slack.refusals] == ["approval_already_decided"] * 2


def test_a_window_that_was_open_while_another_decided_says_so(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01"), slack.hire("Max", "U0MAX001", role="admin")
    refund = slack.waiting()
    slack.click("reject")
    slack.click("approve", "U0MAX001")

    answer = json.loads(slack.submit(text="Not ours")["body"])

    assert answer["response_action"] == "update"
    assert "It was approved before" in json.dumps(slack.window["view"])
    assert slack.approval(refund).status == "approved"


def test_a_button_of_before_the_escalation_is_void(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01"), slack.hire("Max", "U0MAX001", role="admin")
    refund = slack.waiting()
    stale = payload_of(slack, user="U0MAX001")
    slack.click("escalate")

    assert post(*signed(stale, slack.app.signing_secret, slack.sandbox.now())) == (200, b"{}")

    assert slack.approval(refund).status == "escalated"
    assert slack.whispers[-1][1].startswith("The approval has changed since")
    assert slack.refusals[-1][2] == "approval_superseded"


@pytest.mark.parametrize("field", ["team", "user"])
def test_another_workspace_is_refused_without_a_word_and_written_down(slack: SlackWorld, field: str) -> None:
    anna = slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    payload = payload_of(slack)
    payload[field] = {**payload[field], "id" if field == "team" else "team_id": "T0ELSEWHERE"}

    status, body = post(*signed(payload, slack.app.signing_secret, slack.sandbox.now()))

    assert (status, json.loads(body)["error"]["code"]) == (400, "validation_error")
    assert "details" not in json.loads(body)["error"]
    assert untouched(slack, refund)
    assert slack.whispers == []
    assert slack.refusals == [(anna.id, refund["approvalId"], "another_workspace")]


def test_the_signature_of_another_connection_opens_nothing(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    other = slack.sandbox.add_app("Other", users={"U0ANNA01": "Anna"})

    assert post(*signed(payload_of(slack), other.signing_secret, slack.sandbox.now()))[0] == 400
    assert untouched(slack, refund)


def test_every_forgery_is_answered_alike_and_changes_nothing(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    body, headers = signed(payload_of(slack), slack.app.signing_secret, slack.sandbox.now())
    signature, stamp = headers["X-Slack-Signature"], headers["X-Slack-Request-Timestamp"]
    elsewhere = payload_of(slack)
    elsewhere["actions"][0]["value"] = "con_00000000000000000000000000" + elsewhere["actions"][0]["value"][30:]
    forged = [
        (body.replace(b"U0ANNA01", b"U0MAX001", 1), headers),
        (body + b"&x=1", headers),
        (body, {**headers, "X-Slack-Signature": signature[:-1] + ("0" if signature[-1] != "0" else "1")}),
        (body, {**headers, "X-Slack-Signature": signature.upper()}),
        (body, {**headers, "X-Slack-Signature": signature.removeprefix("v0=")}),
        (body, {**headers, "X-Slack-Signature": "v0=ü" + signature[4:]}),
        (body, {**headers, "X-Slack-Signature": ""}),
        (body, {**headers, "X-Slack-Request-Timestamp": str(int(stamp) + 1)}),
        *[(body, {**headers, "X-Slack-Request-Timestamp": each}) for each in ("", "now", "1e9", "-1", "٣", "9" * 400)],
        (body, {"Content-Type": headers["Content-Type"]}),
        (b"", headers),
        (b"payload=%7B", headers),
        (b"payload=%5B%5D", headers),
        (b"payload=%7B%22type%22%3A%22block_actions%22%7D", headers),
        (b"payload=" + b"%5B" * 20_000, headers),
        signed(elsewhere, slack.app.signing_secret, slack.sandbox.now()),
    ]

    answers = [post(sent, given) for sent, given in forged]

    assert set(answers) == {answers[0]}
    assert answers[0][0] == 400
    error = json.loads(answers[0][1])["error"]
    assert (error["code"], "details" in error) == ("validation_error", False)
    assert untouched(slack, refund)
    assert slack.whispers == []
    assert post(body, headers)[0] == 200, "the one that was not forged"


def test_disconnected_no_click_is_taken(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.world.container.connect_slack.disconnect(slack.world.tenant)

    assert slack.click("approve")["status"] == 400
    assert untouched(slack, refund)


def test_what_slack_asks_of_other_things_is_taken_and_ignored(slack: SlackWorld) -> None:
    payload = {"type": "view_closed", "view": {}}
    assert post(*signed(payload, slack.app.signing_secret, slack.sandbox.now())) == (200, b"{}")


def test_too_many_messages_come_back_and_are_told_once(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    slack.sandbox.faults.append(Fault("chat.postMessage", "ratelimited", 30))
    refund = slack.waiting()
    assert [each for each in slack.sandbox.messages if each["kind"] == "channel"] == []

    slack.world.clock.advance(minutes=3)
    assert slack.hears(refund) == OVER
    assert slack.hears(refund) == OVER

    assert buttons(slack) == ["approve", "reject", "ask", "escalate"]
    assert [each["user"] for each in slack.sandbox.messages if each["kind"] == "direct"] == ["U0ANNA01"]


def test_an_update_that_slack_refuses_now_comes_back(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.click("approve")
    slack.sandbox.faults.append(Fault("chat.update", "ratelimited", 1))

    assert slack.hears(refund) == AGAIN
    slack.world.clock.advance(minutes=3)
    assert slack.hears(refund) == OVER
    assert buttons(slack) == []


def test_a_window_that_slack_does_not_open_is_a_fault_that_whoever_clicks_sees(slack: SlackWorld) -> None:
    slack.hire("Anna", "U0ANNA01")
    refund = slack.waiting()
    slack.sandbox.faults.append(Fault("views.open", "internal_error", 1))

    assert slack.click("reject")["status"] == 502
    assert untouched(slack, refund)


def test_a_webhook_gets_a_pointer_and_an_end_by_the_real_way(slack: SlackWorld) -> None:
    slack.set_up(ApprovalSettings(channels=("slack",)))
    anna = slack.hire("Anna", "U0ANNA01")
    world = slack.world
    url = world.container.settings.slack_api_base.replace("/slack/api", "/slack/hooks/approvals")
    world.container.connect_slack(world.tenant, IncomingWebhook(url))
    refund = slack.waiting()
    decider = world.container.deciders.known(world.tenant, anna.id)
    world.container.decide_approval(Decision(world.tenant, refund["approvalId"], decider, "session", "approved"))

    assert slack.hears(refund) == OVER

    pointed, closed = [each["text"] for each in slack.sandbox.messages]
    assert f"<http://127.0.0.1:9/api/approvals/{refund['approvalId']}|sign in to decide>" in pointed
    assert "was approved" in closed
    assert "token=" not in pointed + closed


def test_nobody_outside_reads_a_secret_a_code_or_a_customer(
    slack: SlackWorld, logs: Callable[[], list[dict[str, Any]]]
) -> None:
    slack.hire("Anna", "U0ANNA01")
    logs()
    refund = slack.waiting()
    slack.click("approve", "U0NOBODY")
    slack.click("approve")
    slack.hears(refund)

    channel = json.dumps([each for each in slack.sandbox.messages if each["kind"] != "direct"])
    direct = json.dumps([each for each in slack.sandbox.messages if each["kind"] == "direct"])
    written = json.dumps(logs())
    code = direct.split("Your code: *")[1][:6]
    assert "token=" in direct
    for private in ("mary@shop.example", "Mary Smith", "token=", slack.app.bot_token, slack.app.signing_secret, code):
        assert private not in channel
        assert private not in written
    assert "mary" not in direct.lower()


def test_the_route_takes_no_key_and_is_nobodys(slack: SlackWorld) -> None:
    from tests.support.functions import function_module

    (route,) = function_module("slack_actions").api.routes.values()
    assert (route.resource, route.scope) == (ACTIONS, None)
