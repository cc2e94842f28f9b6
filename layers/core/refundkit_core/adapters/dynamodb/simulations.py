"""Simulations on DynamoDB: a head that each chunk replaces on the condition that it is the next, and a document."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, Final

from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.paging import FIRST, LAST, everything, page_of
from refundkit_core.adapters.dynamodb.table import Item, Table, without_nones
from refundkit_core.application.records import Page, Position
from refundkit_core.application.simulation_ports import Place, Simulation
from refundkit_core.domain.backtest import Tally
from refundkit_core.domain.errors import NotFound
from refundkit_core.domain.policies import Policy
from refundkit_core.domain.policy_documents import document_of, policy_of
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import iso, parse_iso

_NEW: Final = "attribute_not_exists(pk)"
_NEXT: Final = "chunk = :chunk AND completed = :completed"
_KEPT: Final = timedelta(days=400)
"""As long as the rows of simulations lie in their bucket."""


class DynamoSimulationStore:
    """``SimulationStore`` on one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, simulation: Simulation, policy: Policy) -> None:
        key = keys.simulated_document(simulation.tenant, simulation.id)
        text = json.dumps(document_of(policy), ensure_ascii=False, separators=(",", ":"))
        document = {"pk": key.pk, "sk": key.sk, "document": text, "ttl": _ttl(simulation)}
        self._table.transact([self._table.put_op(item, _NEW) for item in (_head_item(simulation), document)])

    def find(self, tenant: Tenant, simulation_id: str) -> Simulation | None:
        item = self._table.get(keys.simulation(tenant, simulation_id))
        return None if item is None else _simulation_of(tenant, item)

    def policy(self, tenant: Tenant, simulation_id: str) -> Policy:
        item = self._table.get(keys.simulated_document(tenant, simulation_id))
        if item is None:
            raise NotFound("The simulation's document is gone")
        return policy_of(json.loads(item["document"]))

    def advance(self, before: Simulation, after: Simulation) -> None:
        expected = {":chunk": before.chunk, ":completed": before.completed}
        self._table.put(_head_item(after), _NEXT, expected)

    def page(self, tenant: Tenant, policy_id: str, part: Position) -> Page[Simulation]:
        def fetch(before: str, size: int) -> tuple[list[Item], bool]:
            return self._table.newest(keys.INDEX, keys.simulations_index(tenant, policy_id), FIRST, before, size)

        items, after = page_of(fetch, part, "gsi1sk", LAST, everything)
        return Page([_simulation_of(tenant, item) for item in items], after)


def _ttl(simulation: Simulation) -> int:
    return int((simulation.created_at + _KEPT).timestamp())


def _head_item(simulation: Simulation) -> dict[str, Any]:
    key = keys.simulation(simulation.tenant, simulation.id)
    return without_nones(
        {
            "pk": key.pk,
            "sk": key.sk,
            "gsi1pk": keys.simulations_index(simulation.tenant, simulation.policy_id),
            "gsi1sk": f"{iso(simulation.created_at)}#{simulation.id}",
            "policy": simulation.policy_id,
            "policy_version": simulation.version,
            "revision": simulation.revision,
            "since": iso(simulation.since),
            "until": iso(simulation.until),
            "sample": simulation.sample_percent,
            "updated": iso(simulation.updated_at),
            "place": None if simulation.place is None else list(simulation.place),
            "tally": simulation.tally.as_record(),
            "chunk": simulation.chunk,
            "completed": simulation.completed,
            "truncated": simulation.truncated,
            "fingerprint": simulation.fingerprint,
            "ttl": _ttl(simulation),
        }
    )


def _simulation_of(tenant: Tenant, item: Item) -> Simulation:
    created, _, simulation_id = item["gsi1sk"].partition("#")
    return Simulation(
        id=simulation_id,
        tenant=tenant,
        policy_id=item["policy"],
        version=item.get("policy_version"),
        revision=item["revision"],
        since=parse_iso(item["since"]),
        until=parse_iso(item["until"]),
        sample_percent=item["sample"],
        created_at=parse_iso(created),
        updated_at=parse_iso(item["updated"]),
        place=Place(*item["place"]) if "place" in item else None,
        tally=Tally.from_record(item["tally"]),
        chunk=item["chunk"],
        completed=item["completed"],
        truncated=item["truncated"],
        fingerprint=item.get("fingerprint"),
    )
