"""The sample members of the local stack: each signs in by a key of their own, which does what their role allows."""

from __future__ import annotations

from refundkit_core.entrypoints.provisioning import Provisioner

from local.seed import add_members
from tests.integration.conftest import World
from tests.support.members import called


def test_the_local_stack_has_an_approver_an_admin_and_a_clerk_with_keys_of_their_own(world: World) -> None:
    members = add_members(Provisioner(world.container), world.tenant.org_id, "acme.example.com")

    listed = {each["id"]: each for each in called(world, "GET", "/v1/members")[1]}
    assert {name: (each["role"], each["slack_user_id"]) for name, each in members.items()} == {
        "anna": ("approver", "U0ANNA01"),
        "max": ("admin", "U0MAX001"),
        "cara": ("member", "U0CARA01"),
    }
    for name, each in members.items():
        assert listed[each["id"]]["email"] == each["email"] == f"{name}@acme.example.com"
    assert listed[members["anna"]["id"]]["approvalLimit"] == {"amount": 100_000, "currency": "usd"}
    asked = {name: called(world, "POST", "/v1/members", {}, key=each["test_key"])[0] for name, each in members.items()}
    assert asked == {"anna": 403, "max": 403, "cara": 403}
    assert called(world, "GET", "/v1/refunds", key=members["cara"]["test_key"])[0] == 200
