"""Integrations on the wire: connecting Slack, and what is shown of it. Secrets travel one way only."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from refundkit.contracts.base import Wire


class ConnectSlackRequest(Wire):
    """An app of your own (``botToken``, ``signingSecret`` and ``channel``), whose messages have buttons; or the URL of
    an incoming webhook (``webhookUrl``), whose messages point to where one signs in."""

    bot_token: Annotated[str, Field(pattern=r"^xoxb-[A-Za-z0-9-]{8,250}$")] | None = None
    """The app's bot token, with the scopes ``chat:write`` and ``im:write``."""
    signing_secret: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{16,128}$")] | None = None
    """What Slack signs clicks with: "Signing Secret" in the app's basic information."""
    channel: Annotated[str, Field(pattern=r"^[CG][A-Z0-9]{2,30}$")] | None = None
    """The channel's id, not its name; the app has to be a member of it."""
    webhook_url: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """``https://hooks.slack.com/services/…``"""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        app = [self.bot_token is not None, self.signing_secret is not None, self.channel is not None]
        complete = all(app) if self.webhook_url is None else not any(app)
        if not complete:
            raise ValueError("Give botToken, signingSecret and channel, or webhookUrl alone")
        return self


class SlackView(Wire):
    """The connection as it stands: ``error`` means that Slack refused the token or the channel the last time."""

    connection_id: str
    environment: Literal["test", "live"]
    kind: Literal["app", "webhook"]
    status: Literal["active", "inactive", "error"]
    channel: str | None
    team: str | None
    """The workspace's name."""
    team_id: str | None
    last_four: str
    """The last characters of the token or the URL."""
