"""Integrations: connect Slack, show and disconnect it."""

from refundkit.contracts.integrations import ConnectSlackRequest, SlackView
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.slack_views import slack_from, slack_view

api = Api()
handler = api.handler


@api.route(
    "PUT",
    "/v1/integrations/slack",
    scope="admin",
    body=ConnectSlackRequest,
    answers=SlackView,
    refuses="processor_error",
)
def put_slack(call: Call) -> Answer:
    """Connect Slack, or renew its secrets: an app is verified with one call; secrets are kept encrypted."""
    return Answer(slack_view(container().connect_slack(call.caller.tenant, slack_from(call), call.actor)))


@api.route("GET", "/v1/integrations/slack", scope="admin", answers=SlackView, refuses="not_found")
def get_slack(call: Call) -> Answer:
    """The connection as it stands, without its secrets."""
    return Answer(slack_view(container().connect_slack.show(call.caller.tenant)))


@api.route("DELETE", "/v1/integrations/slack", scope="admin", answers=SlackView, refuses="not_found")
def delete_slack(call: Call) -> Answer:
    """Disconnect Slack: its secrets are forgotten, nothing is posted any more, no click is taken."""
    return Answer(slack_view(container().connect_slack.disconnect(call.caller.tenant, call.actor)))
