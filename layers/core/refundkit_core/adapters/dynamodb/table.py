"""The table as the adapters see it: plain values in and out, conflicts as ``StoreConflict``, everything conditional."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from refundkit_core.adapters.dynamodb.attribute_values import decode as decode
from refundkit_core.adapters.dynamodb.attribute_values import encode as encode
from refundkit_core.adapters.dynamodb.keys import Key
from refundkit_core.domain.errors import StoreConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

Item = Mapping[str, Any]
Operation = dict[str, Any]

_LOST: Final = frozenset(
    {"ConditionalCheckFailed", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
_BUSY: Final = frozenset(
    {
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
    }
)
_UNANSWERED: Final = (HTTPClientError, NotConnected)
"""The request may have been made all the same: botocore retries, and tells of its last try only."""

_MAX_BATCH_TRIES: Final = 8


class ConditionFailed(StoreConflict):
    """The condition of a single write did not hold; ``item`` is what stands there (None: nothing)."""

    def __init__(self, item: Item | None) -> None:
        super().__init__("The item is not as expected")
        self.item = item


class Table:
    """One DynamoDB table."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, key: Key) -> Item | None:
        """One item, read consistently."""
        answer = self._client.get_item(TableName=self.name, Key=_key(key), ConsistentRead=True)
        return decode(answer["Item"]) if "Item" in answer else None

    def put(self, item: Item, condition: str | None = None, values: Item | None = None) -> None:
        """Put one item. Raises ConditionFailed."""
        self._single("put_item", _put(self.name, item, condition, values)["Put"])

    def update(self, key: Key, expression: str, condition: str, values: Item, names: Item | None = None) -> Item:
        """Update one item and return it whole. Raises ConditionFailed."""
        call = self.update_op(key, expression, condition, values, names)["Update"]
        answer = self._single("update_item", {**call, "ReturnValues": "ALL_NEW"})
        return decode(answer["Attributes"])

    def transact(self, operations: Sequence[Operation]) -> None:
        """All of ``operations`` or none. Raises StoreConflict where a condition failed, another transaction was
        faster, the table was too busy, or no answer came: reload, see what stands, decide again."""
        try:
            self._client.transact_write_items(TransactItems=list(operations))  # type: ignore[arg-type]
        except self._client.exceptions.TransactionCanceledException as exc:
            reasons = [reason.get("Code") for reason in exc.response.get("CancellationReasons", ())]
            if any(reason in _LOST for reason in reasons):
                raise StoreConflict("A condition of the transaction did not hold") from exc
            raise
        except ClientError as exc:
            raise _translated(exc) from exc
        except _UNANSWERED as exc:
            raise StoreConflict("The store did not answer") from exc

    def query(self, pk: str, prefix: str) -> list[Item]:
        """All items of a partition whose sort key begins with ``prefix``, in order, read consistently."""
        return self._query("begins_with(sk, :prefix)", {":pk": pk, ":prefix": prefix})

    def query_between(self, pk: str, first: str, last: str) -> list[Item]:
        """All items of a partition with sort keys from ``first`` to ``last``, in order, read consistently."""
        return self._query("sk BETWEEN :first AND :last", {":pk": pk, ":first": first, ":last": last})

    def _query(self, condition: str, values: Item) -> list[Item]:
        call: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": f"pk = :pk AND {condition}",
            "ExpressionAttributeValues": encode(values),
            "ConsistentRead": True,
        }
        items: list[Item] = []
        while True:
            answer = self._client.query(**call)
            items.extend(decode(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return items
            call["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def newest(self, index: str, pk: str, since: str, before: str, limit: int) -> tuple[list[Item], bool]:
        """Up to ``limit`` items of an index partition, newest first, and whether there may be more. May lag.

        Their sort keys are ``since`` or later, and before ``before``.
        """
        if since >= before:  # which DynamoDB refuses instead of finding nothing
            return [], False
        answer = self._client.query(
            TableName=self.name,
            IndexName=index,
            KeyConditionExpression=f"{index}pk = :pk AND {index}sk BETWEEN :since AND :before",
            ExpressionAttributeValues=encode({":pk": pk, ":since": since, ":before": before}),
            ScanIndexForward=False,
            Limit=limit,
        )
        items = [decode(item) for item in answer["Items"]]
        return [item for item in items if item[f"{index}sk"] != before], "LastEvaluatedKey" in answer

    def newest_of(self, pk: str, since: str, before: str, limit: int) -> tuple[list[Item], bool]:
        """The same of a partition of the table itself, read consistently."""
        if since >= before:
            return [], False
        return self._part(pk, since, before, limit, "before", ScanIndexForward=False)

    def oldest(self, pk: str, after: str, limit: int) -> tuple[list[Item], bool]:
        """Up to ``limit`` items of a partition behind the sort key ``after``, oldest first, and whether there may be
        more. Read consistently."""
        return self._part(pk, after, "~", limit, "after")

    def _part(self, pk: str, first: str, last: str, limit: int, outside: str, **order: bool) -> tuple[list[Item], bool]:
        answer = self._client.query(
            TableName=self.name,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :last",
            ExpressionAttributeValues=encode({":pk": pk, ":first": first, ":last": last}),
            ConsistentRead=True,
            Limit=limit + 1,  # one of them may be the end that does not belong to it
            **order,  # type: ignore[arg-type]
        )
        end = first if outside == "after" else last
        items: list[Item] = [item for item in map(decode, answer["Items"]) if item["sk"] != end]
        return items[:limit], "LastEvaluatedKey" in answer or len(items) > limit

    def open_page(self, index: str, pk: str, until: str, limit: int) -> list[Item]:
        """Up to ``limit`` items of the index of refunds under way, up to the sort key ``until``, earliest first."""
        answer = self._client.query(
            TableName=self.name,
            IndexName=index,
            KeyConditionExpression="gsi2pk = :pk AND gsi2sk <= :until",
            ExpressionAttributeValues=encode({":pk": pk, ":until": until}),
            Limit=limit,
        )
        return [decode(item) for item in answer["Items"]]

    def whole_sparse(self, index: str, pk: str) -> Iterator[Item]:
        """All of one partition of the sparse index, earliest first. May lag."""
        call: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": "gsi2pk = :pk",
            "ExpressionAttributeValues": encode({":pk": pk}),
        }
        while True:
            answer = self._client.query(**call)
            yield from (decode(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            call["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def batch_get(self, keys: Sequence[Key]) -> list[Item]:
        """The items of up to 100 keys, in no order; those that do not exist are left out."""
        return self._batch_get({self.name: {"Keys": [_key(key) for key in keys]}})

    def batch_get_consistent(self, keys: Sequence[Key]) -> list[Item]:
        """The same, read consistently."""
        return self._batch_get({self.name: {"Keys": [_key(key) for key in keys], "ConsistentRead": True}})

    def _batch_get(self, wanted: Any) -> list[Item]:
        items: list[Item] = []
        for _ in range(_MAX_BATCH_TRIES):
            if not wanted:
                return items
            answer = self._client.batch_get_item(RequestItems=wanted)
            items.extend(decode(item) for item in answer["Responses"].get(self.name, ()))
            wanted = answer.get("UnprocessedKeys")
        raise StoreConflict("The table is too busy")

    def _single(self, method: str, call: dict[str, Any]) -> Any:
        try:
            return getattr(self._client, method)(**call, ReturnValuesOnConditionCheckFailure="ALL_OLD")
        except self._client.exceptions.ConditionalCheckFailedException as exc:
            response: Mapping[str, Any] = exc.response
            item = response.get("Item")
            raise ConditionFailed(decode(item) if item else None) from exc
        except ClientError as exc:
            raise _translated(exc) from exc
        except _UNANSWERED as exc:
            raise StoreConflict("The store did not answer") from exc

    def put_op(self, item: Item, condition: str | None = None, values: Item | None = None) -> Operation:
        """A put for :meth:`transact`."""
        return _put(self.name, item, condition, values)

    def update_op(
        self, key: Key, expression: str, condition: str, values: Item, names: Item | None = None
    ) -> Operation:
        """An update for :meth:`transact`."""
        operation = _update(self.name, key, expression, condition, values)
        if names:
            operation["Update"]["ExpressionAttributeNames"] = dict(names)
        return operation

    def add_op(self, key: Key, expression: str, values: Item, names: Item | None = None) -> Operation:
        """An update of an item that may not exist yet, for :meth:`transact`."""
        update: Operation = {"TableName": self.name, "Key": _key(key), "UpdateExpression": expression}
        if names:
            update["ExpressionAttributeNames"] = dict(names)
        return {"Update": {**update, **_values(values)}}

    def check_op(self, key: Key, condition: str, values: Item) -> Operation:
        """A condition check for :meth:`transact`."""
        check: Operation = {"TableName": self.name, "Key": _key(key), "ConditionExpression": condition}
        return {"ConditionCheck": {**check, **_values(values)}}


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _values(values: Item | None) -> dict[str, Any]:
    return {"ExpressionAttributeValues": encode(values)} if values else {}


def _put(table: str, item: Item, condition: str | None, values: Item | None) -> Operation:
    put: Operation = {"TableName": table, "Item": encode(item), **_values(values)}
    return {"Put": put if condition is None else {**put, "ConditionExpression": condition}}


def _update(table: str, key: Key, expression: str, condition: str, values: Item) -> Operation:
    update: Operation = {
        "TableName": table,
        "Key": _key(key),
        "UpdateExpression": expression,
        "ConditionExpression": condition,
    }
    return {"Update": {**update, **_values(values)}}


def _translated(exc: ClientError) -> Exception:
    code = exc.response.get("Error", {}).get("Code")
    return StoreConflict("The table is too busy") if code in _BUSY else exc


def without_nones(item: Item) -> dict[str, Any]:
    """``item`` without its None values: an absent attribute costs nothing and leaves sparse indexes sparse."""
    return {name: value for name, value in item.items() if value is not None}
