"""Real SIGKILLs: the emulator's Lambda workers die in the middle of refunds, and every refund is still paid once."""

from __future__ import annotations

import random
import sys
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

import pytest

from local.http_json import Answer, Unreachable, call
from local.stack import Stack
from tests.e2e.books import Books, kill, worker_processes
from tests.e2e.merchant import Merchant, eventually

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds the workers in /proc"),
]

KILLS = 10
CALLERS = 3
REFUNDS = 12
"""Of each caller."""
AMOUNT = 100
DEATH = "Worker process died"
MONEYS_WAY = ("RefundsFunction", "ExecuteRefund", "PublishEvents", "ProcessorEvents")
"""Parts of the names of the functions that a refund passes through."""
PAYING = "ExecuteRefund"
HELD = ("timeout_before", "slow", "timeout_after")
"""Where the processor holds the call whose worker is killed: not begun, at it, done and not yet answered."""
AGAIN_AFTER_S = 4.0


def insistent(merchant: Merchant, charge: str) -> Answer:
    """A refund as a careful program asks for it: again with the same key until it hears."""
    key = uuid.uuid4().hex
    heard: list[Answer] = []

    def ask() -> bool:
        try:
            answer = merchant.refund(charge, AMOUNT, key)
        except Unreachable:
            return False
        if answer.status < 500:
            heard.append(answer)
        return bool(heard)

    eventually(ask, 40, lambda: f"no answer for {key}")
    return heard[0]


def refund_often(merchant: Merchant, charge: str) -> list[Answer]:
    """A burst of refunds of one charge, one after the other."""
    return [insistent(merchant, charge) for _ in range(REFUNDS)]


def workers_of(stack: Stack, functions: Sequence[str]) -> dict[str, list[int]]:
    """The living workers of these functions, by the part of the name; none for a moment, after a kill."""
    living = worker_processes(stack).items()
    found = {part: sorted(pid for pid, name in living if part in name) for part in functions}
    return {part: pids for part, pids in found.items() if pids}


def kill_one(stack: Stack, under_way: Sequence[Future[list[Answer]]], chance: random.Random) -> str:
    """Kill a worker of one of the functions at a random moment while refunds are asked for and executed; its name."""
    wait(under_way, timeout=chance.uniform(0.05, 0.35))
    living: dict[str, list[int]] = eventually(lambda: workers_of(stack, MONEYS_WAY), 20, lambda: "no worker is alive")
    name = chance.choice(sorted(living))  # the function first: most have idle workers from before
    kill(chance.choice(living[name]))
    return name


def kill_while_it_pays(stack: Stack, merchant: Merchant, charge: str, held: str) -> Answer:
    """Ask for a refund, and kill whoever pays while the processor holds its call; the request's answer."""
    faults = f"{merchant.stripe_url}/_sandbox/faults"
    fault = {"kind": held, "operation": "refunds.create", "match": {"charge": charge}, "hold_s": 60}
    armed = call("POST", faults, fault)
    assert armed.status < 300, armed
    died_before, answer = died_at_work(stack), insistent(merchant, charge)

    eventually(lambda: armed.body["id"] not in str(call("GET", faults).body), 20, lambda: f"{held}: nobody pays")
    for pid in workers_of(stack, [PAYING])[PAYING]:
        kill(pid)
    eventually(lambda: died_at_work(stack) > died_before, 20, lambda: f"{held}: all were idle")
    assert call("POST", f"{faults}/release", {}).status < 300
    return answer


def died_at_work(stack: Stack) -> int:
    """How many invocations the emulator saw end with their worker."""
    return (stack.settings.logs / "ministack.log").read_text(encoding="utf-8", errors="replace").count(DEATH)


def finish(books: Books, ids: Sequence[str]) -> None:
    """Wait until nothing is under way, sending again what does not move: the sweep would, two minutes later."""
    next_s = time.monotonic() + AGAIN_AFTER_S

    def is_done() -> bool:
        nonlocal next_s
        left = [refund_id for refund_id in ids if books.head(refund_id).holds_reservation]
        if left and time.monotonic() > next_s:
            books.send_again(left)
            next_s = time.monotonic() + AGAIN_AFTER_S
        return not left

    eventually(is_done, 60, lambda: f"{[books.head(refund_id) for refund_id in ids]}")


def test_every_accepted_refund_is_paid_once_whatever_dies(stack: Stack, merchant: Merchant) -> None:
    books, chance = Books(stack, merchant), random.Random(KILLS)
    books.admit(merchant.key, 1_000)
    charges = {merchant.charge(): 1 for _ in HELD} | {merchant.charge(): REFUNDS for _ in range(CALLERS)}

    answers = [kill_while_it_pays(stack, merchant, charge, held) for charge, held in zip(charges, HELD, strict=False)]
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(refund_often, merchant, charge) for charge in [*charges][len(HELD) :]]
        killed = [kill_one(stack, callers, chance) for _ in range(KILLS)]
        answers += [answer for caller in callers for answer in caller.result()]

    assert [answer.status for answer in answers] == [201] * sum(charges.values()), killed
    ids = [str(answer.body["data"]["id"]) for answer in answers]
    assert len(set(ids)) == len(ids)
    finish(books, ids)
    assert {books.head(refund_id).status for refund_id in ids} == {"completed"}
    for charge, refunds in charges.items():
        assert [seen["amount"] for seen in merchant.at_the_processor(charge)] == [AMOUNT] * refunds
        books.check(charge)
