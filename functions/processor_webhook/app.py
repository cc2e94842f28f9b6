"""Processors' webhooks: verified and queued before they are acknowledged."""

from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.requests import raw_body

api = Api()
handler = api.handler
prepare("receive_processor_webhook")


@api.route(
    "POST",
    "/v1/processors/{name}/webhook/{connectionId}",
    scope=None,
    answers="refundkit.contracts.processors.WebhookReceipt",
    refuses="validation_error not_found",
)
def post_webhook(call: Call) -> Answer:
    """Take a processor's news; the signature is what authenticates it."""
    receive = container().receive_processor_webhook
    receive(call.path["name"], call.path["connectionId"], raw_body(call.event), call.header)
    return Answer({"received": True})
