"""Processor connections: connect, show, disconnect."""

from refundkit.contracts.processors import ConnectProcessorRequest, ProcessorView
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.processor_views import connection_view, credentials_from, public_base

api = Api()
handler = api.handler


@api.route(
    "PUT",
    "/v1/processors/{name}",
    scope="admin",
    body=ConnectProcessorRequest,
    answers=ProcessorView,
    refuses="not_found processor_error",
)
def put_processor(call: Call) -> Answer:
    """Connect an account, or renew its credentials: verified with one call, kept encrypted, never shown again."""
    connect, base = container().connect_processor, public_base(call)
    connection = connect(call.caller.tenant, call.path["name"], credentials_from(call), base, call.actor)
    return Answer(connection_view(connection, base))


@api.route("GET", "/v1/processors/{name}", scope="admin", answers=ProcessorView, refuses="not_found")
def get_processor(call: Call) -> Answer:
    """The connection as it stands, without its credentials."""
    connection = container().connect_processor.show(call.caller.tenant, call.path["name"])
    return Answer(connection_view(connection, public_base(call)))


@api.route("DELETE", "/v1/processors/{name}", scope="admin", answers=ProcessorView, refuses="not_found")
def delete_processor(call: Call) -> Answer:
    """Disconnect the account: what was not handed over to it fails, and its webhooks are no longer created."""
    connection = container().connect_processor.disconnect(call.caller.tenant, call.path["name"], call.actor)
    return Answer(connection_view(connection, public_base(call)))
