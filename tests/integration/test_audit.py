"""The audit trail through its handlers: from a decision over stream and queue to the chain, and what tampering does."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import boto3
import pytest
from refundkit_core.adapters.dynamodb import audit_chain, keys
from refundkit_core.adapters.dynamodb.audit import entry_item
from refundkit_core.adapters.dynamodb.table import decode, encode
from refundkit_core.application.audit import BY_PROGRAM, Auditor, By
from refundkit_core.application.chain_audit import link_of
from refundkit_core.domain.audit_chain import following
from refundkit_core.domain.errors import StoreConflict
from refundkit_core.domain.events import Event
from refundkit_core.domain.times import iso
from refundkit_core.entrypoints import admin

from tests.integration.conftest import World
from tests.support.functions import function_module

Item = dict[str, Any]
_NUMBERS = count()


def dynamodb() -> Any:
    return boto3.client("dynamodb")


def items(world: World) -> list[Item]:
    """Everything in the table, as attribute values."""
    pages = dynamodb().get_paginator("scan").paginate(TableName=world.container.settings.table)
    return [item for page in pages for item in page["Items"]]


class Stream:
    """The table's stream as the functions see it: what was inserted since the last look, as the template filters it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: set[tuple[str, str]] = set()

    def records(self) -> list[Item]:
        found = []
        for item in items(self._world):
            key = item["pk"]["S"], item["sk"]["S"]
            if key in self._seen:
                continue
            self._seen.add(key)
            if key[1] == "REFUSAL" or key[1].startswith(("EVENT#", "2")):
                change = {"Keys": {"pk": item["pk"], "sk": item["sk"]}, "NewImage": item}
                found.append({"eventName": "INSERT", "dynamodb": change})
        return found

    def publish(self) -> None:
        function_module("publish_events").handler({"Records": self.records()}, None)


def received(world: World) -> list[Item]:
    """Up to ten messages of the queue, taken out of it, as the function gets them."""
    sqs, url = boto3.client("sqs"), world.container.settings.audit_queue_url
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
    records = []
    for message in found.get("Messages", ()):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        attributes = message["Attributes"]
        records.append({"messageId": f"m-{next(_NUMBERS)}", "body": message["Body"], "attributes": attributes})
    return records


def work(world: World) -> int:
    """Work off the queue; returns how many messages there were."""
    total = 0
    while records := received(world):
        answer = function_module("chain_audit").handler({"Records": records}, None)
        assert answer == {"batchItemFailures": []}
        total += len(records)
    return total


def verified(world: World, query: str = "") -> dict[str, Any]:
    status, envelope, _ = world.call("GET", f"/v1/audit/verify{query}")
    assert status == 200, envelope
    seen: dict[str, Any] = envelope["data"]
    return seen


def listed(world: World, query: str = "") -> list[dict[str, Any]]:
    status, envelope, _ = world.call("GET", f"/v1/audit{query}")
    assert status == 200, envelope
    found: list[dict[str, Any]] = envelope["data"]
    return found


@pytest.fixture
def stream(world: World) -> Stream:
    """A world in which a refund was approved by rule and another refused, all of it chained an hour ago."""
    stream = Stream(world)
    charge = world.charge()
    world.refund(charge["id"])
    assert (
        world.call("POST", "/v1/refunds", {"transactionId": charge["id"], "amount": 9000, "reason": "other"})[0] == 422
    )
    stream.publish()
    work(world)
    world.clock.advance(hours=1)
    return stream


def test_decisions_go_through_stream_and_queue_into_the_chain_and_it_is_well(world: World, stream: Stream) -> None:
    seen = verified(world)
    assert (seen["ok"], seen["complete"], seen["fault"], seen["unchained"]) == (True, True, None, [])
    assert seen["head"]["number"] == seen["blocks"] >= 1

    by_rule = listed(world, "?channel=rule")
    assert {entry["command"] for entry in by_rule} == {"refund approve", "refund refuse"}
    approved = next(entry for entry in by_rule if entry["command"] == "refund approve")
    key = approved["details"]["keyId"]
    assert approved["actor"] == f"{world.organization.owner_id} ({key})"
    assert approved["block"] is not None
    assert approved["target"] == approved["details"]["refundId"]
    assert approved["details"]["amount"] == 2000
    assert len(approved["details"]["factsHash"]) == 64


def test_a_second_pass_of_the_stream_and_redelivered_messages_change_nothing(world: World, stream: Stream) -> None:
    head = verified(world)["head"]
    world.clock.advance(hours=1)
    again = Stream(world)
    records = again.records()
    function_module("publish_events").handler({"Records": records}, None)
    twice = [record for message in received(world) for record in (message, {**message, "messageId": "again"})]

    assert function_module("chain_audit").handler({"Records": twice}, None) == {"batchItemFailures": []}
    work(world)

    assert verified(world) == {**verified(world), "ok": True, "head": head}


def test_an_organizations_messages_are_one_group_and_each_has_a_name_of_its_own(world: World) -> None:
    stream = Stream(world)
    world.refund(world.charge()["id"])
    stream.publish()

    sent = received(world)

    groups = {record["attributes"]["MessageGroupId"] for record in sent}
    assert groups == {world.organization.org_id}
    ids = [record["attributes"]["MessageDeduplicationId"] for record in sent]
    assert len(set(ids)) == len(ids) >= 2
    assert all(
        set(json.loads(record["body"])) == {"organizationId", "environment", "kind", "id", "at"} for record in sent
    )


def test_a_message_that_cannot_be_read_comes_back_alone(world: World) -> None:
    stream = Stream(world)
    world.refund(world.charge()["id"])
    stream.publish()
    good = received(world)

    answer = function_module("chain_audit").handler({"Records": [{"messageId": "bad", "body": "{}"}, *good]}, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert verified(world)["ok"]


@pytest.mark.parametrize("lost_after", [False, True], ids=["before it is written", "after it is written"])
def test_a_worker_that_dies_at_the_append_leaves_all_or_nothing_and_its_messages_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch, lost_after: bool
) -> None:
    stream = Stream(world)
    world.refund(world.charge()["id"])
    stream.publish()
    records = received(world)
    real = audit_chain.DynamoChainStore.append

    def dies(*given: Any) -> None:
        if lost_after:
            real(*given)
        raise MemoryError

    monkeypatch.setattr(audit_chain.DynamoChainStore, "append", dies)
    failed = function_module("chain_audit").handler({"Records": records}, None)["batchItemFailures"]
    monkeypatch.setattr(audit_chain.DynamoChainStore, "append", real)
    assert bool(verified(world)["head"]) is lost_after
    come_back = {each["itemIdentifier"] for each in failed}
    assert (len(come_back) == 0) is lost_after or len(come_back) == len(records)

    again = [record for record in records if record["messageId"] in come_back]
    assert function_module("chain_audit").handler({"Records": again}, None) == {"batchItemFailures": []}

    world.clock.advance(hours=1)
    seen = verified(world)
    assert (seen["ok"], seen["complete"]) == (True, True)
    linked = [link for item in items(world) if item["sk"]["S"].startswith("BLOCK#") for link in decode(item)["links"]]
    assert len(linked) == len({link[0] for link in linked}) == len(records)


def audit_items(world: World) -> list[Item]:
    pk = keys.audit(world.tenant)
    return sorted((item for item in items(world) if item["pk"]["S"] == pk), key=lambda item: str(item["sk"]["S"]))


def chain_items(world: World, prefix: str) -> list[Item]:
    pk = keys.chain_head(world.organization.org_id).pk
    found = [item for item in items(world) if item["pk"]["S"] == pk and item["sk"]["S"].startswith(prefix)]
    return sorted(found, key=lambda item: str(item["sk"]["S"]))


def put(item: Item) -> None:
    dynamodb().put_item(TableName="refundkit", Item=item)


def delete(item: Item) -> None:
    dynamodb().delete_item(TableName="refundkit", Key={"pk": item["pk"], "sk": item["sk"]})


def _entry_changed(world: World) -> str:
    put({**audit_items(world)[0], "actor": {"S": "mem_somebody_else"}})
    return "entry_changed"


def _entry_spoilt(world: World) -> str:
    put({name: value for name, value in audit_items(world)[0].items() if name != "actor"})
    return "entry_changed"


def _entry_removed(world: World) -> str:
    delete(audit_items(world)[0])
    return "entry_missing"


def _entry_inserted(world: World) -> str:
    first = audit_items(world)[0]
    put({**first, "id": {"S": "aud_x"}, "sk": {"S": f"{first['at']['S']}#aud_x"}})
    return "entry_inserted"


def _block_changed(world: World) -> str:
    put({**chain_items(world, "BLOCK#")[0], "at": {"S": "2026-01-01T00:00:00.000Z"}})
    return "block_changed"


def _block_spoilt(world: World) -> str:
    put({**chain_items(world, "BLOCK#")[0], "links": {"S": "none"}})
    return "block_changed"


def _block_removed(world: World) -> str:
    delete(chain_items(world, "BLOCK#")[0])
    return "block_missing"


def _truncated(world: World) -> str:
    delete(chain_items(world, "BLOCK#")[-1])
    return "block_missing"


def _truncated_with_its_head(world: World) -> str:
    *_, before, last = chain_items(world, "BLOCK#")
    (head,) = chain_items(world, "#HEAD")
    put({**head, "height": before["height"], "seal": before["seal"]})
    delete(last)
    return "entry_inserted"


def _head_moved_back(world: World) -> str:
    *_, before, _last = chain_items(world, "BLOCK#")
    (head,) = chain_items(world, "#HEAD")
    put({**head, "height": before["height"], "seal": before["seal"]})
    return "head_changed"


def _blocks_exchanged(world: World) -> str:
    first, second, *_ = chain_items(world, "BLOCK#")
    put({**first, "sk": second["sk"]})
    put({**second, "sk": first["sk"]})
    return "block_changed"


@pytest.mark.parametrize(
    "tamper",
    [
        _entry_changed,
        _entry_spoilt,
        _entry_removed,
        _entry_inserted,
        _block_changed,
        _block_spoilt,
        _block_removed,
        _truncated,
        _truncated_with_its_head,
        _head_moved_back,
        _blocks_exchanged,
    ],
)
def test_tampering_is_found_and_named(world: World, stream: Stream, tamper: Callable[[World], str]) -> None:
    world.refund(world.charge()["id"])
    stream.publish()
    work(world)
    head = verified(world)["head"]
    assert head["number"] >= 2

    kind = tamper(world)

    seen = verified(world)
    assert (seen["ok"], seen["fault"]["kind"]) == (False, kind)
    assert function_exits(world, "verify") == 6


def test_an_entry_that_no_block_names_is_told_after_five_minutes_and_queued_by_the_daily_pass(
    world: World, stream: Stream
) -> None:
    entry = Auditor(world.container.clock, world.container.ids).entry(BY_PROGRAM, "guards set", "2", world.tenant)
    world.container.trail.put(entry)  # and its message is lost
    refund = world.refund(world.charge()["id"])  # and so is this one's
    assert verified(world)["ok"]
    world.clock.advance(minutes=6)

    seen = verified(world)
    assert (seen["ok"], seen["fault"], seen["unchained"]) == (False, None, [entry.id])

    assert function_module("daily_report").handler({}, None)["organizations"] == 1
    assert work(world) == 2
    assert verified(world)["ok"]
    assert [each["block"] is not None for each in listed(world, f"?target={refund['id']}")] == [True]


def test_a_head_that_was_kept_proves_the_chain_and_a_foreign_one_does_not(world: World, stream: Stream) -> None:
    kept = verified(world)["head"]
    world.refund(world.charge()["id"])
    stream.publish()
    work(world)

    known = f"?headNumber={kept['number']}&headHash={kept['hash']}"
    assert verified(world, known)["ok"]
    for foreign in (known.replace(kept["hash"], "0" * 64), f"?headNumber=99&headHash={kept['hash']}"):
        seen = verified(world, foreign)
        assert (seen["ok"], seen["fault"]["kind"]) == (False, "head_unknown")
    assert world.call("GET", "/v1/audit/verify?headNumber=1")[0] == 400


def function_exits(world: World, *arguments: str) -> int:
    """The exit code of ``refundkit-admin audit …`` for the organization."""
    given = ["--json", "--yes", "--actor", "op", "audit", *arguments, "--organization", world.organization.org_id]
    return admin.main(given, opened=lambda _: world.container)


def test_an_operator_verifies_and_queues_again(
    world: World, stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    assert function_exits(world, "verify") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["ok"], facts["fault"], facts["unchained"]) == (True, None, [])

    assert function_exits(world, "requeue") == 0
    assert json.loads(capsys.readouterr().out) == {"chains": 1, "unchained": 0}


def test_dead_letters_of_the_chain_are_brought_back_in_their_group(world: World) -> None:
    sqs, settings = boto3.client("sqs"), world.container.settings
    stream = Stream(world)
    refund = world.refund(world.charge()["id"])
    stream.publish()
    mine = next(record for record in received(world) if refund["id"] in record["body"])
    named = {"MessageGroupId": world.organization.org_id, "MessageDeduplicationId": refund["id"]}
    sqs.send_message(QueueUrl=settings.audit_dead_letter_queue_url, MessageBody=mine["body"], **named)

    assert admin.main(["--yes", "--actor", "op", "redrive", "audit"], opened=lambda _: world.container) == 0

    assert work(world) >= 1
    assert [entry["block"] is not None for entry in listed(world, f"?target={refund['id']}")] == [True]
    assert not received(world)


def many(world: World, number: int) -> None:
    """So many entries in blocks of ten, put one by one: a transaction of moto's copies the whole table."""
    auditor, org_id = Auditor(world.container.clock, world.container.ids), world.organization.org_id
    head = world.container.chains.head(org_id)
    for _ in range(0, number, 10):
        entries = [auditor.entry(BY_PROGRAM, "guards set", str(each), world.tenant) for each in range(10)]
        block = following(org_id, head, [link_of(each) for each in entries], iso(world.clock.now()))
        for each in entries:
            world.container.table.put({**entry_item(each), "chained": block.number})
        world.container.table.put(audit_chain._block_item(org_id, block))
        head = block.head
        world.clock.advance(seconds=10)
    assert head is not None
    (item,) = chain_items(world, "#HEAD")
    put({**item, **encode({"height": head.number, "seal": head.hash})})


@pytest.mark.slow
def test_1200_entries_are_verified_in_parts_listed_in_pages_and_exported(world: World) -> None:
    Stream(world).publish()
    work(world)
    before = verified(world)["head"]["number"]
    many(world, 1_200)
    world.container.verify_chain._most = 500

    parts, query = [], ""
    while True:
        world.clock.advance(minutes=1)
        seen = verified(world, query)
        parts.append(seen)
        if seen["nextCursor"] is None:
            break
        query = f"?cursor={seen['nextCursor']}"
    assert len(parts) > 3
    assert all(part["ok"] for part in parts)
    assert [part["complete"] for part in parts] == [False] * (len(parts) - 1) + [True]
    assert sum(part["blocks"] for part in parts) == parts[-1]["head"]["number"] == before + 120
    assert sum(part["entries"] for part in parts) >= 2_400

    ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        world.clock.advance(seconds=1)
        path = "/v1/audit?command=guards%20set&limit=100" + (f"&cursor={cursor}" if cursor else "")
        status, envelope, _ = world.call("GET", path)
        assert status == 200, envelope
        ids += [entry["id"] for entry in envelope["data"]]
        cursor = envelope["pagination"]["nextCursor"]
    assert len(ids) == len(set(ids)) == 1_200
    assert ids == sorted(ids, reverse=True)

    status, envelope, _ = world.call("GET", "/v1/audit/export?command=guards%20set")
    assert (status, envelope["data"]["rows"], envelope["data"]["nextCursor"]) == (200, 1_200, None)


def exported(world: World, query: str) -> list[dict[str, str]]:
    """The rows of a file."""
    status, envelope, _ = world.call("GET", f"/v1/audit/export{query}")
    assert status == 200, envelope
    address = envelope["data"]["csvUrl"]
    key = address.partition("?")[0].partition("/audit/")[2]
    body = boto3.client("s3").get_object(Bucket=world.container.settings.reports_bucket, Key=f"audit/{key}")["Body"]
    return list(csv.DictReader(io.StringIO(body.read().decode(), newline="")))


def test_a_file_holds_what_the_list_shows_and_no_formula(world: World, stream: Stream) -> None:
    auditor = Auditor(world.container.clock, world.container.ids)
    world.container.trail.put(auditor.entry(BY_PROGRAM, "guards set", "=1+1", world.tenant))

    rows = exported(world, "")
    assert [row["id"] for row in rows] == [entry["id"] for entry in listed(world, "?limit=100")]
    assert rows[0]["target"] == "'=1+1"
    assert {row["channel"] for row in exported(world, "?channel=rule")} == {"rule"}


def test_a_list_is_filtered_by_time_command_actor_target_and_channel(world: World, stream: Stream) -> None:
    everything = listed(world, "?limit=100")
    approved = next(entry for entry in everything if entry["command"] == "refund approve")
    owner, key = world.organization.owner_id, approved["details"]["keyId"]

    def ids(query: str) -> set[str]:
        return {entry["id"] for entry in listed(world, f"?limit=100&{query}")}

    assert ids("command=refund%20approve") == {approved["id"]}
    assert ids(f"target={approved['target']}") == {approved["id"]}
    assert ids(f"actor={owner}") == ids(f"actor={key}") >= {approved["id"]}
    assert ids("actor=nobody") == set()
    assert ids(f"to={approved['at']}") | ids(f"from={approved['at']}") == {entry["id"] for entry in everything}
    assert approved["id"] in ids(f"from={approved['at']}") - ids(f"to={approved['at']}")


def test_the_other_environment_sees_the_organizations_own_entries_only(world: World, stream: Stream) -> None:
    status, envelope, _ = world.call("GET", "/v1/audit", key=world.organization.live_key)

    assert status == 200
    assert {entry["environment"] for entry in envelope["data"]} <= {None, "live"}
    assert "organizations create" in {entry["command"] for entry in envelope["data"]}


def test_the_trail_shows_no_operators_identity(world: World) -> None:
    auditor = Auditor(world.container.clock, world.container.ids)
    by = By("arn:aws:sts::123456789012:assumed-role/Admin/ada@example.com")
    world.container.trail.put(auditor.entry(by, "pause", "all refunds", world.tenant))

    (entry,) = listed(world, "?channel=operator&command=pause")
    assert entry["actor"] == "operator"
    assert "ada@example.com" not in json.dumps(exported(world, ""))


def test_a_queue_that_does_not_answer_keeps_no_event_from_leaving(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[str] = []
    stream = Stream(world)
    world.refund(world.charge()["id"])

    def leaves(events: Sequence[Event]) -> Sequence[Event]:
        left.extend(event.type for event in events)
        return ()

    def refuses(_: object) -> None:
        raise StoreConflict("down")

    monkeypatch.setattr(world.container.publish_events._bus, "publish", leaves)
    monkeypatch.setattr(world.container.audit_queue, "put", refuses)

    with pytest.raises(StoreConflict):
        stream.publish()
    assert "refund.initiated" in left
