"""Every route of the API's description × another organization's id × the other mode × a missing scope.

A foreign id is answered like one that never was, to the byte; without its scope a key learns nothing at all. A route
that is added is in the matrix by itself, and fails here until it is said what its ids are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from refundkit_core.domain.rights import SCOPES

from tests.integration.conftest import World, made_world
from tests.integration.webhook_world import NOWHERE, Webhooks
from tests.support.moto_state import Kept, items_of
from tests.support.openapi import description

Operation = tuple[str, str]

OPERATIONS: dict[Operation, str] = {
    (method.upper(), path): operation["x-required-scope"]
    for path, operations in description()["paths"].items()
    for method, operation in operations.items()
    if "x-required-scope" in operation
}
NEVER = {
    "refunds": "ref_00000000000000000000000000",
    "api-keys": "key_00000000000000000000000000",
    "customers": "cus_never",
    "transactions": "ch_never",
    "decisions": "ref_00000000000000000000000000",
    "disputes": "rsk_00000000000000000000000000",
    "processors": "square",
    "members": "mem_00000000000000000000000000",
    "policies": "pol_00000000000000000000000000",
    "simulations": "sim_00000000000000000000000000",
    "approvals": "apr_00000000000000000000000000",
    "webhook-endpoints": "whe_00000000000000000000000000",
    "deliveries": "whd_00000000000000000000000000",
    "events": "evt_00000000000000000000000000",
}
NEVER_TRANSACTION, NEVER_MEMBER = "ch_never", "mem_00000000000000000000000000"
POLICY = {"name": "One", "rules": [{"category": "default"}]}
SIMULATE = {"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"}
CONNECT = ("PUT", "/v1/processors/{name}")
BODIES: dict[Operation, dict[str, Any]] = {
    ("POST", "/v1/refunds"): {"transactionId": NEVER_TRANSACTION, "amount": 1, "reason": "other"},
    ("POST", "/v1/policies/check"): {"transactionId": NEVER_TRANSACTION},
    ("POST", "/v1/eligibility/check"): {"transactionId": NEVER_TRANSACTION},
    ("POST", "/v1/api-keys"): {"name": "One", "owner": {"type": "member", "id": NEVER_MEMBER}},
    ("POST", "/v1/refunds/preview"): {"transactionId": NEVER_TRANSACTION},
    ("POST", "/v1/disputes/risk"): {"transactionId": NEVER_TRANSACTION},
    ("PUT", "/v1/transactions/{id}"): {"orderId": "order_1"},
    ("PUT", "/v1/policies/{id}"): POLICY,
    ("PATCH", "/v1/members/{id}"): {"name": "One"},
    ("POST", "/v1/policies/{id}/publish"): {},
    ("POST", "/v1/policies/{id}/simulate"): SIMULATE,
    ("POST", "/v1/approvals/{id}/approve"): {},
    ("POST", "/v1/approvals/{id}/reject"): {"reason": "No"},
    ("POST", "/v1/approvals/{id}/escalate"): {},
    ("POST", "/v1/approvals/{id}/request-info"): {"question": "Why?"},
    ("POST", "/v1/approvals/{id}/comment"): {"comment": "So"},
    ("POST", "/v1/refunds/{id}/info"): {"answer": "So"},
    ("PATCH", "/v1/webhook-endpoints/{id}"): {"description": "One"},
    ("POST", "/v1/webhook-endpoints/{id}/test"): {"type": "refund.completed"},
    ("POST", "/v1/webhook-endpoints/{id}/recover"): {"since": "2026-11-20T00:00:00Z"},
    ("POST", "/v1/webhook-endpoints/{id}/replay-missing"): {"since": "2026-11-20T00:00:00Z"},
    CONNECT: {"secretKey": "sk_test_00000000"},
}
QUERIES: dict[Operation, str] = {("GET", "/v1/disputes/assessments"): "?transactionId="}
"""Lists of something: the name of what they ask for, whose own id follows."""
OF_BOTH_MODES = {
    ("POST", "/v1/api-keys"),
    ("GET", "/v1/members"),
    ("GET", "/v1/members/{id}"),
    ("PATCH", "/v1/members/{id}"),
    ("DELETE", "/v1/members/{id}"),
}
"""The id that it names is a member's, who belongs to both modes."""


class Neighbours:
    """Two organizations with an account each; one has a refund, a key and a customer."""

    def __init__(self, world: World) -> None:
        self.world = world
        charge = world.charge(customer={"name": "Mary", "email": "mary@shop.example"})
        self.transaction = charge["id"]
        self.owner = world.organization.owner_id
        other = world.container.provision.create_organization("other", "Bob", "bob@example.com")
        account = world.stripe("POST", "/_sandbox/accounts", {"name": "other"})
        for environment in ("test", "live"):
            world.container.provision.connect(
                other.org_id, environment, "stripe", account[f"{environment}_secret_key"], "http://127.0.0.1:9/api"
            )
        self.ids = {
            "refunds": world.refund(charge["id"], metadata={"a": 1}, personalMetadata=["a"])["id"],
            "api-keys": world.call("POST", "/v1/api-keys", {"name": "Mine"})[1]["data"]["id"],
            "customers": world.stripe("GET", f"/v1/charges/{charge['id']}")["customer"],
            "transactions": charge["id"],
            "disputes": world.call("POST", "/v1/disputes/risk", {"transactionId": charge["id"]})[1]["data"]["id"],
            "processors": "stripe",
            "policies": world.call("POST", "/v1/policies", POLICY)[1]["data"]["id"],
        }
        self.ids["decisions"] = self.ids["refunds"]
        cara = {"name": "Cara", "email": "cara@example.com", "role": "member"}
        self.ids["members"] = world.call("POST", "/v1/members", cara)[1]["data"]["id"]
        world.call("POST", f"/v1/policies/{self.ids['policies']}/publish", {})
        simulated = world.call("POST", f"/v1/policies/{self.ids['policies']}/simulate", SIMULATE)
        self.ids["simulations"] = simulated[1]["data"]["id"]
        world.call("PUT", "/v1/settings/approvals", {"requireReviewAbove": 1})
        waiting = world.refund(world.charge()["id"])
        world.call("PUT", "/v1/settings/approvals", {})
        self.ids["approvals"] = waiting["approvalId"]
        webhooks = Webhooks(world)
        endpoint = webhooks.endpoint(NOWHERE, "refund.initiated")
        initiated = webhooks.told(self.ids["refunds"])[0]
        webhooks.dispatch(initiated)
        webhooks.work()
        self.ids["webhook-endpoints"] = endpoint["id"]
        self.ids["deliveries"] = webhooks.deliveries(endpoint)[0]["id"]
        self.ids["events"] = initiated.id
        self.strangers = {"another organization": other.test_key, "another organization, live": other.live_key}
        bare = world.container.provision.create_organization("bare", "Eve", "eve@example.com")
        self.without_connections = {"an organization without connections": bare.test_key, "and live": bare.live_key}
        self.live_key = world.organization.live_key

    def ask(self, operation: Operation, ids: dict[str, str], body: Any, key: str) -> tuple[int, dict[str, Any]]:
        method, resource = operation
        known = ids.get(resource.split("/")[2], "")
        path = (
            resource.replace("{id}", known).replace("{name}", known).replace("{deliveryId}", ids.get("deliveries", ""))
        )
        path += f"{QUERIES[operation]}{self.transaction}" if operation in QUERIES else ""
        self.world.clock.advance(minutes=1)  # a minute of its own for every call
        return self.world.call(method, path, body, key=key)[:2]

    def strangers_of(self, operation: Operation) -> dict[str, str]:
        """Keys that must find nothing: a connection's name is everybody's own, so only who has none can ask for it."""
        return self.without_connections if "{name}" in operation[1] else self.strangers

    def foreign_body(self, operation: Operation) -> Any:
        """The body that names what is the neighbour's."""
        body = BODIES.get(operation)
        if body is None or operation == CONNECT:
            return body
        named = {"transactionId": self.transaction} if "transactionId" in body else {}
        return {**body, **named, **({"owner": {"type": "member", "id": self.owner}} if "owner" in body else {})}

    def stored(self) -> list[Any]:
        """What the first organization has, but for the counting of its requests."""
        mine = [item for item in items_of("refundkit") if self.world.organization.org_id in str(item["pk"])]
        return sorted(mine, key=str)


@pytest.fixture(scope="module")
def _moved_in(sandbox_server: Any) -> Iterator[tuple[Neighbours, Kept]]:
    with made_world(sandbox_server) as world:
        yield Neighbours(world), Kept.taken()


@pytest.fixture
def neighbours(_moved_in: tuple[Neighbours, Kept]) -> Neighbours:
    """The same for every test, with what they had at first."""
    made, had = _moved_in
    had.put_back()
    return made


def names_something(operation: Operation) -> bool:
    """Whether the operation names an id; a processor that is connected anew is whoever's connects it."""
    return operation != CONNECT and ("{" in operation[1] or operation in BODIES)


WITH_IDS = [operation for operation in OPERATIONS if names_something(operation)]
ONE_OF_ITS_OWN = {("GET", "/v1/integrations/slack")}
"""Not a list: 404 where the tenant has none."""
WITHOUT_IDS = [
    operation
    for operation in OPERATIONS
    if operation[0] == "GET" and "{" not in operation[1] and operation not in ONE_OF_ITS_OWN
]


@pytest.mark.parametrize("operation", WITH_IDS, ids=" ".join)
def test_a_strangers_key_is_answered_as_if_it_had_never_been(neighbours: Neighbours, operation: Operation) -> None:
    before = neighbours.stored()
    for stranger, key in neighbours.strangers_of(operation).items():
        foreign = neighbours.ask(operation, neighbours.ids, neighbours.foreign_body(operation), key)
        never = neighbours.ask(operation, NEVER, BODIES.get(operation), key)
        assert foreign == never, stranger
        assert (foreign[0], foreign[1]["error"]["code"]) == (404, "not_found"), stranger
    assert neighbours.stored() == before


@pytest.mark.parametrize("operation", [each for each in WITH_IDS if each not in OF_BOTH_MODES], ids=" ".join)
def test_the_other_mode_is_answered_as_if_it_had_never_been(neighbours: Neighbours, operation: Operation) -> None:
    before = neighbours.stored()

    foreign = neighbours.ask(operation, neighbours.ids, neighbours.foreign_body(operation), neighbours.live_key)
    never = neighbours.ask(operation, NEVER, BODIES.get(operation), neighbours.live_key)

    asks_a_processor = "transactionId" in BODIES.get(operation, {}) or "/transactions/" in operation[1]
    expected = (422, "processor_not_connected") if asks_a_processor else (404, "not_found")
    assert foreign == never
    assert (foreign[0], foreign[1]["error"]["code"]) == expected
    assert neighbours.stored() == before


@pytest.mark.parametrize("operation", WITHOUT_IDS, ids=" ".join)
def test_a_list_holds_nothing_of_a_stranger_or_of_the_other_mode(neighbours: Neighbours, operation: Operation) -> None:
    of_the_mode = {name: found for name, found in neighbours.ids.items() if name not in ("processors", "members")}
    of_all = {**of_the_mode, "members": neighbours.ids["members"]}
    modes = {} if operation in OF_BOTH_MODES else {neighbours.live_key: of_the_mode}
    for key, hidden in {**dict.fromkeys(neighbours.strangers.values(), of_all), **modes}.items():
        status, envelope = neighbours.ask(operation, {}, None, key)
        assert status == 200
        assert envelope["data"] == [] or operation not in QUERIES
        assert not [name for name, found in hidden.items() if found in str(envelope)]


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_without_its_scope_a_key_is_403_whatever_it_names(neighbours: Neighbours, operation: Operation) -> None:
    world, wanted = neighbours.world, OPERATIONS[operation]
    lacking = sorted(SCOPES - {wanted, "admin", f"{wanted.partition(':')[0]}:*"})
    made = world.call("POST", "/v1/api-keys", {"name": "All but one", "scopes": lacking}, key=owners(world))
    key = made[1]["data"]["key"]
    before = neighbours.stored()

    own = neighbours.ask(operation, neighbours.ids, neighbours.foreign_body(operation), key)
    never = neighbours.ask(operation, NEVER, BODIES.get(operation), key)

    assert own == never
    assert (own[0], own[1]["error"]["code"]) == (403, "unauthorized")
    assert wanted in own[1]["error"]["message"]
    assert neighbours.stored() == before


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_its_scope_alone_is_enough(neighbours: Neighbours, operation: Operation) -> None:
    world = neighbours.world
    body = {"name": "Only one", "scopes": [OPERATIONS[operation]]}
    key = world.call("POST", "/v1/api-keys", body, key=owners(world))[1]["data"]["key"]

    asked = (
        {"name": "One", "scopes": body["scopes"]} if operation == ("POST", "/v1/api-keys") else BODIES.get(operation)
    )
    status, envelope = neighbours.ask(operation, NEVER, asked, key)

    assert status not in (401, 403), envelope


def owners(world: World) -> str:
    world.clock.advance(minutes=1)
    return world.organization.test_key


def test_the_matrix_has_every_route_that_asks_for_a_key() -> None:
    assert len(OPERATIONS) >= 14
    assert {path.split("/")[2] for _, path in WITH_IDS} <= NEVER.keys() | {"eligibility"}


def test_a_strangers_connection_is_their_own_to_show_and_to_end(neighbours: Neighbours) -> None:
    before = neighbours.stored()
    for key in neighbours.strangers.values():
        shown = neighbours.ask(("GET", "/v1/processors/{name}"), neighbours.ids, None, key)
        ended = neighbours.ask(("DELETE", "/v1/processors/{name}"), neighbours.ids, None, key)
        assert (shown[0], ended[0]) == (200, 200)
        assert shown[1]["data"]["accountId"] != "acct_sandboxdefault"
        assert ended[1]["data"] == {**shown[1]["data"], "status": "inactive"}
    assert neighbours.stored() == before
