"""The store's troubles, injected where botocore hands an answer to us: after its own retries, on any transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

_AT: str = "http://dynamodb.test"
Trouble = Callable[[Callable[[], Any], Any], Any]
"""Gets what would make the call, and the client; returns or raises what the caller sees."""


def _cancelled(reason: str) -> Trouble:
    """The transaction was not made, for ``reason`` of one of its items."""

    def trouble(_make: Callable[[], Any], client: Any) -> Any:
        raise client.exceptions.TransactionCanceledException(
            {
                "Error": {"Code": "TransactionCanceledException", "Message": reason},
                "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
            },
            "TransactWriteItems",
        )

    return trouble


def _refused(code: str) -> Trouble:
    def trouble(_make: Callable[[], Any], _client: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": code}}, "TransactWriteItems")

    return trouble


def _lost(exc: Exception) -> Trouble:
    """The transaction was made, and nobody heard of it."""

    def trouble(make: Callable[[], Any], _client: Any) -> Any:
        make()
        raise exc

    return trouble


def _unreachable(exc: Exception) -> Trouble:
    def trouble(_make: Callable[[], Any], _client: Any) -> Any:
        raise exc

    return trouble


TROUBLES: dict[str, Trouble] = {
    "conflict": _cancelled("TransactionConflict"),
    "throttled item": _cancelled("ThrottlingError"),
    "exhausted item": _cancelled("ProvisionedThroughputExceeded"),
    "in progress": _refused("TransactionInProgressException"),
    "exhausted table": _refused("ProvisionedThroughputExceededException"),
    "throttled": _refused("ThrottlingException"),
    "server error": _refused("InternalServerError"),
    "unreachable": _unreachable(EndpointConnectionError(endpoint_url=_AT)),
    "lost, read timeout": _lost(ReadTimeoutError(endpoint_url=_AT)),
    "lost, connect timeout": _lost(ConnectTimeoutError(endpoint_url=_AT)),
}


@dataclass
class FaultyTransactions:
    """Wraps a DynamoDB client's calls. From transaction ``first`` (counted from 1) on, ``times`` of them are in
    ``trouble``; a lost write may be followed by others that are lost."""

    client: Any
    made: int = 0
    struck: int = 0
    _first: int = 0
    _times: int = 0
    _trouble: Trouble | None = field(default=None)

    def __post_init__(self) -> None:
        self._call = self.client._make_api_call
        self.client._make_api_call = self._faulty

    def arm(self, name: str | None, first: int = 1, times: int = 1) -> None:
        """Count anew, and strike from then on; None only counts."""
        self.made, self.struck = 0, 0
        self._first, self._times = first, times
        self._trouble = None if name is None else TROUBLES[name]

    def disarm(self) -> None:
        self._trouble = None

    def remove(self) -> None:
        self.client._make_api_call = self._call

    def _faulty(self, operation: str, params: dict[str, Any]) -> Any:
        def make() -> Any:
            return self._call(operation, params)

        if operation != "TransactWriteItems":
            return make()
        self.made += 1
        if self._trouble is None or not self._first <= self.made < self._first + self._times:
            return make()
        self.struck += 1
        return self._trouble(make, self.client)
