"""The demo's receiver: what is sent to it, and that nobody else could have sent it."""

from __future__ import annotations

from typing import Any

from refundkit import verify_webhook_signature

from local.http_json import call
from local.seed_webhooks import channel_of, connect_inbox
from local.story import Story
from local.story_slack import seen


def a_shop_hears_of_it(story: Story, organization: dict[str, Any]) -> None:
    """An endpoint gets a refund's events, signed; a sample comes on demand, and the log shows it all."""
    endpoint = connect_inbox(organization)
    story.tell("A webhook endpoint is made; its secret is shown once", endpoint["secret"].startswith("whsec_"))
    shown = story.get(f"/webhook-endpoints/{endpoint['id']}")
    story.tell("and never again", "secret" not in shown.body["data"], shown)

    paid = story.finished(story.refund("eur", 500))
    refund_id = str(paid.get("id"))
    heard = seen(lambda: _complete(organization, refund_id)) or []
    told = ", ".join(sorted(str(each["payload"]["type"]) for each in heard))
    story.tell(f"A refund of 5 euros is heard of there: {told}", len(heard) == 3, heard)
    story.tell("every signature is right", all(each["verified"] for each in heard), heard)
    (signature,) = {str(each["text"]).rpartition("x-refundkit-signature: ")[2] for each in heard[:1]}
    forged = verify_webhook_signature(b'{"type":"refund.completed"}', signature, endpoint["secret"])
    story.tell("and right for nothing else", not forged, signature)

    story.send("POST", f"/webhook-endpoints/{endpoint['id']}/test", {"type": "approval.pending"})
    sample = seen(lambda: _sample(organization)) or {"subject": "none", "verified": False}
    story.tell(f"A sample comes on demand: {sample['subject']}", sample["verified"], sample)
    log = seen(lambda: _delivered(story, endpoint["id"])) or []
    story.tell(f"The log shows {len(log)} deliveries, each with its attempts", len(log) == 4, log)


def _heard(organization: dict[str, Any]) -> list[dict[str, Any]]:
    answer = call("GET", f"{organization['inbox_url']}/messages?channel={channel_of(organization)}")
    return [message for message in answer.body if message["kind"] == "webhook"]


def _complete(organization: dict[str, Any], refund_id: str) -> list[dict[str, Any]] | None:
    """The three events of a refund, once they are all there."""
    about = [each for each in _heard(organization) if each["payload"]["data"].get("refundId") == refund_id]
    return about if len({each["payload"]["type"] for each in about}) == 3 else None


def _sample(organization: dict[str, Any]) -> dict[str, Any] | None:
    return next((each for each in _heard(organization) if each["subject"].endswith("(sample)")), None)


def _delivered(story: Story, endpoint_id: str) -> list[dict[str, Any]] | None:
    found = story.get(f"/webhook-endpoints/{endpoint_id}/deliveries?status=delivered").body["data"]
    return found if len(found) >= 4 else None
