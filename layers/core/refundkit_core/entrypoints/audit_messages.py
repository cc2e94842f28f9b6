"""The audit queue's messages: all of one organization in a batch make one block of its chain."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from refundkit_core.application.audit_ports import Mention
from refundkit_core.entrypoints.messages import Failures
from refundkit_core.entrypoints.observability import log, log_failure

if TYPE_CHECKING:
    from refundkit_core.application.chain_audit import ChainAudit
    from refundkit_core.domain.audit_chain import Chain

Received = list[tuple[str, Mention]]
"""Messages by their id, with what they mention."""


def chained(chain_audit: ChainAudit, event: Mapping[str, Any]) -> Failures:
    """Take up a batch. Where that fails for several messages at once, each is tried alone, so that one that never can
    be taken up holds back no other; and only what failed comes back."""
    failed: list[str] = []
    by_chain: dict[Chain, Received] = {}
    for record in event["Records"]:
        try:
            mention = mention_from(record)
        except (KeyError, ValueError, TypeError) as exc:
            log_failure("message failed", exc, message_id=record["messageId"])
            failed.append(record["messageId"])
        else:
            by_chain.setdefault(mention.chain, []).append((record["messageId"], mention))
    for chain, received in by_chain.items():
        if not _taken(chain_audit, chain, received):
            alone = [] if len(received) == 1 else received
            failed += [message_id for message_id, _ in received if not alone]
            failed += [each[0] for each in alone if not _taken(chain_audit, chain, [each])]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def mention_from(record: Mapping[str, Any]) -> Mention:
    """What a message mentions. Raises KeyError, ValueError or TypeError for one that is none of ours."""
    body = json.loads(record["body"])
    if body["kind"] not in ("entry", "refund", "refusal"):
        raise ValueError("a kind that is not chained")
    return Mention(body["organizationId"], body["environment"], body["kind"], body["id"], body["at"])


def _taken(chain_audit: ChainAudit, chain: Chain, received: Received) -> bool:
    """Whether these messages are in the chain now. Its head goes to the log as well: a copy that no table holds."""
    started = time.perf_counter()
    try:
        told = chain_audit(chain, [mention for _, mention in received])
    except Exception as exc:  # the boundary of a worker: the messages come back, and after that to their DLQ
        log_failure("message failed", exc, message_id=received[0][0], org_id=chain)
        return False
    head = {} if told.head is None else {"head_number": told.head.number, "head_hash": told.head.hash}
    counts = {"taken": told.taken, "known": told.known or None, "gone": told.gone or None}
    log("audit chained", org_id=chain, **counts, **head, ms=round((time.perf_counter() - started) * 1000))
    return True
