"""Give a new organization its workspace in the sandbox of Slack, where its members are known."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Final

from local.http_json import call

STRANGER: Final = ("U0SAM001", "Sam Stranger")
"""Is in the workspace, and no member of the organization."""


def connect_slack(name: str, org_id: str, members: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Install an app in the sandbox and connect the organization to it, in both modes; its channel and team, and the
    Slack user of a stranger. ``members`` have a ``name`` and a ``slack_user_id``."""
    from refundkit_core.application.connect_slack import SlackApp
    from refundkit_core.domain.tenancy import ENVIRONMENTS, Tenant
    from refundkit_core.entrypoints.container import Container
    from refundkit_core.entrypoints.settings import Settings

    container = Container(Settings.parse(os.environ))
    control = container.settings.slack_api_base.removesuffix("/api") + "/control/apps"
    users = dict([*((member["slack_user_id"], member["name"]) for member in members), STRANGER])
    app = call("POST", control, {"name": name, "channel": "refund-approvals", "users": users}).body
    given = SlackApp(app["bot_token"], app["signing_secret"], app["channel"])
    for environment in ENVIRONMENTS:
        container.connect_slack(Tenant(org_id, environment), given)
    return {"channel": app["channel"], "team": app["team"], "stranger": STRANGER[0]}
