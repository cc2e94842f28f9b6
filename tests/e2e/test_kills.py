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
PAYING = ("ExecuteRefund",)
HOLD_S = 0.5
"""How long the processor takes for each refund, so that two workers that pay them are busy all the time."""
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


def kill_all_who_pay(stack: Stack, under_way: Sequence[Future[list[Answer]]]) -> list[str]:
    """Kill the idle and the busy workers that pay; the function's name for each."""
    wait(under_way, timeout=0.2)
    pids = [pid for pids in workers_of(stack, PAYING).values() for pid in pids]
    for pid in pids:
        kill(pid)
    return [*PAYING] * len(pids)


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
    charges = [merchant.charge(5_000) for _ in range(CALLERS)]
    slow = {"kind": "slow", "operation": "refunds.create", "hold_s": HOLD_S, "times": REFUNDS * CALLERS}
    account = merchant.described["stripe_account_id"]
    assert call("POST", f"{merchant.stripe_url}/_sandbox/faults", {**slow, "account": account}).status < 300
    died_before = died_at_work(stack)

    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(refund_often, merchant, charge) for charge in charges]
        killed = [kill_one(stack, callers, chance) for _ in range(KILLS)]
        for _ in range(KILLS):
            if died_at_work(stack) == died_before:  # those before were idle: who pays has work left
                killed += kill_all_who_pay(stack, callers)
        answers = [answer for caller in callers for answer in caller.result()]

    assert [answer.status for answer in answers] == [201] * (REFUNDS * CALLERS), killed
    ids = [str(answer.body["data"]["id"]) for answer in answers]
    assert len(set(ids)) == REFUNDS * CALLERS
    finish(books, ids)
    assert {books.head(refund_id).status for refund_id in ids} == {"completed"}
    for charge in charges:
        assert [seen["amount"] for seen in merchant.at_the_processor(charge)] == [AMOUNT] * REFUNDS
        books.check(charge)
    assert died_at_work(stack) > died_before, f"{killed} were all idle"
