"""The demo's approver: a refund that waits, what reaches her, a stranger's click, and hers."""

from __future__ import annotations

from typing import Final

from local.story import Story

CHARGE: Final = "large_usd"


def an_approver_decides(story: Story) -> None:
    """350 USD wait; Anna hears of them by Slack and by e-mail; only her click pays them."""
    slack = story.slack
    anna = slack.people["anna"]
    camera = {"items": [{"sku": "CAMERA"}], "amount": 35_000, "reason": "item_not_as_described"}
    opened = story.send("POST", "/refunds", {"transactionId": story.charges[CHARGE], **camera})
    waiting = dict(opened.body.get("data") or {})
    net = f"{int(waiting.get('amount') or 0) / 100:.2f} USD"
    told = f"$350 for the camera wait for a person, {net} of it after the fee"
    story.tell(told, waiting.get("status") == "pending_approval", opened)
    approval = str(waiting.get("approvalId"))

    message = slack.until(lambda: slack.message_of(approval))
    labels = [str(button["text"]["text"]) for button in slack.buttons(message)]
    told = f"Slack's channel is told, with buttons: {', '.join(labels)}"
    story.tell(told, labels[:2] == ["Approve", "Reject"] and net in message["text"], message)
    direct = slack.until(lambda: slack.direct_to(anna["slack_user_id"], net))
    told = "Anna alone gets her link and her code, as a direct message"
    story.tell(told, "token=" in str(direct) and "token=" not in str(message), direct)
    mail = slack.until(lambda: slack.mail_to(anna["email"], net))
    story.tell(f"and by e-mail: {mail.get('subject')}", "/approvals/callback?token=" in str(mail.get("text")), mail)

    slack.click(message, "approve", slack.stranger)
    whisper = slack.until(lambda: slack.whisper_to(slack.stranger))
    still = story.get(f"/approvals/{approval}").body["data"]["status"]
    story.tell(f"A stranger's click changes nothing: {whisper.get('text')}", still == "pending", (still, whisper))
    answer = slack.click(message, "approve", anna["slack_user_id"])
    story.tell("Anna clicks Approve", answer.get("status") == 200, answer)
    paid = story.finished(opened)
    story.tell("and the refund is paid", paid.get("status") == "completed", paid)
    changed = slack.until(lambda: slack.closed(approval))
    said = f"<@{anna['slack_user_id']}>" in str(changed["blocks"])
    told = "The same message now says who approved it, and has no buttons"
    story.tell(told, said and changed["ts"] == message["ts"], changed)
