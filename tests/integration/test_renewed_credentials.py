"""Renewed credentials of a processor are used at once, by workers that saw the old ones refused as well."""

from __future__ import annotations

from refundkit_core.entrypoints.container import Container

from tests.integration.conftest import World


def test_a_worker_that_saw_the_key_refused_uses_the_new_one_at_once(world: World) -> None:
    refused = world.container.connections.of(world.tenant, "stripe")
    assert refused is not None
    world.container.connections.mark(refused, "error", world.clock.now())
    by_name = world.container.connections.of(world.tenant, "stripe")
    by_id = world.container.connections.by_id(refused.id)
    assert by_name == by_id
    assert by_name is not None
    assert by_name.status == "error"

    another_worker = Container(world.container.settings, world.clock)
    another_worker.provision.connect(
        world.organization.org_id, "test", "stripe", world.sandbox.test_key, "http://127.0.0.1:9/api"
    )

    for renewed in (
        world.container.connections.of(world.tenant, "stripe"),
        world.container.connections.by_id(refused.id),
    ):
        assert renewed is not None
        assert (renewed.id, renewed.status) == (refused.id, "active")
