"""An organization whose approvals are told in Slack: the telling desk with a connection, and people known there."""

from __future__ import annotations

from typing import Any

from refundkit_core.application.slack_ports import Message, SlackConnection
from refundkit_core.application.tell_slack import TellSlack
from refundkit_core.domain.routing import ApprovalSettings

from tests.support.memory_members import MemoryMemberStore, member
from tests.support.people import BASE, TellingDesk
from tests.support.slack import FakeSlack, MemorySlackPosts, MemorySlackStore, connection

ONLY_SLACK = ApprovalSettings(channels=("slack",))


class SlackDesk(TellingDesk):
    """Ann and the owner are known in Slack, Ben is not."""

    def __init__(
        self, settings: ApprovalSettings = ONLY_SLACK, slack: SlackConnection | None = None, **charge: Any
    ) -> None:
        super().__init__(settings, **charge)
        self.people = MemoryMemberStore(
            member(1, "admin", slack_user="U0REQUESTER"),
            member(2, "approver", slack_user="U0ANN"),
            member(3, "approver", name="Ben <b> & Co"),
            member(4, "owner", slack_user="U0OWNER"),
        )
        self.slack = FakeSlack()
        self.store_of_slack = MemorySlackStore(slack or connection())
        self.posts = MemorySlackPosts()
        self.listeners = [
            TellSlack(
                self.approval_desk,
                self.store_of_slack,
                self.posts,
                self.slack,
                self.people,
                self.orders,
                self.invite,
                self.deliveries,
                self.clock,
                BASE,
            )
        ]

    @property
    def message(self) -> Message:
        """The channel's only message, as it stands now."""
        (posted,) = self.slack.in_channel
        return self.slack.updates[-1][1] if self.slack.updates else posted


def words_of(message: Message) -> str:
    """Everything that one can read in a message."""
    return "\n".join([message.text, *_texts(list(message.blocks))])


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return own + [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)] if isinstance(value, list | tuple) else []


def buttons_of(message: Message) -> list[dict[str, Any]]:
    """The buttons of a message."""
    return [button for block in message.blocks if block["type"] == "actions" for button in block["elements"]]
