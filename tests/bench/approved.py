"""What one refund bills that a person approves, from intake to its final status, and the workflow's transitions."""

from __future__ import annotations

import json
import statistics
import uuid
from typing import Any

from tests.bench import prices
from tests.bench.journey import Journey, follow, to_the_end
from tests.bench.operations import bill_of, usage_of, writes_of
from tests.bench.report import Figure, Section, columns, number, within
from tests.bench.wire import Uncounted
from tests.bench.world import World, open_world

CEILING_USD = 110
CEILING_TRANSITIONS = 2
_ROUNDS = 8
_BOT = {"name": "Bot", "owner": {"type": "agent", "id": "refund-bot"}, "scopes": ["refunds:read", "refunds:write"]}


def measure() -> Section:
    """Count and price a refund that waits, is approved, and is paid; and one about which a question is asked."""
    section = Section("Billed operations of one refund that a person approves, one processor webhook included")
    with open_world() as world:
        _answer(world, "PUT", "/v1/settings/approvals", {"requireReviewAbove": 1000})
        bot = _answer(world, "POST", "/v1/api-keys", _BOT)["key"]
        for _ in range(2):
            _approved(world, bot)
        journeys = [_approved(world, bot) for _ in range(_ROUNDS)]
        asked = _asked_and_approved(world, bot)
    cpu = _cpu([*journeys, asked])
    cases = {"approved": journeys[-1], "asked for information, then approved": asked}
    rows = []
    for name, journey in cases.items():
        usage = usage_of(journey, cpu)
        usd = prices.total(prices.bill(usage))
        rows.append(
            [name, journey.transitions, number(usage.of["dynamodb_write_units"]), len(journey.invocations),
             len(journey.queued), number(usd, 2), within(usd, CEILING_USD)]
        )  # fmt: skip
        section.record[name] = {"usage": usage.of, "usd": usd, "transitions": journey.transitions}
    headers = ("case", "transitions", "write units", "Lambda", "messages", "USD/M", f"<= {CEILING_USD}")
    first = cases["approved"]
    usage = usage_of(first, cpu)
    section.lines = [*columns(headers, rows), "", "Every write", *writes_of(first), "", "The bill", *bill_of(usage)]
    usd = prices.total(prices.bill(usage))
    section.figures = [
        Figure(
            "billed transitions of the workflow, decided within a day",
            str(first.transitions),
            f"ceiling {CEILING_TRANSITIONS}",
            within(first.transitions, CEILING_TRANSITIONS),
        ),
        Figure(
            "cost of a million approved refunds",
            f"{usd:.2f} USD",
            f"ceiling {CEILING_USD} USD",
            within(usd, CEILING_USD),
        ),
    ]
    return section


def _approved(world: World, bot: str) -> Journey:
    journey = Journey()
    refund = _waiting(world, bot, journey)
    _does(world, journey, f"/v1/approvals/{refund['approvalId']}/approve", {"comment": "Seen the photo"})
    to_the_end(world, refund["id"], journey)
    return journey


def _asked_and_approved(world: World, bot: str) -> Journey:
    journey = Journey()
    refund = _waiting(world, bot, journey)
    _does(world, journey, f"/v1/approvals/{refund['approvalId']}/request-info", {"question": "A photo?"})
    _does(world, journey, f"/v1/refunds/{refund['id']}/info", {"answer": "Here it is"}, key=bot)
    _does(world, journey, f"/v1/approvals/{refund['approvalId']}/approve", {})
    to_the_end(world, refund["id"], journey)
    return journey


def _waiting(world: World, bot: str, journey: Journey) -> dict[str, Any]:
    charge = world.charge()["id"]
    body = {"transactionId": charge, "amount": 1200, "reason": "product_defective"}
    refund = _does(world, journey, "/v1/refunds", body, key=bot, headers={"Idempotency-Key": str(uuid.uuid4())})
    if refund["status"] != "pending_approval":
        raise Uncounted(f"the refund does not wait: {refund}")
    return refund


def _does(world: World, journey: Journey, path: str, body: Any, **options: Any) -> dict[str, Any]:
    """A request, and all that it sets off."""
    asked = world.request("POST", path, body, **options)
    if asked.answer["statusCode"] not in (200, 201):
        raise Uncounted(f"{path} was refused: {asked.answer['body']}")
    journey.requests += 1
    follow(world, asked, journey)
    answered: dict[str, Any] = json.loads(asked.answer["body"])["data"]
    return answered


def _answer(world: World, method: str, path: str, body: Any) -> Any:
    answer = world.request(method, path, body).answer
    if answer["statusCode"] not in (200, 201):
        raise Uncounted(f"{path} was refused: {answer['body']}")
    return json.loads(answer["body"])["data"]


def _cpu(journeys: list[Journey]) -> dict[str, float]:
    """The median CPU time of each function's invocations, warm, in ms."""
    seen: dict[str, list[float]] = {}
    for journey in journeys:
        for invocation in journey.invocations:
            seen.setdefault(invocation.function, []).append(invocation.cpu_ms)
    return {function: statistics.median(values) for function, values in sorted(seen.items())}
