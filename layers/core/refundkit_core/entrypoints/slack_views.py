"""Connections to Slack between the wire and the use cases."""

from __future__ import annotations

from refundkit.contracts.integrations import ConnectSlackRequest, SlackView

from refundkit_core.application.connect_slack import IncomingWebhook, SlackApp
from refundkit_core.application.slack_ports import SlackConnection
from refundkit_core.entrypoints.http import Call


def slack_from(call: Call) -> SlackApp | IncomingWebhook:
    """What a ``PUT /v1/integrations/slack`` connects; its model has seen to it that it is one of the two, whole."""
    body: ConnectSlackRequest = call.body
    if body.webhook_url is not None:
        return IncomingWebhook(body.webhook_url)
    return SlackApp(body.bot_token or "", body.signing_secret or "", body.channel or "")


def slack_view(connection: SlackConnection) -> SlackView:
    """A connection as the wire shows it."""
    workspace = connection.workspace
    return SlackView(
        connection_id=connection.id,
        environment=connection.tenant.environment,
        kind=connection.kind,
        status=connection.status,
        channel=connection.channel,
        team=workspace.team_name if workspace else None,
        team_id=workspace.team_id if workspace else None,
        last_four=connection.last_four,
    )
