"""Give a running organization a webhook endpoint in the local inbox, which then shows every event that is sent."""

from __future__ import annotations

from typing import Any

from local.console import StepFailed
from local.http_json import call
from local.warm import headers_for


def channel_of(record: dict[str, Any]) -> str:
    """What the inbox calls the organization's endpoint: no other organization's is called so."""
    return f"{record['organization']}-{str(record['org_id'])[-4:].lower()}"


def connect_inbox(record: dict[str, Any]) -> dict[str, str]:
    """An endpoint for all events of test mode, named after it; its id and secret.

    Raises:
        StepFailed: the API refused it.
    """
    url = f"{record['inbox_url']}/webhooks/{channel_of(record)}"
    wanted = {"url": url, "events": ["*"], "description": "The local inbox"}
    made = call("POST", f"{record['api_base']}/v1/webhook-endpoints", wanted, headers_for(str(record["test_key"])))
    if made.status != 201:
        raise StepFailed(f"the webhook endpoint of the inbox was refused: {made.body}")
    endpoint: dict[str, str] = made.body["data"]
    call("PUT", url, {"secret": endpoint["secret"]})
    return {"id": endpoint["id"], "secret": endpoint["secret"]}
