"""Events: what happened within the last 30 days, as it is sent to webhook endpoints; and the types that there are."""

from refundkit.contracts import webhooks as wire
from refundkit_core.entrypoints import webhook_views as views
from refundkit_core.entrypoints.container import container, prepare
from refundkit_core.entrypoints.http import Answer, Api, Call
from refundkit_core.entrypoints.paging import pagination, slice_from

api = Api()
handler = api.handler
prepare("authenticate", "read_events")
READ = "webhooks:read"


@api.route("GET", "/v1/events", scope=READ, query=wire.ListEventsQuery, answers=list[wire.EventView])
def list_events(call: Call) -> Answer:
    """The events of the last 30 days, newest first, whether anybody was sent them or not."""
    page = container().read_events.page(call.caller.tenant, call.query.type, slice_from(call))
    return Answer([views.event_view(event) for event in page.found], pagination(call, page))


@api.route("GET", "/v1/events/{id}", scope=READ, answers=wire.EventView, refuses="not_found")
def get_event(call: Call) -> Answer:
    """One event of the last 30 days."""
    return Answer(views.event_view(container().read_events.show(call.caller.tenant, call.path["id"])))


@api.route("GET", "/v1/event-types", scope=READ, answers=list[wire.EventTypeView])
def list_event_types(_call: Call) -> Answer:
    """Every type of events, with the JSON Schema of what is sent and an example."""
    return Answer(views.event_type_views())
