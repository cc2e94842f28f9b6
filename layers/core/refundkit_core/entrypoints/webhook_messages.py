"""The queues of webhooks: events on their way to the endpoints, recoveries, and deliveries."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from refundkit_core.application.webhook_ports import Letter, PublicEvent, Recovery
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import parse_iso
from refundkit_core.entrypoints.messages import Event, Failures
from refundkit_core.entrypoints.observability import log, log_failure

if TYPE_CHECKING:
    from refundkit_core.application.deliver_webhooks import DeliverWebhooks
    from refundkit_core.application.dispatch_event import DispatchEvents


def dispatched(dispatch: DispatchEvents, batch: Event) -> Failures:
    """Take up a batch: the events of one tenant together, each recovery alone; only what failed comes back."""
    failed: list[str] = []
    events: dict[Tenant, dict[str, PublicEvent]] = {}
    for record in batch["Records"]:
        message_id = record["messageId"]
        try:
            message = json.loads(record["body"])
            if "recovery" in message:
                failed += [] if _recovered(dispatch, message, message_id) else [message_id]
                continue
            detail = message["detail"]
            tenant = Tenant(detail["organizationId"], detail["environment"])
            events.setdefault(tenant, {})[message_id] = event_in(detail)
        except (KeyError, ValueError, TypeError) as exc:
            log_failure("message failed", exc, message_id=message_id)
            failed.append(message_id)
    for tenant, found in events.items():
        failed += [] if _dispatched(dispatch, tenant, found) else list(found)
    return _failures(failed)


def _dispatched(dispatch: DispatchEvents, tenant: Tenant, events: Mapping[str, PublicEvent]) -> bool:
    started = time.perf_counter()
    try:
        put = dispatch(tenant, list(events.values()))
    except Exception as exc:  # the boundary of a worker: the messages come back, and after that to their DLQ
        log_failure("message failed", exc, message_id=next(iter(events)), org_id=tenant.org_id)
        return False
    told = {"events": len(events), "prompt": put.prompt or None, "patient": put.patient or None}
    log("events dispatched", org_id=tenant.org_id, **told, ms=_since(started))
    return True


def _recovered(dispatch: DispatchEvents, message: Mapping[str, Any], message_id: str) -> bool:
    started = time.perf_counter()
    tenant = Tenant(message["organizationId"], message["environment"])
    recovery = Recovery(message["recovery"], tenant, message["endpointId"], message["after"])
    try:
        begun = dispatch.recover(recovery)
    except Exception as exc:  # the same boundary
        log_failure("message failed", exc, message_id=message_id, org_id=tenant.org_id)
        return False
    told = {"kind": recovery.kind, "endpoint_id": recovery.endpoint_id, "begun": begun}
    log("deliveries recovered", org_id=tenant.org_id, **told, ms=_since(started))
    return True


def delivered(deliver: DeliverWebhooks, letter_in: Callable[[Any], Letter], prompt_arn: str, batch: Event) -> Failures:
    """Try a batch of deliveries at the same time; a line of log for each."""
    failed: list[str] = []
    by_letter: dict[Letter, list[str]] = {}
    for record in batch["Records"]:
        try:
            letter = letter_in(json.loads(record["body"]))
        except (KeyError, ValueError, TypeError) as exc:
            log_failure("message failed", exc, message_id=record["messageId"])
            failed.append(record["messageId"])
        else:
            by_letter.setdefault(letter, []).append(record["messageId"])
    if not by_letter:
        return _failures(failed)
    lane: Any = "prompt" if batch["Records"][0]["eventSourceARN"] == prompt_arn else "patient"
    started = time.perf_counter()
    for tried in deliver(lane, list(by_letter)):
        letter = tried.letter
        told = {"event_id": letter.event_id, "endpoint_id": letter.endpoint_id, "org_id": letter.tenant.org_id}
        log("delivery", **told, outcome=tried.outcome, status=tried.status, error=tried.error, ms=_since(started))
        failed += by_letter[letter] if tried.outcome == "conflict" else []
    return _failures(failed)


def event_in(detail: Mapping[str, Any]) -> PublicEvent:
    """The public event that the bus tells. Raises KeyError or ValueError for anything else."""
    return PublicEvent(
        detail["id"], detail["type"], parse_iso(detail["created"]), detail["apiVersion"], dict(detail["data"])
    )


def _failures(failed: list[str]) -> Failures:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
