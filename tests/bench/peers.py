"""The plain peers of latency: what a handler written with boto3 alone would do, without our safeguards."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.config import Config

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values as DynamoDB notes them."""
    return {name: _serializer.serialize(value) for name, value in values.items()}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """And back."""
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


class PlainHandlers:
    """GET and POST of a refund on one table: a counted key, a query, and for POST one transaction of four items."""

    def __init__(self, table: str) -> None:
        self._client = boto3.client("dynamodb", config=Config(retries={"mode": "standard"}))
        self._table = table

    def add_key(self, key: str) -> None:
        """An API key that may be used."""
        self._client.put_item(TableName=self._table, Item=to_item({**self._key_of(key), "org": "plain", "used": 0}))

    def add_ledger(self, charge: str, available: int) -> None:
        """A charge of which so much may be refunded."""
        self._client.put_item(
            TableName=self._table, Item=to_item({**self._ledger_of(charge), "available": available, "version": 1})
        )

    def get(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """One refund by its id."""
        self._count(event)
        found = self._query(f"PLAIN#REFUND#{event['pathParameters']['id']}")
        if not found:
            return self._answer(404, {"data": None, "error": {"code": "not_found"}})
        return self._answer(200, {"data": {name: found[0][name] for name in ("id", "amount", "state")}, "error": None})

    def post(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """Open a refund, unless the same idempotency key did."""
        self._count(event)
        asked = json.loads(event["body"])
        refund_id = hashlib.sha256(event["headers"]["Idempotency-Key"].encode()).hexdigest()[:26]
        if self._query(f"PLAIN#REFUND#{refund_id}"):
            return self._answer(200, {"data": {"id": refund_id}, "error": None})
        pk, now = f"PLAIN#REFUND#{refund_id}", datetime.now(UTC).isoformat()
        head = {"pk": pk, "sk": "REFUND#HEAD", "gsi1pk": "PLAIN#REFUNDS", "gsi1sk": f"{now}#{refund_id}",
                "id": refund_id, "amount": asked["amount"], "state": "pending", "version": 1}  # fmt: skip
        body = {"pk": pk, "sk": "REFUND#BODY", "metadata": json.dumps(asked.get("metadata")), "at": now}
        happened = {"pk": pk, "sk": "EVENT#000001", "id": str(uuid.uuid4()), "type": "refund.initiated", "at": now}
        self._client.transact_write_items(
            TransactItems=[*(self._new(item) for item in (head, body, happened)), self._reserve(asked)]
        )
        return self._answer(201, {"data": {"id": refund_id, "amount": asked["amount"], "status": "pending"}})

    def _count(self, event: Mapping[str, Any]) -> None:
        key = event["headers"]["authorization"].removeprefix("Bearer ")
        self._client.update_item(
            TableName=self._table,
            Key=to_item(self._key_of(key)),
            UpdateExpression="SET used = used + :one, last_used = :now",
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=to_item({":one": 1, ":now": int(time.time())}),
            ReturnValues="ALL_NEW",
        )

    def _query(self, pk: str) -> list[dict[str, Any]]:
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
            ExpressionAttributeValues=to_item({":pk": pk, ":prefix": "REFUND#HEAD"}),
            ConsistentRead=True,
        )
        return [from_item(item) for item in answer["Items"]]

    def _new(self, item: Mapping[str, Any]) -> Any:
        condition = "attribute_not_exists(pk)"
        return {"Put": {"TableName": self._table, "Item": to_item(item), "ConditionExpression": condition}}

    def _reserve(self, asked: Mapping[str, Any]) -> Any:
        return {
            "Update": {
                "TableName": self._table,
                "Key": to_item(self._ledger_of(asked["transactionId"])),
                "UpdateExpression": "SET available = available - :m, version = version + :one",
                "ConditionExpression": "available >= :m",
                "ExpressionAttributeValues": to_item({":m": asked["amount"], ":one": 1}),
            }
        }

    @staticmethod
    def _key_of(key: str) -> dict[str, str]:
        return {"pk": f"PLAIN#KEY#{hashlib.sha256(key.encode()).hexdigest()}", "sk": "KEY"}

    @staticmethod
    def _ledger_of(charge: str) -> dict[str, str]:
        return {"pk": f"PLAIN#TXN#{charge}", "sk": "LEDGER"}

    @staticmethod
    def _answer(status: int, envelope: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"content-type": "application/json"}
        return {"statusCode": status, "headers": headers, "body": json.dumps(envelope, default=str)}
