"""What the people of `make demo`'s story see in Slack and in their mail."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from local.http_json import call

Found = TypeVar("Found")

TOLD_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.3


def seen(look: Callable[[], Found | None]) -> Found | None:
    """What ``look`` finds as soon as it finds something; None after a while."""
    deadline = time.monotonic() + TOLD_WITHIN_S
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    return found


class SlackOfStory:
    """What the story's people see in Slack and in their mail."""

    def __init__(self, organization: dict[str, Any]) -> None:
        described = organization["slack"]
        self.people: dict[str, dict[str, Any]] = organization["members"]
        self.stranger = str(described["stranger"])
        self._door = str(organization["inbox_url"]).removesuffix("/inbox")

    def until(self, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """What ``look`` finds as soon as it finds something; an empty one after a while."""
        return seen(look) or {"text": "", "blocks": [], "ts": None}

    def message_of(self, approval: str) -> dict[str, Any] | None:
        """The channel's message about an approval."""
        return self._first(lambda each: each["kind"] == "channel" and not each["thread"] and approval in str(each))

    def closed(self, approval: str) -> dict[str, Any] | None:
        """The same, once it has no buttons."""
        found = self.message_of(approval)
        return None if found is None or self.buttons(found) else found

    def direct_to(self, user: str, text: str) -> dict[str, Any] | None:
        """A direct message that says ``text``."""
        return self._first(lambda each: each["kind"] == "direct" and each["user"] == user and text in str(each))

    def whisper_to(self, user: str) -> dict[str, Any] | None:
        """What one person alone was told in the channel."""
        return self._first(lambda each: each["kind"] == "ephemeral" and each["user"] == user)

    def mail_to(self, address: str, text: str) -> dict[str, Any] | None:
        """A mail to somebody that says ``text``."""
        mails = call("GET", f"{self._door}/inbox/messages?to={address}").body
        return next((mail for mail in reversed(mails) if text in f"{mail['subject']} {mail['text']}"), None)

    def click(self, message: dict[str, Any], action: str, user: str) -> dict[str, Any]:
        """Somebody presses a button; what the API answered."""
        sent = {"channel": message.get("channel"), "ts": message["ts"], "action": action, "user": user}
        return dict(call("POST", f"{self._door}/slack/click", sent).body)

    @staticmethod
    def buttons(message: dict[str, Any]) -> list[dict[str, Any]]:
        """The buttons of a message."""
        return [each for block in message["blocks"] if block["type"] == "actions" for each in block["elements"]]

    def _first(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        messages = call("GET", f"{self._door}/slack/state").body["messages"]
        return next((each for each in reversed(messages) if wanted(each)), None)
