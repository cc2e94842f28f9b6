"""Queues and streams: one message a call of a use case, and only what failed comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from refundkit_core.application.records import ProcessorNews
from refundkit_core.domain.errors import NotDelivered, StoreConflict
from refundkit_core.domain.tenancy import Tenant
from refundkit_core.domain.times import parse_iso
from refundkit_core.entrypoints.observability import log, log_failure

if TYPE_CHECKING:
    from refundkit_core.application.execute_refund import ExecuteRefund
    from refundkit_core.application.notify import Notify, Told
    from refundkit_core.application.processor_news import ApplyProcessorNews
    from refundkit_core.application.send_codes import SendCodes
    from refundkit_core.application.simulate_policy import WorkSimulation
    from refundkit_core.application.tell_owners import TellOwners
    from refundkit_core.application.watch_approval import WatchApproval

Event = Mapping[str, Any]
Failures = dict[str, list[dict[str, str]]]
Said = Mapping[str, Any]


class ComesBack(Exception):
    """The message must come again, and this is no surprise: ``said`` tells why."""

    def __init__(self, said: Said) -> None:
        super().__init__("the message comes back")
        self.said = said


def each_message(event: Event, handle: Callable[[Mapping[str, Any]], Said]) -> Failures:
    """Run ``handle`` on each SQS message's JSON and log what it returns; a message whose handling raises comes back."""
    failures: list[dict[str, str]] = []
    for record in event["Records"]:
        started = time.perf_counter()
        try:
            said = handle(json.loads(record["body"]))
        except ComesBack as again:
            log("message comes back", **again.said)
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        except Exception as exc:  # the boundary of a worker: the message comes back, and after that to its DLQ
            log_failure("message failed", exc, message_id=record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
            continue
        log("message", ms=round((time.perf_counter() - started) * 1000), **said)
    return {"batchItemFailures": failures}


def executed(execute: ExecuteRefund, message: Mapping[str, Any]) -> Said:
    """Bring forward the refund that a message names. What is not settled yet is left to the sweep."""
    detail = message["detail"]
    tenant, refund_id = Tenant(detail["organizationId"], detail["environment"]), detail["data"]["refundId"]
    outcome = execute(tenant, refund_id)
    return {"refund_id": refund_id, "org_id": tenant.org_id, "outcome": outcome}


def looked_after(watch: WatchApproval, message: Mapping[str, Any]) -> Said:
    """Look after the approval that a message names: one of its workflow's, which waits with a token, or any other."""
    token = message.get("taskToken")
    if token is not None:
        from refundkit_core.application.approval_ports import WaitingToken

        tenant, approval_id = Tenant(message["organizationId"], message["environment"]), message["approvalId"]
        since = datetime.fromisoformat(message["since"]).astimezone(UTC)
        outcome = watch.waits(tenant, approval_id, WaitingToken(token, message["rung"], since))
    else:
        detail = message["detail"]
        tenant, approval_id = Tenant(detail["organizationId"], detail["environment"]), detail["data"]["approvalId"]
        outcome = watch.look(tenant, approval_id)
    return {"approval_id": approval_id, "org_id": tenant.org_id, "outcome": outcome}


def told(notify: Notify, send_codes: SendCodes, tell_owners: TellOwners, message: Mapping[str, Any]) -> Said:
    """Tell people of the event in a message, or send the code that it asks for.

    Raises ComesBack where somebody could not be told.
    """
    if "letter" in message:
        return _sent(send_codes, message)
    if "endpointId" in message["detail"]["data"]:
        return _owners_told(tell_owners, message["detail"])
    from refundkit_core.application.notify_ports import Heard

    detail = message["detail"]
    about = detail["data"]
    heard = Heard(
        event_id=detail["id"],
        type=detail["type"],
        tenant=Tenant(detail["organizationId"], detail["environment"]),
        refund_id=about["refundId"],
        approval_id=about.get("approvalId"),
        revision=about.get("revision"),
    )
    said = {
        "type": heard.type,
        "refund_id": heard.refund_id,
        "approval_id": heard.approval_id,
        "org_id": heard.tenant.org_id,
    }
    return _over(notify(heard), said)


def _owners_told(tell_owners: TellOwners, detail: Mapping[str, Any]) -> Said:
    from refundkit_core.application.tell_owners import Disabling

    about, tenant = detail["data"], Tenant(detail["organizationId"], detail["environment"])
    since = None if about["failingSince"] is None else parse_iso(about["failingSince"])
    heard = Disabling(detail["id"], tenant, about["endpointId"], about["reason"], since)
    return _over(
        tell_owners(heard), {"type": detail["type"], "endpoint_id": heard.endpoint_id, "org_id": tenant.org_id}
    )


def _over(result: Told, about: Said) -> Said:
    """What to say of it; raises ComesBack where somebody could not be told."""
    said = {**about, "outcome": result.outcome}
    for failure in result.failures:
        log_failure("could not tell", failure.__cause__ or failure, **said)
    if result.failures:
        raise ComesBack(said)
    return said


def _sent(send_codes: SendCodes, message: Mapping[str, Any]) -> Said:
    said = {
        "type": message["letter"],
        "approval_id": message.get("approvalId"),
        "org_id": message.get("organizationId"),
    }
    try:
        if message["letter"] == "sign_in":
            return {**said, "outcome": send_codes.for_signing_in(message["person"])}
        tenant = Tenant(message["organizationId"], message["environment"])
        asked = message["approvalId"], message["memberId"], message["voidVersion"]
        return {**said, "outcome": send_codes.for_approval(tenant, *asked)}
    except (StoreConflict, NotDelivered) as exc:
        raise ComesBack({**said, "outcome": "failed"}) from exc


def simulated(work: WorkSimulation, message: Mapping[str, Any]) -> Said:
    """Work off one chunk of a simulation. Raises ComesBack where another worker was faster, or no answer came."""
    tenant = Tenant(message["organizationId"], message["environment"])
    said = {"simulation_id": message["simulationId"], "chunk": message["chunk"], "org_id": tenant.org_id}
    try:
        return {**said, "outcome": work(tenant, message["simulationId"], message["chunk"])}
    except StoreConflict as exc:
        raise ComesBack({**said, "outcome": "conflict"}) from exc


def applied(apply: ApplyProcessorNews, message: Mapping[str, Any]) -> Said:
    """Apply one processor's news. Raises ComesBack where a person must look."""
    news = ProcessorNews(
        connection_id=message["connectionId"],
        tenant=Tenant(message["organizationId"], message["environment"]),
        processor=message["processor"],
        external_event_id=message["externalEventId"],
        type=message["type"],
        charge_id=message["chargeId"],
        fraud_warning=message["fraudWarning"],
    )
    outcome = apply(news)
    said = {"charge_id": news.charge_id, "type": news.type, "org_id": news.tenant.org_id, "outcome": outcome}
    if outcome == "needs_a_person":
        raise ComesBack(said)
    return said
