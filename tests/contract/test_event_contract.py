"""What the domain sends is what its receivers were promised: every event against its model and its JSON Schema."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, get_args

import pytest
import refundkit_core.domain
from jsonschema import Draft202012Validator, ValidationError
from pydantic import ValidationError as Unfit
from refundkit.contracts import disputes
from refundkit.contracts import refunds as refunds_on_the_wire
from refundkit.contracts.events import API_VERSION, EVENT_TYPES, VERSIONS, EventEnvelope, event_schema
from refundkit_core.domain import approval_events, approvals, assessments, events, risk, risk_signals
from refundkit_core.domain.approvals import ALLOWED, Act, Approval, ApprovalStatus, Question, Ruling, Verdict, Via
from refundkit_core.domain.events import Event
from refundkit_core.domain.processor import DisputeState
from refundkit_core.domain.refund import ALLOWED as REFUND_STEPS
from refundkit_core.domain.refund import Reason, Refund, Status
from refundkit_core.domain.times import iso
from refundkit_core.domain.webhooks import DisabledBecause, Endpoint, Secret, disabled, of_disabling

from tests.support.builders import TENANT, ledger, refund
from tests.support.clock import START
from tests.support.risk import facts, kept_assessment

LATER: Final = START + timedelta(hours=1)
GROUPS: Final = {
    "refund": "refunds",
    "approval": "approvals",
    "dispute": "disputes",
    "policy": "policies",
    "webhook": "webhooks",
}


def refunds_events() -> Iterator[Event]:
    """A refund of every reason, opened or adopted in every status, and every step of the table, with every detail."""
    details: tuple[str | None, ...] = (None, "outcome_unknown", "expired_or_canceled_card")
    for status, detail, external in itertools.product(get_args(Status), details, (None, "re_1")):
        for reason in get_args(Reason):
            made = refund(status=status, status_detail=detail, external_refund_id=external, reason=reason)
            yield events.of_change(None, made)
        for before, steps in REFUND_STEPS.items():
            if status in steps:
                yield events.of_change(refund(status=before), changed(status, detail, external))


def changed(status: Status, detail: str | None, external: str | None) -> Refund:
    return refund(status=status, status_detail=detail, external_refund_id=external, updated_at=LATER, version=2)


def acts() -> Iterator[Act]:
    """Somebody by every channel: a member, an agent, time."""
    for via, by in itertools.product(get_args(Via), ("mem_00000000000000000000000002", "refund-bot", "system")):
        yield Act(by, via, LATER)


def approvals_events() -> Iterator[Event]:
    """An approval of every open status through everything that can be done to it."""
    opened = approvals.asked_about(refund(status="pending_approval"), ("auto_approve", "review_amount"), "mem_1")
    yield approval_events.of_opening(opened)
    yield approval_events.of_opening(approvals.asked_about(refund(), ()))
    for act in acts():
        yield from moves_of(opened, act)
        yield from moves_of(approvals.escalated(opened, START), act)
        yield from moves_of(approvals.questioned(opened, question_of(act)), act)


def question_of(act: Act) -> Question:
    return Question("Which size?", "request_evidence", act, act.at + timedelta(days=1))


def moves_of(approval: Approval, act: Act) -> Iterator[Event]:
    """What can be done to an open approval."""
    question = question_of(act)
    yield approval_events.of_escalation(approvals.escalated(approval, act.at), act, "Look")
    yield approval_events.of_reminder(approvals.reminded(approval, act.at), act)
    yield approval_events.of_consent(approvals.consented(approval, act), act, None)
    yield approval_events.of_comment(approvals.commented(approval, act.at), act, "Hm")
    yield approval_events.of_question(approvals.questioned(approval, question), question)
    asked = approvals.questioned(approval, question)
    yield approval_events.of_answer(approvals.answered(asked, act.at, 100), act, "Small")
    for verdict in get_args(Verdict):
        ended = approvals.ruled(approval, Ruling(verdict, act, "Because"), approval.amount_minor)
        yield approval_events.of_end(ended, act)
    yield approval_events.of_end(approvals.superseded(approval, act.at), act)


def looks_events() -> Iterator[Event | None]:
    """A charge seen for the first time and again, with every state of a dispute before and after."""
    for after in get_args(DisputeState):
        seen = ledger(dispute=after, lost_minor=5000 if after == "lost" else 0, version=2)
        yield events.of_look(None, seen)
        for before in get_args(DisputeState):
            yield events.of_look(ledger(dispute=before), seen)


def risks_events() -> Iterator[Event | None]:
    """Every score with every signal, found by itself and for a refund."""
    found = tuple(risk.Signal(name, "Something", 50, 100, 50, 3, None) for name in risk_signals.SIGNALS)
    known = kept_assessment(score_of=facts(external_risk=80))
    for score in range(101):
        level = risk.level_of(score)
        judged = replace(known.assessment, score=score, level=level, signals=found)
        yield assessments.of_assessment(replace(known, assessment=judged))
        yield events.of_risk(refund(), judged)
    yield assessments.of_assessment(known)
    yield assessments.of_assessment(kept_assessment())


def publications_events() -> Iterator[Event]:
    """A version in force at once, later, and on trial."""
    for since in (START, LATER, None):
        yield events.of_publication(TENANT, "pol_00000000000000000000000001", "merch_123", 1, START, since)


def disabling_events() -> Iterator[Event]:
    """An endpoint that is gone at once, or after a while, and one that has failed for days."""
    secret = (Secret("whsec_c2VjcmV0"),)
    made = Endpoint(f"whe_{1:026d}", TENANT, "https://shop.example", ("*",), API_VERSION, secret, START, START)
    ways: tuple[tuple[DisabledBecause, datetime | None], ...] = (("gone", None), ("gone", START), ("failing", START))
    for because, since in ways:
        yield of_disabling(disabled(made, because, LATER), since)


DRIVEN: Final[Mapping[str, Any]] = {
    "of_change": refunds_events,
    **dict.fromkeys(
        "of_opening of_escalation of_reminder of_consent of_comment of_question of_answer of_end".split(),
        approvals_events,
    ),
    "of_look": looks_events,
    "of_risk": risks_events,
    "of_assessment": risks_events,
    "of_publication": publications_events,
    "of_disabling": disabling_events,
}
"""By each factory of the domain's, what drives it through all that it can be given."""

MADE: Final[tuple[Event, ...]] = tuple(
    event for drive in dict.fromkeys(DRIVEN.values()) for event in drive() if event is not None
)
PUBLIC: Final = tuple(event for event in MADE if event.public)


def factories() -> set[str]:
    """The public functions of the domain that return an event."""
    modules = [
        importlib.import_module(f"refundkit_core.domain.{found.name}")
        for found in pkgutil.iter_modules(refundkit_core.domain.__path__)
    ]
    return {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if "Event" in str(function.__annotations__.get("return")).split() and not name.startswith("_")
    }


def envelope_of(event: Event) -> dict[str, Any]:
    """The body that a webhook of ``event`` has, as it arrives."""
    envelope = {
        "id": event.id,
        "type": event.type,
        "created": iso(event.created_at),
        "apiVersion": events.API_VERSION,
        "data": event.payload,
    }
    parsed: dict[str, Any] = json.loads(json.dumps(envelope, allow_nan=False))
    return parsed


def test_every_factory_of_the_domain_is_driven() -> None:
    assert factories() == set(DRIVEN)
    assert {step for steps in ALLOWED.values() for step in steps} == set(get_args(ApprovalStatus))


def test_the_register_holds_what_the_domain_sends_and_nothing_else() -> None:
    assert {event.type for event in PUBLIC} == set(EVENT_TYPES)
    assert {event.type for event in MADE if not event.public} & set(EVENT_TYPES) == set()


def test_the_version_is_the_domains() -> None:
    assert events.API_VERSION == API_VERSION
    assert VERSIONS[API_VERSION] is EVENT_TYPES


@pytest.mark.parametrize("name", sorted(EVENT_TYPES))
def test_every_event_that_can_be_made_is_as_its_model_and_its_schema_say(name: str) -> None:
    validator = Draft202012Validator(event_schema(API_VERSION, name))
    made = {json.dumps(envelope_of(event), sort_keys=True) for event in PUBLIC if event.type == name}

    assert made
    for text in made:
        body = json.loads(text)
        EventEnvelope.model_validate(body)
        read = EVENT_TYPES[name].data.model_validate(body["data"])
        assert read.model_dump(by_alias=True, exclude_unset=True) == body["data"]
        validator.validate(body)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_examples_are_events_and_schemas_are_schemas(name: str) -> None:
    kind, schema = EVENT_TYPES[name], event_schema(API_VERSION, name)
    Draft202012Validator.check_schema(schema)

    example = json.loads(json.dumps(kind.example))

    assert json.loads(json.dumps(schema)) == schema
    assert example == kind.example
    assert (example["type"], example["apiVersion"], example["data"]) == (name, API_VERSION, kind.sample)
    Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_another_event_is_none_of_this_type(name: str) -> None:
    validator = Draft202012Validator(event_schema(API_VERSION, name))
    good = EVENT_TYPES[name].example
    required = EVENT_TYPES[name].data.model_json_schema()["required"]
    wrong: list[dict[str, Any]] = [
        {**good, "type": "refund.unheard_of"},
        {**good, "apiVersion": "2024-01-01"},
        *({key: value for key, value in good.items() if key != gone} for gone in good),
        *({**good, "data": {key: value for key, value in good["data"].items() if key != gone}} for gone in required),
    ]

    for event in wrong:
        with pytest.raises(ValidationError):
            validator.validate(event)


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_fields_may_be_added_for_receivers_but_not_by_accident(name: str) -> None:
    kind, example = EVENT_TYPES[name], EVENT_TYPES[name].example
    more = {**example["data"], "addedLater": 1}

    Draft202012Validator(event_schema(API_VERSION, name)).validate({**example, "data": more})
    with pytest.raises(Unfit):
        kind.data.model_validate(more)


def test_every_field_and_type_says_what_it_is() -> None:
    for name, kind in EVENT_TYPES.items():
        fields = event_schema(API_VERSION, name)["properties"]
        unsaid = {key for key, field in fields["data"]["properties"].items() if "description" not in field}

        assert unsaid <= {"status"}, name  # one value: the type says it
        assert kind.name == name
        assert kind.description.endswith(".")
        assert kind.group == GROUPS[name.partition(".")[0]]


def test_the_words_on_the_wire_are_the_domains() -> None:
    assert set(get_args(disputes.SignalType)) == set(risk_signals.SIGNALS)
    assert get_args(disputes.RiskLevel) == get_args(risk.Level)
    assert set(get_args(refunds_on_the_wire.RefundReason)) == set(get_args(Reason))


def test_what_is_not_there_has_no_schema() -> None:
    for version, name in (("2024-01-01", "refund.completed"), (API_VERSION, "refund.unheard_of")):
        with pytest.raises(KeyError):
            event_schema(version, name)
