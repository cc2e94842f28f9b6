"""What speaking with Slack needs: an organization's connection, where its messages stand, and Slack itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from refundkit_core.application.audit import AuditEntry
    from refundkit_core.application.notify_ports import Subject
    from refundkit_core.domain.tenancy import Tenant

SlackKind = Literal["app", "webhook"]
SlackStatus = Literal["active", "inactive", "error"]
Block = Mapping[str, Any]


class Workspace(NamedTuple):
    """Whose a bot token is: the workspace, and the bot's user in it."""

    team_id: str
    team_name: str
    bot_user_id: str


@dataclass(frozen=True, slots=True)
class SlackConnection:
    """An organization's way into Slack in one environment, secrets opened. Never leaves the server.

    An ``app`` has ``bot_token``, ``signing_secret``, ``channel`` and a workspace; a ``webhook`` has ``webhook_url``
    alone. ``last_four`` are the last characters of the token or URL. ``error``: Slack refused them the last time.
    """

    id: str
    tenant: Tenant
    kind: SlackKind
    status: SlackStatus
    last_four: str
    version: int = 1
    channel: str | None = None
    workspace: Workspace | None = None
    bot_token: str | None = field(default=None, repr=False)
    signing_secret: str | None = field(default=None, repr=False)
    webhook_url: str | None = field(default=None, repr=False)

    @property
    def is_used(self) -> bool:
        """Whether anything goes through it."""
        return self.status != "inactive"


class SlackStore(Protocol):
    """Organizations' connections to Slack, one in each environment. All reads are consistent."""

    def of(self, tenant: Tenant) -> SlackConnection | None:
        """The tenant's connection, an inactive one too."""

    def by_id(self, connection_id: str) -> SlackConnection | None:
        """The connection with this id, if it is its tenant's present one."""

    def put(self, connection: SlackConnection, at: datetime, audit: AuditEntry) -> None:
        """Store a connection in place of the one a version before.

        Raises:
            StoreConflict: another one stands there, the organization was deleted, or no answer came.
        """

    def mark(self, connection: SlackConnection, status: SlackStatus, at: datetime) -> None:
        """Note how Slack takes exactly these secrets; nothing where others stand there by now."""


class Post(NamedTuple):
    """Where a message stands: by which connection, in which channel, at which of Slack's timestamps."""

    connection_id: str
    channel: str
    ts: str


class SlackPosts(Protocol):
    """Where approvals' messages stand, one each. All reads are consistent."""

    def find(self, subject: Subject, now: datetime) -> Post | None:
        """Where the approval's message stands; None: nobody has posted one.

        Raises:
            StoreConflict: another worker is about to post it.
        """

    def claim(self, subject: Subject, now: datetime) -> None:
        """Take it upon oneself to post the message.

        Raises:
            StoreConflict: another worker is at it, or has posted it, or no answer came.
        """

    def keep(self, subject: Subject, post: Post) -> None:
        """Note where the message stands that was claimed. Raises StoreConflict where no answer came."""


class Message(NamedTuple):
    """What is posted: ``text`` for notifications and readers without blocks, ``blocks`` of Slack's Block Kit."""

    text: str
    blocks: Sequence[Block] = ()


class SlackApi(Protocol):
    """Slack. Every call is made once: who calls decides whether it comes again.

    Raises, all of them:
        SlackRefused: Slack does not accept the token, the channel, the user or the message.
        NotDelivered: no answer came, or Slack wants to be asked later.
    """

    def workspace(self, bot_token: str) -> Workspace:
        """Whose token it is."""

    def post(self, connection: SlackConnection, channel: str, message: Message, thread: str | None = None) -> Post:
        """Post into a channel, or below the message ``thread`` in it."""

    def update(self, connection: SlackConnection, post: Post, message: Message) -> None:
        """Put another message in place of a posted one."""

    def direct(self, connection: SlackConnection, slack_user: str, message: Message) -> None:
        """Write to one person, whom nobody else reads."""

    def whisper(self, connection: SlackConnection, channel: str, slack_user: str, text: str) -> None:
        """Say something in a channel that one person alone sees, and that goes with their window."""

    def open_modal(self, connection: SlackConnection, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Open a window before whoever has just clicked."""

    def send(self, connection: SlackConnection, text: str) -> None:
        """Post through an incoming webhook."""
