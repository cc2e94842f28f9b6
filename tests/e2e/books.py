"""The running stack's store and queues, as tests look into them behind the API's back."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from refundkit.api_keys import hash_api_key
from refundkit_core.adapters.dynamodb import keys
from refundkit_core.adapters.dynamodb.refunds import DynamoRefundStore
from refundkit_core.adapters.dynamodb.table import Table
from refundkit_core.domain.ledger import TransactionRef
from refundkit_core.domain.refund import Refund
from refundkit_core.domain.tenancy import Tenant

from local.deploy import aws_session
from local.stack import Stack
from tests.e2e.merchant import Merchant


class Books:
    """One merchant's refunds and ledgers as they are stored, and the execution queue."""

    def __init__(self, stack: Stack, merchant: Merchant) -> None:
        outputs, session = stack.record["outputs"], aws_session()
        self._table = Table(session.client("dynamodb", endpoint_url=stack.settings.aws_url), outputs["TableName"])
        self._refunds = DynamoRefundStore(self._table)
        self._sqs = session.client("sqs", endpoint_url=stack.settings.aws_url)
        self._queue = outputs["ExecutionQueueUrl"]
        self._merchant = merchant
        self._account = str(merchant.described["stripe_account_id"])
        self.tenant = Tenant(merchant.described["org_id"], "test")

    def head(self, refund_id: str) -> Refund:
        found = self._refunds.head(self.tenant, refund_id)
        assert found is not None
        return found

    def admit(self, key: str, per_minute: int) -> None:
        """How often a minute the key may ask."""
        values = {":often": per_minute}
        at = keys.api_key(hash_api_key(key))
        self._table.update(at, "SET per_minute = :often", "attribute_exists(pk)", values)

    def send_again(self, refund_ids: Sequence[str]) -> None:
        """Put execution messages on the queue, as the sweep does."""
        for refund_id in refund_ids:
            detail = {"organizationId": self.tenant.org_id, "environment": "test", "data": {"refundId": refund_id}}
            self._sqs.send_message(QueueUrl=self._queue, MessageBody=json.dumps({"detail": detail}))

    def check(self, charge: str) -> None:
        """The charge's ledger holds what its refunds hold, here and at the processor, and nothing is reserved."""
        ledger = self._refunds.ledger(self.tenant, TransactionRef("stripe", self._account, charge))
        assert ledger is not None
        there = self._merchant.at_the_processor(charge)
        paid = sum(seen["amount"] for seen in there if seen["status"] == "succeeded")
        sums = (ledger.reserved_minor, ledger.refunded_minor, ledger.elsewhere_minor)
        assert sums == (0, paid, 0), (charge, sums, there)
        named = Counter(seen["metadata"]["refundkit_refund_id"] for seen in there)
        assert set(named.values()) <= {1}, named
        for refund_id in named:
            head = self.head(refund_id)
            assert head.status == "completed"
            events = self._refunds.timeline(self.tenant, refund_id)
            assert [event.version for event in events] == list(range(1, head.version + 1))
            public = [event.type for event in events if event.public]
            assert public == ["refund.initiated", "refund.processing", "refund.completed"]


def worker_processes(stack: Stack) -> dict[int, str]:
    """The emulator's Lambda workers: process id to function name."""
    record = json.loads((stack.settings.state / "run.json").read_text(encoding="utf-8"))
    (emulator,) = [child["pid"] for child in record["children"] if child["name"] == "ministack"]
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) != emulator:
                continue
            environ = dict(pair.split("=", 1) for pair in (folder / "environ").read_text().split("\0") if "=" in pair)
            name = environ.get("AWS_LAMBDA_FUNCTION_NAME")
            if name:
                found[int(folder.name)] = name
    return found


def kill(pid: int) -> None:
    """SIGKILL one worker; it may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
