"""One conditional update admits a request: it must be a good key's, and within its minute's limit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from refundkit_core.adapters.dynamodb.api_keys import DynamoApiKeyStore
from refundkit_core.adapters.dynamodb.table import ConditionFailed, Table
from refundkit_core.application.records import ApiKeyRecord
from refundkit_core.domain.errors import RateLimited, StoreConflict, Unauthenticated
from refundkit_core.domain.tenancy import Admitted, Caller, Quota, Tenant
from refundkit_core.domain.times import iso

from tests.support.clock import FixedClock

TENANT = Tenant("org_1", "live")
HASH = "a" * 64
CALLER = Caller(TENANT, "key_1", "mem_1", frozenset({"refunds:read", "refunds:write"}))


class CountingTable(Table):
    """The table, and the number of writes that were tried."""

    tries = 0

    def update(self, *arguments: Any, **named: Any) -> Any:
        self.tries += 1
        return super().update(*arguments, **named)


@dataclass
class Gate:
    """A table with one key of three requests a minute, valid for an hour, and two workers that admit requests."""

    table: CountingTable
    clock: FixedClock
    client: Any

    def __post_init__(self) -> None:
        self.worker, self.other_worker = DynamoApiKeyStore(self.table), DynamoApiKeyStore(self.table)

    def put_key(self, **changes: Any) -> None:
        """Store the key anew, with ``changes``."""
        now = self.clock.now()
        record: dict[str, Any] = {
            "id": "key_1",
            "tenant": TENANT,
            "hash": HASH,
            "prefix": "rk_live_aaaaaaaa",
            "name": "shop",
            "owner": "mem_1",
            "scopes": CALLER.scopes,
            "created_at": now,
            "expires_at": now + timedelta(hours=1),
            "limit_per_minute": 3,
        }
        self.worker.put(ApiKeyRecord(**{**record, **changes}))

    def admit(self) -> Quota:
        """Ask the first worker; the caller must be the key's."""
        admitted = self.worker.admit(HASH, self.clock.now())
        assert admitted == Admitted(CALLER, admitted.quota)
        return admitted.quota

    def stored(self) -> dict[str, Any]:
        """The metered item as it stands."""
        (item,) = [item for item in self.client.scan(TableName="refundkit")["Items"] if "org" in item]
        return {name: next(iter(value.values())) for name, value in item.items()}

    def revoke(self) -> None:
        """Mark the metered item as revoked, without asking the store."""
        at = {name: {"S": self.stored()[name]} for name in ("pk", "sk")}
        now = {":at": {"S": iso(self.clock.now())}}
        self.client.update_item(
            TableName="refundkit", Key=at, UpdateExpression="SET revoked = :at", ExpressionAttributeValues=now
        )


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client(
            "dynamodb", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
        )


@pytest.fixture
def gate(dynamodb: Any) -> Iterator[Gate]:
    keys = {"pk": "HASH", "sk": "RANGE"}
    dynamodb.create_table(
        TableName="refundkit",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
    )
    gate = Gate(CountingTable(dynamodb, "refundkit"), FixedClock(), dynamodb)
    gate.put_key()
    yield gate
    dynamodb.delete_table(TableName="refundkit")


def test_requests_count_down_to_the_limit_and_the_next_is_told_when_to_come_back(gate: Gate) -> None:
    gate.clock.advance(seconds=15)

    assert [gate.admit() for _ in range(3)] == [Quota(3, 2, 45), Quota(3, 1, 45), Quota(3, 0, 45)]
    with pytest.raises(RateLimited) as limited:
        gate.admit()
    assert (limited.value.retry_after_s, limited.value.limit) == (45, 3)


def test_the_next_minute_begins_anew(gate: Gate) -> None:
    for _ in range(3):
        gate.admit()
    gate.clock.advance(seconds=59.999)
    with pytest.raises(RateLimited) as limited:
        gate.admit()
    assert limited.value.retry_after_s == 1

    gate.clock.advance(seconds=0.001)

    assert gate.admit() == Quota(3, 2, 60)


def test_a_worker_that_has_seen_the_minute_writes_once_and_a_new_one_twice_at_most(gate: Gate) -> None:
    gate.admit()
    assert gate.table.tries == 1
    gate.admit()
    assert gate.table.tries == 2
    gate.other_worker.admit(HASH, gate.clock.now())
    assert gate.table.tries == 4
    gate.clock.advance(minutes=1)
    gate.other_worker.admit(HASH, gate.clock.now())
    assert gate.table.tries == 5


def test_workers_count_together(gate: Gate) -> None:
    gate.admit()
    gate.other_worker.admit(HASH, gate.clock.now())

    assert gate.admit() == Quota(3, 0, 60)
    with pytest.raises(RateLimited):
        gate.other_worker.admit(HASH, gate.clock.now())


def test_the_use_is_noted_with_its_time(gate: Gate) -> None:
    gate.clock.advance(seconds=61)
    gate.admit()
    gate.clock.advance(seconds=1)
    gate.admit()

    stored = gate.stored()
    assert (stored["used"], stored["last_used"]) == ("2", "2026-11-20T12:01:02.000Z")
    assert stored["counted_minute"] == str(int(gate.clock.now().timestamp()) // 60)


def test_a_key_that_nobody_has_is_refused_after_one_look(gate: Gate) -> None:
    with pytest.raises(Unauthenticated):
        gate.worker.admit("b" * 64, gate.clock.now())

    assert gate.table.tries == 1


@pytest.mark.parametrize("used", [0, 1])
def test_a_revoked_key_is_refused_whether_its_minute_has_begun_or_not(gate: Gate, used: int) -> None:
    for _ in range(used):
        gate.admit()
    gate.revoke()

    with pytest.raises(Unauthenticated):
        gate.admit()


@pytest.mark.parametrize("used", [0, 1])
def test_a_key_expires_on_the_second(gate: Gate, used: int) -> None:
    gate.clock.advance(seconds=3599)
    for _ in range(used):
        gate.admit()
    assert gate.admit().limit == 3

    gate.clock.advance(seconds=1)

    with pytest.raises(Unauthenticated):
        gate.admit()
    assert gate.table.tries == used + 2


def test_an_expired_key_is_refused_in_the_minute_that_it_was_used_in(gate: Gate) -> None:
    gate.put_key(id="key_2", hash="c" * 64, expires_at=gate.clock.now() + timedelta(seconds=30))
    gate.worker.admit("c" * 64, gate.clock.now())

    gate.clock.advance(seconds=30)

    with pytest.raises(Unauthenticated):
        gate.worker.admit("c" * 64, gate.clock.now())


def test_a_key_without_an_end_does_not_expire(gate: Gate) -> None:
    gate.put_key(id="key_2", hash="c" * 64, expires_at=None)
    gate.clock.advance(days=4000)

    assert gate.worker.admit("c" * 64, gate.clock.now()).quota == Quota(3, 2, 60)
    assert gate.other_worker.admit("c" * 64, gate.clock.now()).quota == Quota(3, 1, 60)


def test_a_worker_that_has_met_ten_thousand_keys_forgets_them_and_goes_on(gate: Gate) -> None:
    gate.admit()
    seen = gate.worker._minute_seen
    seen.update({str(number): 0 for number in range(9_998)})

    assert (gate.admit(), len(seen)) == (Quota(3, 1, 60), 9_999)
    seen["one more"] = 0
    assert (gate.admit(), len(seen)) == (Quota(3, 0, 60), 1)


def test_a_counter_that_never_stands_still_is_a_conflict_in_the_end(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    minute = int(gate.clock.now().timestamp()) // 60
    others = [{"counted_minute": minute, "used": 1, "per_minute": 3}, {"per_minute": 3}] * 9
    tried: list[str] = []

    def lost(_key: Any, expression: str, *_: Any) -> Any:
        tried.append(expression)
        raise ConditionFailed(others[len(tried) - 1])

    monkeypatch.setattr(gate.table, "update", lost)

    with pytest.raises(StoreConflict, match=r"^The key's counter kept changing$"):
        gate.worker.admit(HASH, gate.clock.now())
    assert len(tried) == 4
    assert [expression.startswith("SET used = used + ") for expression in tried] == [False, True, False, True]


def test_a_request_that_arrives_after_one_of_the_next_minute_is_admitted(gate: Gate) -> None:
    late = gate.clock.now()
    gate.clock.advance(seconds=60)
    gate.other_worker.admit(HASH, gate.clock.now())

    assert gate.worker.admit(HASH, late).caller == CALLER
