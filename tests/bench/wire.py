"""Every AWS call of this process, seen where botocore sends it: what it was, and what it writes and reads."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import get_session
from moto.core.botocore_stubber import BotocoreStubber

from tests.bench.counting import (
    Index,
    Item,
    eventual_read_units,
    index_write_units,
    item_bytes,
    read_units,
    transactional_write_units,
    write_units,
)
from tests.support.template import resources

_KINDS: Final = {
    "#HEAD": "refund head",
    "SWITCHES": "switches",
    "THROTTLE": "throttle",
    "LEDGER": "ledger",
    "NAME": "transaction name",
    "KEY": "API key",
    "ORG": "organization",
    "CONNECTION": "connection pointer",
}
_SINGLE_WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem")
_READS: Final = ("GetItem", "Query", "BatchGetItem")


class Uncounted(Exception):
    """A call was made that nothing here knows how to count."""


@dataclass
class Write:
    """One write of one item, or a condition check; ``units`` are the table's, ``index_units`` the indexes'."""

    operation: str
    kind: str
    key: tuple[str, str]
    before: Item | None
    after: Item | None = None
    units: int = 0
    index_units: int = 0

    @property
    def size_bytes(self) -> int:
        return max(item_bytes(self.before), item_bytes(self.after))


@dataclass
class Call:
    """One call. ``tries`` counts the requests that it took; ``failed`` is the error's code."""

    function: str
    service: str
    operation: str
    params: dict[str, Any]
    writes: list[Write] = field(default_factory=list)
    read_units: float = 0
    tries: int = 0
    failed: str | None = None

    @property
    def waits_for(self) -> str:
        """The kind of waiting, by the names of the price table's assumptions."""
        return "dynamodb transaction" if self.operation == "TransactWriteItems" else self.service


class Recorder:
    """Keeps the calls, and the CPU time that recording and the emulator took of the calling thread."""

    def __init__(self, table: str) -> None:
        self.calls: list[Call] = []
        self.function = "-"
        self.aside_s = 0.0
        self.unknown: set[str] = set()
        self._table = table
        self._watching = False
        self._observer: Any = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Record what sessions do that are made from now on. The observer's session was made before."""
        self._observer = get_session().create_client("dynamodb")
        hooks = [
            ("before-parameter-build", self._begin),
            ("request-created", self._sent),
            ("after-call", self._end),
        ]
        BUILTIN_HANDLERS.extend(hooks)
        emulate = BotocoreStubber.__call__

        def aside(stubber: BotocoreStubber, event_name: str, request: Any, **more: Any) -> Any:
            with self._set_aside():
                return emulate(stubber, event_name, request, **more)

        try:
            with patch.object(BotocoreStubber, "__call__", aside):
                yield
        finally:
            for hook in hooks:
                BUILTIN_HANDLERS.remove(hook)

    def lift_rate_limits(self) -> None:
        """Let the API keys made so far ask as often as they like; the number is as long as the usual one."""
        for call in self.calls:
            for write in call.writes:
                if write.kind == "API key" and write.after is not None:
                    self._observer.update_item(
                        TableName=self._table,
                        Key={name: write.after[name] for name in ("pk", "sk")},
                        UpdateExpression="SET per_minute = :often",
                        ExpressionAttributeValues={":often": {"N": "1000000"}},
                    )

    @contextmanager
    def _set_aside(self) -> Iterator[None]:
        if self._watching:
            yield
            return
        self._watching, began = True, time.thread_time()
        try:
            yield
        finally:
            self._watching = False
            self.aside_s += time.thread_time() - began

    def _begin(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        with self._set_aside():
            call = Call(self.function, model.service_model.service_name, model.name, copy.deepcopy(params))
            context["bench_call"] = call
            if call.service == "dynamodb":
                call.writes = [self._write(name, part) for name, part in _parts(call)]
                if not call.writes and call.operation not in _READS:
                    self.unknown.add(call.operation)
            self.calls.append(call)

    def _sent(self, request: Any, **_: Any) -> None:
        call = request.context.get("bench_call")
        if call is not None:
            call.tries += 1

    def _end(self, http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        with self._set_aside():
            call: Call = context["bench_call"]
            if http_response.status_code >= 300:
                call.failed = parsed.get("Error", {}).get("Code", str(http_response.status_code))
            in_transaction = call.operation == "TransactWriteItems"
            for write in call.writes:
                self._price(write, in_transaction, call.failed)
            if call.service == "dynamodb" and not call.failed:
                call.read_units = _reads(call, parsed)

    def _write(self, operation: str, part: Mapping[str, Any]) -> Write:
        key = part["Item"] if operation == "Put" else part["Key"]
        pk, sk = key["pk"]["S"], key["sk"]["S"]
        intended = part["Item"] if operation == "Put" else None
        return Write(operation, kind_of(sk), (pk, sk), self._item(pk, sk), intended)

    def _item(self, pk: str, sk: str) -> Item | None:
        key = {"pk": {"S": pk}, "sk": {"S": sk}}
        answer = self._observer.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def _price(self, write: Write, in_transaction: bool, failed: str | None) -> None:
        """What a write costs; a failed one costs what stood there or was meant to, and nothing in the index."""
        if not failed:
            write.after = self._item(*write.key)
        count = transactional_write_units if in_transaction else write_units
        write.units = count(write.before, write.after)
        if not failed and write.operation != "ConditionCheck":
            write.index_units = sum(index_write_units(each, write.before, write.after) for each in indexes())


def indexes() -> list[Index]:
    """The table's indexes as the template describes them."""
    table = resources("AWS::DynamoDB::Table")["Table"]["Properties"]
    key_of_table = [part["AttributeName"] for part in table["KeySchema"]]
    found = []
    for described in table.get("GlobalSecondaryIndexes", ()):
        key = tuple(part["AttributeName"] for part in described["KeySchema"])
        projection = described["Projection"]
        held = frozenset((*key, *key_of_table, *projection.get("NonKeyAttributes", ())))
        found.append(Index(described["IndexName"], key, None if projection["ProjectionType"] == "ALL" else held))
    return found


def kind_of(sk: str) -> str:
    """What an item is, by its sort key."""
    return _KINDS.get(sk) or re.sub(r"#\d+$", "", sk).replace("#", " ").lower()


def _parts(call: Call) -> list[tuple[str, Mapping[str, Any]]]:
    if call.operation in _SINGLE_WRITES:
        return [(call.operation.removesuffix("Item"), call.params)]
    if call.operation == "TransactWriteItems":
        return [next(iter(each.items())) for each in call.params["TransactItems"]]
    return []


def _reads(call: Call, answer: Mapping[str, Any]) -> float:
    count = read_units if call.params.get("ConsistentRead") else eventual_read_units
    if call.operation == "GetItem":
        return count(item_bytes(answer.get("Item")))
    if call.operation == "Query":
        return count(sum(item_bytes(item) for item in answer["Items"]))
    if call.operation == "BatchGetItem":
        units = 0.0
        for table, asked in call.params["RequestItems"].items():
            each = read_units if asked.get("ConsistentRead") else eventual_read_units
            found = answer["Responses"].get(table, [])
            units += sum(each(item_bytes(item)) for item in found) + each(0) * (len(asked["Keys"]) - len(found))
        return units
    return 0
