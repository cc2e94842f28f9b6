"""What people do in Slack with an approval's message, as the application sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refundkit_core.application.slack_messages import Deed, Reference

Header = Callable[[str], str | None]
"""A request's header by its name in lower case."""


@dataclass(frozen=True, slots=True)
class Click:
    """A pressed button: what it is about, who pressed it, in which workspace and channel.

    ``team_id`` is the app's workspace, ``user_team_id`` the person's where Slack says it. ``trigger_id`` is new for
    every click, and opens a window for three seconds.
    """

    deed: Deed
    reference: Reference
    team_id: str
    slack_user: str
    user_team_id: str | None
    channel: str
    trigger_id: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A window that was sent off: the words in it, and for a question what it is about."""

    deed: Deed
    reference: Reference
    team_id: str
    slack_user: str
    user_team_id: str | None
    trigger_id: str
    text: str
    action: str | None = None


ReadClick = Callable[[bytes], Click | Submission | None]
"""What a body says, of whoever it is; None: nothing that we take. Raises BadSignature where it is none of Slack's."""

VerifySlack = Callable[[bytes, Header, str, float], None]
"""Body, headers, signing secret, now in Unix seconds. Raises BadSignature unless Slack signed the body just now."""
