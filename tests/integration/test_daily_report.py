"""The daily report through its handler, on moto and the sandbox: planted discrepancies, the shelf, the log line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from refundkit_core.domain.reconciliation import KINDS
from refundkit_core.entrypoints import admin

from tests.integration.conftest import World
from tests.support.functions import function_module


@pytest.fixture
def report(world: World) -> Callable[[], dict[str, Any]]:
    world.container.second_look_after_s = 0

    def run() -> dict[str, Any]:
        made: dict[str, Any] = function_module("daily_report").handler({}, None)
        return {kind: made[kind] for kind in KINDS if made[kind]}

    return run


def paid(world: World) -> tuple[str, str]:
    """A refund that is paid, and its charge."""
    charge = world.charge()["id"]
    opened = world.refund(charge)["id"]
    world.execute(opened)
    return opened, charge


def at_stripe(world: World, charge: str, **metadata: str) -> None:
    """A refund of 100 that Stripe makes behind our back."""
    connection = world.container.connections.of(world.tenant, "stripe")
    assert connection is not None
    processor: Any = world.container.processors.connect(connection)
    processor._api.refunds.create({"charge": charge, "amount": 100, "metadata": metadata})


def ledger_item(world: World, charge: str, expression: str, value: int) -> None:
    """Break a ledger as no code of ours does."""
    account = world.connection.account_id
    pk = f"ORG#{world.tenant.org_id}#test#TXN#stripe#{account}#{charge}"
    boto3.client("dynamodb").update_item(
        TableName="refundkit",
        Key={"pk": {"S": pk}, "sk": {"S": "LEDGER"}},
        UpdateExpression=expression,
        ExpressionAttributeValues={":v": {"N": str(value)}},
    )


def plant_double(world: World) -> None:
    opened, charge = paid(world)
    at_stripe(world, charge, refundkit_refund_id=opened)


def plant_missing(world: World) -> None:
    opened, _ = paid(world)
    pk = f"ORG#{world.tenant.org_id}#test#REFUND#{opened}"
    boto3.client("dynamodb").update_item(
        TableName="refundkit",
        Key={"pk": {"S": pk}, "sk": {"S": "#HEAD"}},
        UpdateExpression="SET #e = :v",
        ExpressionAttributeNames={"#e": "external"},
        ExpressionAttributeValues={":v": {"S": "re_gone"}},
    )


def plant_unknown(world: World) -> None:
    at_stripe(world, paid(world)[1])


def plant_sums(world: World) -> None:
    ledger_item(world, paid(world)[1], "SET refunded = :v", 1)


def plant_hold(world: World) -> None:
    ledger_item(world, paid(world)[1], "SET reserved = :v", 1)


def plant_person(world: World) -> None:
    opened = world.refund(world.charge()["id"])["id"]
    world.stripe("POST", "/_sandbox/faults", {"operation": "refunds.create", "kind": "status_500", "times": 1})
    world.execute(opened)
    pass_time(world, hours=24)
    world.execute(opened)
    pass_time(world, hours=24 * 30)


def plant_old(world: World) -> None:
    world.refund(world.charge()["id"])
    pass_time(world, hours=24 * 30)


def plant_silence(world: World) -> None:
    paid(world)
    world.stripe("POST", "/_sandbox/faults", {"operation": "charges.retrieve", "kind": "status_500", "times": 9})


def pass_time(world: World, hours: int) -> None:
    world.clock.advance(hours=hours)
    world.stripe("POST", "/_sandbox/clock", {"now": int(world.clock.now().timestamp())})


PLANTED: dict[str, tuple[Callable[[World], None], set[str]]] = {
    "double": (plant_double, set()),
    # The refund that our head no longer names is at Stripe all the same, under our id.
    "missing_at_processor": (plant_missing, {"unknown_to_us", "double"}),
    "unknown_to_us": (plant_unknown, set()),
    "sums_differ": (plant_sums, set()),
    "held_without_a_refund": (plant_hold, set()),
    "needs_a_person": (plant_person, set()),
    "open_over_a_day": (plant_old, set()),
    "not_looked_at": (plant_silence, set()),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_of_discrepancy_is_found_and_nothing_else(
    world: World, report: Callable[[], dict[str, Any]], kind: str
) -> None:
    plant, allowed = PLANTED[kind]
    paid(world)
    plant(world)

    found = report()

    assert found[kind] == (2 if kind == "not_looked_at" else 1)  # Stripe is silent about every charge
    assert found.keys() - {kind} <= allowed


def test_every_kind_is_planted() -> None:
    assert PLANTED.keys() == set(KINDS)


def test_books_in_order_are_a_clean_report_that_writes_nothing_to_the_table(
    world: World, report: Callable[[], dict[str, Any]], logs: Callable[[], list[dict[str, Any]]]
) -> None:
    _, charge = paid(world)
    world.refund(world.charge()["id"])
    world.refund(charge, amount=7)
    before = boto3.client("dynamodb").scan(TableName="refundkit")["Items"]
    logs()

    assert report() == {}

    assert boto3.client("dynamodb").scan(TableName="refundkit")["Items"] == before
    line, requeued = logs()
    assert (requeued["message"], requeued["unchained"]) == ("audit requeued", 0)
    assert (line["message"], line["findings"], line["transactions"]) == ("daily report", 0, 2)


def test_the_report_is_kept_and_shown_and_names_nobody(
    world: World, report: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    plant_unknown(world)
    report()
    stored = boto3.client("s3").get_object(Bucket="refundkit-reports", Key="ledgers/2026-11-20.json")["Body"].read()

    shown = [run(world, *arguments, capsys=capsys) for arguments in ((), ("--day", "2026-11-20"), ("--now",))]

    kept = json.loads(stored)
    assert [code for code, _ in shown] == [6, 6, 6]
    assert [facts["findings"] for _, facts in shown] == [kept["findings"]] * 3
    (finding,) = kept["findings"]
    assert (finding["kind"], finding["organizationId"]) == ("unknown_to_us", world.tenant.org_id)
    assert "cus_" not in str(kept)
    assert run(world, "--day", "2026-11-19", capsys=capsys)[0] == 3


def test_a_clean_report_is_exit_code_0_and_without_any_report_3(
    world: World, report: Callable[[], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(world, capsys=capsys)[0] == 3
    paid(world)
    report()

    assert run(world, capsys=capsys) == (0, {**run(world, capsys=capsys)[1], "counts": {}, "findings": []})


def run(world: World, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    capsys.readouterr()
    code = admin.main(["--json", "report", *arguments], lambda _: world.container)
    out = capsys.readouterr().out
    return code, json.loads(out) if out else None


def test_long_lists_are_read_to_their_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from refundkit_core.adapters.dynamodb import organizations, refund_books

    monkeypatch.setattr(refund_books, "_PAGE", 2)
    monkeypatch.setattr(organizations, "_PAGE", 2)
    started = world.clock.now()
    charge = world.charge()["id"]
    opened = []
    for amount in range(1, 6):
        world.clock.advance(seconds=1)
        opened.append(world.refund(charge, amount=amount)["id"])
        world.container.provision.create_organization(f"shop {amount}", "Bob", "bob@example.com")
    books = refund_books.DynamoRefundBooks(world.container.table)

    assert [refund.id for refund in books.opened_since(world.tenant, started)] == opened[::-1]
    assert [refund.id for refund in books.opened_since(world.tenant, world.clock.now())] == opened[-1:]
    assert sorted(refund_id for _, refund_id in books.unfinished()) == sorted(opened)
    assert [each.name for each in world.container.provision.organizations()][1:] == [f"shop {n}" for n in range(1, 6)]
