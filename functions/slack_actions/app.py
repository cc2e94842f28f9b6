"""Slack's clicks: verified, then decided by the same use cases as everywhere."""

import json

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Api, Call, Document
from refundkit_core.entrypoints.requests import raw_body

api = Api()
handler = api.handler
prepare("answer_slack")


@api.route(
    "POST",
    "/integrations/slack/actions",
    scope=None,
    answers=Document,
    refuses="validation_error processor_error",
)
def post_action(call: Call) -> Document:
    """Take a click on a message or a window that was sent off; the signature is what authenticates it. The answer is
    what Slack does with the window, not in the envelope."""
    return Document(json.dumps(container().answer_slack(raw_body(call.event), call.header)))
