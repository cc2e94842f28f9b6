"""Connect, show and disconnect Slack: the use cases behind ``/v1/integrations/slack``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.slack_ports import SlackConnection
from refundkit_core.domain.errors import Detail, Invalid, NotFound, SlackRefused
from refundkit_core.domain.slack_addresses import is_incoming_webhook

if TYPE_CHECKING:
    from refundkit_core.application.ports import Clock, Ids
    from refundkit_core.application.slack_ports import SlackApi, SlackStore
    from refundkit_core.domain.tenancy import Tenant

_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class SlackApp:
    """An app of the organization's own: its bot's token, its signing secret, and the channel for approvals (``C…``)."""

    bot_token: str
    signing_secret: str
    channel: str


@dataclass(frozen=True, slots=True)
class IncomingWebhook:
    """A webhook's URL, which leads into one channel and takes no buttons."""

    url: str


class ConnectSlack:
    """One connection an organization and environment. ``sandbox`` is a local stack's own Slack, empty on AWS."""

    def __init__(self, store: SlackStore, slack: SlackApi, clock: Clock, ids: Ids, sandbox: str) -> None:
        self._store = store
        self._slack = slack
        self._auditor = Auditor(clock, ids)
        self._clock = clock
        self._ids = ids
        self._sandbox = sandbox

    def __call__(self, tenant: Tenant, given: SlackApp | IncomingWebhook, by: By = BY_PROGRAM) -> SlackConnection:
        """Verify an app with one call, then keep it; the same workspace again keeps its id, and so its buttons.

        Raises:
            Invalid: Slack refuses the token, or the URL is not that of an incoming webhook of Slack's.
            NotDelivered: Slack did not answer.
            StoreConflict: somebody else connects it at the same time.
        """
        wanted = self._app(tenant, given) if isinstance(given, SlackApp) else self._webhook(tenant, given)
        known = self._store.of(tenant)
        if known is not None:
            wanted = replace(wanted, version=known.version + 1)
            if known.is_used and known.kind == wanted.kind and _team(known) == _team(wanted):
                wanted = replace(wanted, id=known.id)
        entry = self._auditor.entry(by, "slack connect", wanted.id, tenant)
        self._store.put(wanted, self._clock.now(), entry)
        return wanted

    def show(self, tenant: Tenant) -> SlackConnection:
        """The tenant's connection, an inactive one too. Raises NotFound."""
        connection = self._store.of(tenant)
        if connection is None:
            raise NotFound("Slack was not connected")
        return connection

    def disconnect(self, tenant: Tenant, by: By = BY_PROGRAM) -> SlackConnection:
        """Forget the secrets: nothing is posted any more, and no click is taken.

        Raises NotFound. Disconnecting again changes nothing.
        """
        connection = self.show(tenant)
        if not connection.is_used:
            return connection
        after = replace(
            connection,
            status="inactive",
            version=connection.version + 1,
            bot_token=None,
            signing_secret=None,
            webhook_url=None,
        )
        entry = self._auditor.entry(by, "slack disconnect", connection.id, tenant)
        self._store.put(after, self._clock.now(), entry)
        return after

    def _app(self, tenant: Tenant, given: SlackApp) -> SlackConnection:
        try:
            workspace = self._slack.workspace(given.bot_token)
        except SlackRefused as exc:
            detail = Detail("botToken", "Slack does not know this token, or has withdrawn it")
            raise Invalid("Slack refuses the bot token", (detail,)) from exc
        return SlackConnection(
            self._ids.new("con"),
            tenant,
            "app",
            "active",
            given.bot_token[-_SHOWN:],
            channel=given.channel,
            workspace=workspace,
            bot_token=given.bot_token,
            signing_secret=given.signing_secret,
        )

    def _webhook(self, tenant: Tenant, given: IncomingWebhook) -> SlackConnection:
        if not is_incoming_webhook(given.url, self._sandbox):
            detail = Detail("webhookUrl", "https://hooks.slack.com/services/… as Slack shows it")
            raise Invalid("The URL is not that of an incoming webhook of Slack's", (detail,))
        last_four = given.url[-_SHOWN:]
        return SlackConnection(self._ids.new("con"), tenant, "webhook", "active", last_four, webhook_url=given.url)


def _team(connection: SlackConnection) -> str | None:
    return connection.workspace.team_id if connection.workspace else None
