"""Lists of refunds: every filter, alone and together, the cursor that goes on, and those that are none."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from refundkit_core.domain.times import iso

from tests.integration.conftest import World


def listed(world: World, **query: Any) -> list[str]:
    status, envelope, _ = world.call("GET", f"/v1/refunds?{urlencode(query)}")
    assert status == 200, envelope
    return [refund["id"] for refund in envelope["data"]]


def walked(world: World, limit: int, **query: Any) -> list[str]:
    """All pages of a list, by its cursor."""
    ids: list[str] = []
    while True:
        envelope = world.call("GET", f"/v1/refunds?{urlencode({**query, 'limit': limit})}")[1]
        ids += [refund["id"] for refund in envelope["data"]]
        cursor = envelope["pagination"]["nextCursor"]
        if cursor is None:
            return ids
        query["cursor"] = cursor


@pytest.fixture
def shop(world: World) -> list[dict[str, Any]]:
    """Six refunds a minute apart, oldest first: three charges, the second refunded by its payment intent as well."""
    first, second, third = world.charge(), world.charge(payment_intent=True), world.charge()
    names = [first["id"], second["id"], third["id"], second["payment_intent"], first["id"], second["id"]]
    made = []
    for number, name in enumerate(names, start=1):
        made.append(world.refund(name, amount=number * 100))
        world.clock.advance(minutes=1)
    world.execute(made[0]["id"])
    world.call("POST", f"/v1/refunds/{made[2]['id']}/cancel")
    return made


def test_a_list_is_filtered_by_status_processor_and_who_began(world: World, shop: list[dict[str, Any]]) -> None:
    newest = [refund["id"] for refund in reversed(shop)]

    assert listed(world) == newest
    assert listed(world, status="completed") == [shop[0]["id"]]
    assert listed(world, status="cancelled") == [shop[2]["id"]]
    assert listed(world, status="failed") == []
    assert listed(world, processor="stripe", initiatedBy="api") == newest
    assert listed(world, processor="square") == []
    assert listed(world, initiatedBy="mcp") == []


def test_a_list_of_one_transaction_finds_it_by_any_of_its_names(world: World, shop: list[dict[str, Any]]) -> None:
    of_second = [shop[number]["id"] for number in (5, 3, 1)]

    assert listed(world, transactionId=shop[1]["transactionId"]) == of_second
    assert listed(world, transactionId=shop[3]["transactionId"]) == of_second
    assert listed(world, transactionId="ch_unknown") == []
    assert listed(world, transactionId=shop[0]["transactionId"], status="completed") == [shop[0]["id"]]
    assert walked(world, 1, transactionId=shop[1]["transactionId"]) == of_second


def test_a_list_of_a_time_has_its_first_instant_and_not_its_last(world: World, shop: list[dict[str, Any]]) -> None:
    after, before = shop[1]["createdAt"], shop[4]["createdAt"]
    inside = [shop[number]["id"] for number in (3, 2, 1)]

    assert listed(world, createdAfter=after, createdBefore=before) == inside
    assert walked(world, 1, createdAfter=after, createdBefore=before) == inside
    by_name = {"transactionId": shop[1]["transactionId"], "createdAfter": after, "createdBefore": before}
    assert listed(world, **by_name) == [shop[3]["id"], shop[1]["id"]]
    assert listed(world, createdAfter=before, createdBefore=after) == []
    assert listed(world, createdAfter="2026-11-20T12:00:00Z", limit=100) == [refund["id"] for refund in reversed(shop)]


def test_a_cursor_goes_on_where_the_page_ended_though_new_refunds_came(
    world: World, shop: list[dict[str, Any]]
) -> None:
    envelope = world.call("GET", "/v1/refunds?limit=4")[1]
    world.refund(world.charge()["id"], amount=1)

    rest = listed(world, cursor=envelope["pagination"]["nextCursor"])

    assert [refund["id"] for refund in envelope["data"]] + rest == [refund["id"] for refund in reversed(shop)]
    assert walked(world, 2, status="pending")[1:] == [shop[number]["id"] for number in (5, 4, 3, 1)]


def test_a_cursor_is_bound_to_its_organization_mode_list_and_filters(world: World, shop: list[dict[str, Any]]) -> None:
    cursor = world.call("GET", "/v1/refunds?limit=1&status=pending")[1]["pagination"]["nextCursor"]
    other = world.container.provision.create_organization("other", "Bob", "bob@example.com")

    def code(query: str, **options: Any) -> tuple[int, str | None]:
        status, envelope, _ = world.call("GET", f"/v1/{query}", **options)
        return status, (envelope["error"] or {}).get("code")

    assert code(f"refunds?status=pending&cursor={cursor}&limit=50") == (200, None)  # another size is the same list
    refused = (400, "validation_error")
    assert code(f"refunds?cursor={cursor}") == refused
    assert code(f"refunds?status=completed&cursor={cursor}") == refused
    assert code(f"refunds?status=pending&processor=stripe&cursor={cursor}") == refused
    assert code(f"api-keys?cursor={cursor}") == refused
    assert code(f"refunds/{shop[0]['id']}/events?cursor={cursor}") == refused
    for key in (other.test_key, world.organization.live_key):
        assert code(f"refunds?status=pending&cursor={cursor}", key=key) == refused


def test_a_changed_cursor_is_refused(world: World, shop: list[dict[str, Any]]) -> None:
    cursor = world.call("GET", "/v1/refunds?limit=1")[1]["pagination"]["nextCursor"]
    content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = [
        base64.urlsafe_b64encode(bytes([*content[:index], content[index] ^ 1, *content[index + 1 :]])).decode()
        for index in (0, 15, 16, len(content) - 1)
    ]

    for text in (*forged, cursor[:-4], "%3F", "%C3%A9", "a", base64.urlsafe_b64encode(content[16:]).decode()):
        status, envelope, _ = world.call("GET", f"/v1/refunds?cursor={text.rstrip('=')}")
        assert (status, envelope["error"]["code"]) == (400, "validation_error"), text


def test_an_offset_reaches_a_thousand(world: World, shop: list[dict[str, Any]]) -> None:
    newest = [refund["id"] for refund in reversed(shop)]

    assert listed(world, offset=2, limit=3) == newest[2:5]
    assert listed(world, offset=1_000) == []
    assert listed(world, offset=1, status="pending") == [shop[number]["id"] for number in (4, 3, 1)]


def test_a_timeline_is_paged_like_any_list(world: World) -> None:
    opened = world.refund(world.charge()["id"])
    world.execute(opened["id"])
    whole = world.call("GET", f"/v1/refunds/{opened['id']}/events")[1]

    assert whole["pagination"] == {"limit": 25, "offset": 0, "nextCursor": None}
    first = world.call("GET", f"/v1/refunds/{opened['id']}/events?limit=2")[1]
    cursor = first["pagination"]["nextCursor"]
    rest = world.call("GET", f"/v1/refunds/{opened['id']}/events?cursor={cursor}")[1]
    assert first["data"] + rest["data"] == whole["data"]
    assert world.call("GET", f"/v1/refunds/{opened['id']}/events?offset=2")[1]["data"] == rest["data"]


def test_times_are_told_in_utc_with_milliseconds(world: World) -> None:
    assert world.refund(world.charge()["id"])["createdAt"] == iso(world.clock.now()) == "2026-11-20T12:00:00.000Z"
