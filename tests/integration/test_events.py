"""Events through their real handler: the last 30 days, as they are sent; and the types that there are."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator
from refundkit_core.domain.event_types import PUBLIC_EVENTS

from tests.integration.conftest import World
from tests.integration.webhook_world import Webhooks

EVENTS = "/v1/events"


@pytest.fixture
def webhooks(world: World) -> Webhooks:
    return Webhooks(world).wired()


def refunds(webhooks: Webhooks, count: int) -> list[str]:
    """Refunds that were opened and cancelled, a minute each; their ids."""
    made = []
    for _ in range(count):
        webhooks.world.clock.advance(seconds=30)
        made.append(webhooks.world.refund(webhooks.world.charge()["id"])["id"])
        webhooks.world.clock.advance(seconds=30)
        assert webhooks.world.call("POST", f"/v1/refunds/{made[-1]}/cancel")[0] == 200
    webhooks.flow()
    return made


def test_events_are_kept_without_anybody_to_send_them_to_newest_first(webhooks: Webhooks) -> None:
    first, second = refunds(webhooks, 2)
    listed = webhooks.asks("GET", EVENTS)

    assert [(each["type"], each["data"]["refundId"]) for each in listed] == [
        ("refund.cancelled", second),
        ("refund.initiated", second),
        ("refund.cancelled", first),
        ("refund.initiated", first),
    ]
    for each in listed:
        assert list(each) == ["id", "type", "created", "apiVersion", "data"]
        assert webhooks.asks("GET", f"{EVENTS}/{each['id']}") == each
    assert webhooks.asks("GET", f"{EVENTS}?type=refund.cancelled") == listed[::2]
    assert webhooks.asks("GET", f"{EVENTS}?type=policy.published") == []
    assert webhooks.asks("GET", f"{EVENTS}?limit=2&offset=1") == listed[1:3]


def test_pages_go_on_by_cursors_that_are_their_lists_own(webhooks: Webhooks) -> None:
    refunds(webhooks, 3)
    for query, size in (("", 2), ("type=refund.initiated&", 1)):
        whole = webhooks.asks("GET", f"{EVENTS}?{query}")
        found, path = [], f"{EVENTS}?{query}limit={size}"
        while True:
            _, envelope, _ = webhooks.world.call("GET", path)
            assert len(envelope["data"]) <= size
            found += envelope["data"]
            cursor = envelope["pagination"]["nextCursor"]
            if cursor is None:
                break
            path = f"{EVENTS}?{query}limit={size}&cursor={cursor}"
        assert found == whole
    _, envelope, _ = webhooks.world.call("GET", f"{EVENTS}?limit=1")
    cursor = envelope["pagination"]["nextCursor"]
    live = webhooks.world.organization.live_key
    for path, key in ((f"{EVENTS}?type=refund.initiated&limit=1", None), (f"{EVENTS}?limit=1", live)):
        options = {} if key is None else {"key": key}
        status, refused, _ = webhooks.world.call("GET", f"{path}&cursor={cursor}", **options)
        assert (status, refused["error"]["code"]) == (400, "validation_error")


def test_events_are_shown_for_thirty_days(webhooks: Webhooks) -> None:
    refunds(webhooks, 1)
    cancelled, initiated = webhooks.asks("GET", EVENTS)

    webhooks.world.clock.advance(days=29, hours=23, minutes=59, seconds=30)
    assert webhooks.asks("GET", EVENTS) == [cancelled, initiated]
    webhooks.world.clock.advance(seconds=1)
    assert webhooks.asks("GET", EVENTS) == [cancelled]
    assert webhooks.asks("GET", f"{EVENTS}/{cancelled['id']}") == cancelled
    assert webhooks.world.call("GET", f"{EVENTS}/{initiated['id']}")[0] == 404


def test_what_is_not_there_is_404_and_what_is_not_documented_400(webhooks: Webhooks) -> None:
    refunds(webhooks, 1)
    known = webhooks.asks("GET", EVENTS)[0]["id"]
    live = webhooks.world.organization.live_key

    for event, options in (
        ("evt_00000000000000000000000000", {}),
        ("x", {}),
        (known.lower(), {}),
        (known, {"key": live}),
    ):
        status, envelope, _ = webhooks.world.call("GET", f"{EVENTS}/{event}", **options)
        assert (status, envelope["error"]["code"]) == (404, "not_found"), event
    for query in ("type=refund.*", "type=refund.paid", "since=2026-11-20T00:00:00Z", "limit=0"):
        status, envelope, _ = webhooks.world.call("GET", f"{EVENTS}?{query}")
        assert (status, envelope["error"]["code"]) == (400, "validation_error"), query


def test_what_is_not_public_is_kept_nowhere(webhooks: Webhooks) -> None:
    refunds(webhooks, 1)
    events = webhooks.world.container.client("dynamodb").scan(TableName="refundkit")["Items"]
    public = {item["sk"]["S"] for item in events if item["pk"]["S"].endswith("#EVENTS")}

    assert public == {each["id"] for each in webhooks.asks("GET", EVENTS)}


def test_every_type_is_listed_with_a_schema_that_its_example_fits(webhooks: Webhooks) -> None:
    types = webhooks.asks("GET", "/v1/event-types")

    assert sorted(each["type"] for each in types) == sorted(PUBLIC_EVENTS)
    for each in types:
        schema = each["jsonSchema"]
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)
        validator = Draft202012Validator(schema)
        assert list(validator.iter_errors(each["example"])) == []
        assert each["example"]["type"] == each["type"]
        assert list(validator.iter_errors({**each["example"], "type": "other"}))
        assert list(validator.iter_errors({**each["example"], "data": {}}))


def test_what_is_sent_of_a_refund_fits_its_types_schema(webhooks: Webhooks) -> None:
    refunds(webhooks, 1)
    schemas = {each["type"]: each["jsonSchema"] for each in webhooks.asks("GET", "/v1/event-types")}

    for event in webhooks.asks("GET", EVENTS):
        assert list(Draft202012Validator(schemas[event["type"]]).iter_errors(event)) == []
