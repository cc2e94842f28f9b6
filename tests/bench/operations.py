"""What one auto-approved refund bills, from intake to its final status, one inbound webhook included."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any, NamedTuple

from local.console import say
from tests.bench import prices
from tests.bench.counting import chunks, event_bytes
from tests.bench.environment import memory_mb
from tests.bench.journey import Journey, refund
from tests.bench.prices import Usage
from tests.bench.report import Figure, Section, columns, number, within
from tests.bench.wire import Call, Write
from tests.bench.world import World, open_world

CEILING_WRITE_UNITS = 28
CEILING_USD = 45
_ROUNDS = 12
_WARM_UP = 3


class Case(NamedTuple):
    """One kind of refund that is counted."""

    name: str
    warm: bool
    fresh: bool
    by_intent: bool


CASES = (
    Case("first of a charge", warm=True, fresh=True, by_intent=False),
    Case("second of a charge", warm=True, fresh=False, by_intent=False),
    Case("first, by payment intent", warm=True, fresh=True, by_intent=True),
    Case("first, cold workers", warm=False, fresh=True, by_intent=False),
)


def measure() -> Section:
    """Count and price the cases, and list every write of the dearest warm one."""
    section = Section("Billed operations of one auto-approved refund, one processor webhook included")
    with open_world() as world:
        for _ in range(_WARM_UP):
            _run(world, CASES[0])
        say(f"  ...  {_ROUNDS} refunds a case for their CPU time")
        cpu = _cpu_of_functions(world)
        counted = {case: _run(world, case) for case in CASES}
    usages = {case: usage_of(journey, cpu) for case, journey in counted.items()}
    dearest = max((case for case in CASES if case.warm), key=lambda case: prices.total(prices.bill(usages[case])))
    section.lines += _summary(usages)
    section.lines += ["", f"Every write: {dearest.name}, warm", *writes_of(counted[dearest])]
    section.lines += ["", f"Other calls: {dearest.name}, warm", *_calls(counted[dearest])]
    section.lines += ["", f"The bill of a million: {dearest.name}, warm", *bill_of(usages[dearest])]
    section.lines += ["", "Lambda: duration billed for an invocation", *_durations(counted[dearest], cpu), *_notes()]
    section.record = {
        "cases": {case.name: {"usage": use.of, "usd": prices.total(prices.bill(use))} for case, use in usages.items()},
        "dearest": dearest.name,
        "writes": [[call.function, *_row(call, write)] for call, write in _all_writes(counted[dearest])],
        "bill": [line._asdict() for line in prices.bill(usages[dearest])],
        "cpu_ms": cpu,
    }
    section.figures = _figures(usages, dearest)
    return section


def _run(world: World, case: Case) -> Journey:
    charge = world.charge()
    if not case.fresh:
        refund(world, charge["id"], 1100)
    if not case.warm:
        world.forget_workers()
    return refund(world, charge["payment_intent"] if case.by_intent else charge["id"])[1]


def _cpu_of_functions(world: World) -> dict[str, float]:
    """The median CPU time of each function's invocations, warm, in ms."""
    seen: dict[str, list[float]] = {}
    for _ in range(_ROUNDS):
        for case in CASES:
            if case.warm:
                for invocation in _run(world, case).invocations:
                    seen.setdefault(invocation.function, []).append(invocation.cpu_ms)
    return {function: statistics.median(values) for function, values in sorted(seen.items())}


def usage_of(journey: Journey, cpu: dict[str, float]) -> Usage:
    """What a journey bills; ``cpu`` is each function's CPU time in ms."""
    usage = Usage()
    usage.add("api_requests", journey.requests)
    usage.add("sqs_requests", 3 * len(journey.queued))
    usage.add("state_transitions", journey.transitions)
    for invocation in journey.invocations:
        for call in invocation.calls:
            _count(usage, call)
        memory = memory_mb(invocation.function)
        computing = prices.billed_ms(cpu_ms=cpu[invocation.function], wait_ms=0, memory_mb=memory)
        usage.add("lambda_requests", 1)
        usage.add("lambda_cpu_gb_s", prices.gb_seconds(computing, memory))
        usage.add("lambda_wait_gb_s", prices.gb_seconds(_waiting_ms(invocation), memory))
        usage.add("log_bytes", sum(len(line.encode()) + 1 for line in invocation.log_lines))
        usage.add("stripe_calls", invocation.stripe_calls)
    return usage


def _count(usage: Usage, call: Call) -> None:
    tries = max(1, call.tries)
    usage.add("dynamodb_write_units", tries * sum(write.units + write.index_units for write in call.writes))
    usage.add("dynamodb_read_units", tries * call.read_units)
    if call.service == "kms":
        usage.add("kms_requests", tries)
    if call.service == "events":
        usage.add("events", sum(chunks(event_bytes(entry)) for entry in call.params["Entries"]))
    if call.service == "sqs" and any(
        "MessageGroupId" in each for each in (call.params, *call.params.get("Entries", ()))
    ):
        usage.add("sqs_fair_requests", 1)


def _waiting_ms(invocation: Any) -> float:
    calls = Counter(call.waits_for for call in invocation.calls)
    return prices.waiting_ms(calls + Counter({"stripe": invocation.stripe_calls}))


def _all_writes(journey: Journey) -> list[tuple[Call, Write]]:
    return [(call, write) for each in journey.invocations for call in each.calls for write in call.writes]


def _row(call: Call, write: Write) -> list[Any]:
    operation = f"transact {write.operation}" if call.operation == "TransactWriteItems" else write.operation
    total = write.units + write.index_units
    return [operation + (f" ({call.failed})" if call.failed else ""), write.kind, write.size_bytes, write.units,
            write.index_units, total]  # fmt: skip


def writes_of(journey: Journey) -> list[str]:
    """Every write of a journey, and their sum."""
    rows = [[call.function, *_row(call, write)] for call, write in _all_writes(journey)]
    total = sum(row[-1] for row in rows)
    lines = columns(("function", "write", "item", "bytes", "table", "index", "units"), rows)
    return [*lines, f"  together {total} write units, {sum(row[-2] for row in rows)} of them the index's"]


def _calls(journey: Journey) -> list[str]:
    seen: Counter[tuple[str, str, float]] = Counter()
    for invocation in journey.invocations:
        for call in invocation.calls:
            if not call.writes:
                seen[call.function, f"{call.service} {call.operation}", call.read_units] += 1
        if invocation.stripe_calls:
            seen[invocation.function, "Stripe API", 0] += invocation.stripe_calls
    rows = [[function, call, count, number(units * count, 1)] for (function, call, units), count in seen.items()]
    return columns(("function", "call", "times", "read units"), rows)


def _summary(usages: dict[Case, Usage]) -> list[str]:
    rows = []
    for case, usage in usages.items():
        lines, of = prices.bill(usage), usage.of
        usd, waiting = prices.total(lines), of.get("lambda_wait_gb_s", 0)
        without_waiting = usd - prices.total(prices.bill(Usage({"lambda_wait_gb_s": waiting})))
        units = of["dynamodb_write_units"]
        rows.append(
            [
                case.name,
                number(units),
                within(units, CEILING_WRITE_UNITS),
                number(of.get("dynamodb_read_units", 0), 1),
                number(of.get("kms_requests", 0)),
                number(of.get("stripe_calls", 0)),
                number(of["lambda_requests"]),
                number(of["log_bytes"]),
                number(without_waiting, 2),
                number(usd, 2),
                within(usd, CEILING_USD),
            ]
        )
    headers = ("case", "write units", f"<= {CEILING_WRITE_UNITS}", "read units", "KMS", "Stripe", "Lambda", "log bytes",
               "USD/M, no waiting", "USD/M", f"<= {CEILING_USD}")  # fmt: skip
    return columns(headers, rows)


def bill_of(usage: Usage) -> list[str]:
    """The bill of a million, line by line."""
    lines = prices.bill(usage)
    rows = [[line.name, f"{line.quantity:.4g}", number(line.usd_per_million, 2)] for line in lines]
    return columns(("item", "for one", "USD"), [*rows, ["together", "-", number(prices.total(lines), 2)]])


def _durations(journey: Journey, cpu: dict[str, float]) -> list[str]:
    rows = []
    for invocation in journey.invocations:
        function, memory = invocation.function, memory_mb(invocation.function)
        waiting = _waiting_ms(invocation)
        billed = prices.billed_ms(cpu_ms=cpu[function], wait_ms=waiting, memory_mb=memory)
        rows.append([function, memory, number(cpu[function], 2), number(waiting), billed])
    return columns(("function", "MB", "CPU ms here", "waiting ms, assumed", "billed ms"), rows)


def _notes() -> list[str]:
    table = prices.table()
    waits = ", ".join(f"{kind} {ms} ms" for kind, ms in table["assumptions"]["wait_ms"].items())
    full_mb = table["assumptions"]["full_processor_mb"]
    return [
        "",
        f"  Prices: {table['region']}, of {table['taken']}, without free tiers. Assumed:",
        "  - a message is one send, one receive and one delete; every stream record comes in a batch of its own;",
        "  - an index write is not doubled by a transaction; a failed write costs what stands there;",
        f"  - one call after the other waits for {waits};",
        f"  - Lambda's processor at {full_mb} MB is as fast as this machine's, and less memory is that share of it.",
        "  CPU time is the handler's thread's, without the emulator's and without TLS and sending. Not counted:",
        "  storage, backups, data transfer, empty receives of idle queues, starts of workers, and what DynamoDB itself",
        "  asks of KMS. In the cold case every function opens its secrets anew, as after five idle minutes.",
    ]


def _figures(usages: dict[Case, Usage], dearest: Case) -> list[Figure]:
    figures = []
    for case in CASES[:3]:
        units = usages[case].of["dynamodb_write_units"]
        figures.append(
            Figure(
                f"write units of a refund, {case.name}",
                number(units),
                f"ceiling {CEILING_WRITE_UNITS}",
                within(units, CEILING_WRITE_UNITS),
            )
        )
    for case in (dearest, CASES[-1]):
        usd = prices.total(prices.bill(usages[case]))
        name = f"cost of a million refunds, {case.name}"
        figures.append(Figure(name, f"{usd:.2f} USD", f"ceiling {CEILING_USD} USD", within(usd, CEILING_USD)))
    return figures
