"""`make mutation`: change auth, money, policies, risk and errors in one place at a time; the unit tests must notice.

Each mutant (`local.mutants`) is judged by a process of its own, forked from a warm one, and by the module's own unit
tests alone: what only other tests would notice counts as survived. A mutant that cannot be imported proves nothing,
and does not count.
Mutants that no test can tell from the original are listed with a reason each in `tests/mutation_equivalents.toml`.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import multiprocessing
import os
import signal
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Final, NamedTuple

import hypothesis
import pytest

from local.console import StepFailed, done, exit_code_of, say
from local.mutants import Mutant, controls_of, mutants_of
from local.settings import ROOT

VERDICTS: Final = ("killed", "timeout", "survived", "equivalent", "stillborn")
WANTED_PERCENT: Final = 90
LIMIT_S: Final = 30
STILLBORN, NOTHING_TESTED = 90, 91  # exit codes beside pytest's
ROOTS: Final = ("layers/core", "layers/sdk")
EQUIVALENTS: Final = ROOT / "tests" / "mutation_equivalents.toml"
REPORT: Final = ROOT / ".local" / "mutation.json"
LIBRARIES: Final = (
    "aws_lambda_powertools.logging boto3 cryptography.x509 hypothesis.internal.conjecture.engine hypothesis.stateful "
    "moto.dynamodb.urls pydantic.main yaml"
).split()
"""Loaded once, before the forks, because that takes longer than most tests."""
PYTEST: Final = "-x -q --tb=no -p no:cacheprovider -W ignore::pytest.PytestAssertRewriteWarning".split()


class Target(NamedTuple):
    """A module, its own tests (names of files in tests/unit), and the functions and constants that do not count."""

    group: str
    path: str
    tests: str
    leaving_out: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The dotted name under which the module is imported."""
        root = next(root for root in ROOTS if self.path.startswith(root))
        return self.path.removeprefix(f"{root}/").removesuffix(".py").replace("/", ".")

    @property
    def name(self) -> str:
        """The module's name for people, such as ``domain.money``."""
        return self.module.removeprefix("refundkit_core.")


CORE: Final = "layers/core/refundkit_core"
TARGETS: Final = (
    Target("auth", "layers/sdk/refundkit/api_keys.py", "test_api_keys"),
    Target("auth", f"{CORE}/application/authenticate.py", "test_authenticate"),
    Target("auth", f"{CORE}/application/manage_keys.py", "test_manage_keys"),
    Target("auth", f"{CORE}/domain/rights.py", "test_rights"),
    Target("auth", f"{CORE}/domain/tenancy.py", "test_rights"),
    Target(
        "auth",
        f"{CORE}/adapters/dynamodb/api_keys.py",
        "test_api_key_meter",
        # all but `admit`, which tests/integration tries
        ("put", "revoke", "find", "page", "of", "_with_use", "_record_of", "_UNREVOKED"),
    ),
    Target("money", f"{CORE}/domain/money.py", "test_money"),
    Target("money", f"{CORE}/domain/ledger.py", "test_ledger"),
    Target("money", f"{CORE}/domain/quote.py", "test_quote"),
    Target("money", f"{CORE}/domain/budgets.py", "test_budgets"),
    Target("money", f"{CORE}/domain/sealed_quotes.py", "test_sealed_quotes"),
    Target("policy", f"{CORE}/domain/policies.py", "test_policies"),
    Target("policy", f"{CORE}/domain/policy.py", "test_policy test_policy_rules"),
    Target("policy", f"{CORE}/domain/charge_rules.py", "test_charge_rules"),
    Target("policy", f"{CORE}/domain/item_rules.py", "test_item_rules test_policy_rules"),
    Target("policy", f"{CORE}/domain/approval_rules.py", "test_approval_rules test_policy_rules"),
    Target("policy", f"{CORE}/domain/fees.py", "test_fees"),
    Target("policy", f"{CORE}/domain/decisions.py", "test_decisions test_policy_rules"),
    Target("policy", f"{CORE}/domain/eligibility.py", "test_eligibility_answers"),
    Target("policy", f"{CORE}/domain/claims.py", "test_claims"),
    Target("policy", f"{CORE}/domain/customers.py", "test_customers"),
    Target("policy", f"{CORE}/application/gather_facts.py", "test_gather_facts"),
    Target("risk", f"{CORE}/domain/risk.py", "test_risk"),
    Target("risk", f"{CORE}/domain/risk_signals.py", "test_risk_signals"),
    Target("errors", f"{CORE}/domain/errors.py", "test_errors_on_the_wire"),
    Target("errors", f"{CORE}/entrypoints/http.py", "test_errors_on_the_wire test_http_answers"),
    Target("errors", f"{CORE}/entrypoints/requests.py", "test_requests"),
    Target("errors", f"{CORE}/domain/cursors.py", "test_cursors"),
    Target("errors", f"{CORE}/domain/ids.py", "test_ids"),
)


class Judged(NamedTuple):
    """A mutant and what became of it; ``reason`` says why an equivalent one cannot be told from the original."""

    target: Target
    mutant: Mutant
    verdict: str
    reason: str = ""


class ChangedSource(SourceFileLoader):
    """Loads a module from a changed source, never from bytecode."""

    def __init__(self, target: Target, source: str) -> None:
        super().__init__(target.module, str(ROOT / target.path))
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.get_filename(fullname), "exec", dont_inherit=True)


class Exchanged(MetaPathFinder):
    """Finds one module, and leaves all others to whoever else finds them."""

    def __init__(self, loader: ChangedSource) -> None:
        self._loader = loader

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname != self._loader.name:
            return None
        return spec_from_file_location(fullname, self._loader.path, loader=self._loader)


def judge(job: tuple[Target, Mutant]) -> Judged:
    """Try one mutant in a process of its own.

    Raises:
        StepFailed: pytest could not do what it was told, so that nothing was tested.
    """
    target, mutant = job
    child = os.fork()
    if not child:
        signal.alarm(LIMIT_S)
        try:
            os._exit(_exit_code(target, mutant.source))
        finally:
            os._exit(NOTHING_TESTED)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return Judged(target, mutant, "timeout" if os.WTERMSIG(status) == signal.SIGALRM else "killed")
    verdicts = {0: "survived", 1: "killed", 2: "killed", STILLBORN: "stillborn"}
    verdict = verdicts.get(os.WEXITSTATUS(status))
    if verdict is None:
        raise StepFailed(f"pytest ended with {os.WEXITSTATUS(status)} for {target.path}:{mutant.line}")
    return Judged(target, mutant, verdict)


def _exit_code(target: Target, source: str) -> int:
    """In the child: pytest's exit code, with the module's source exchanged."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    sys.meta_path.insert(0, Exchanged(ChangedSource(target, source)))
    try:
        importlib.import_module(target.module)
    except Exception:
        return STILLBORN
    hypothesis.settings.register_profile(  # the same examples each time, however slow, and not made smaller
        "mutation",
        derandomize=True,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("mutation")
    return int(pytest.main([*PYTEST, *(f"tests/unit/{name}.py" for name in target.tests.split())]))


def equivalents() -> dict[tuple[str, str, str], str]:
    """The committed list: path, lines before and lines after, to the reason."""
    listed = tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8")) if EQUIVALENTS.exists() else {}
    return {
        (one["file"], one["was"], becomes): one["reason"]
        for one in listed.get("mutant", [])
        for becomes in one["becomes"]
    }


def identity(target: Target, mutant: Mutant) -> tuple[str, str, str]:
    """What names a mutant however far its line moves."""
    return target.path, mutant.was, mutant.becomes


def run(targets: Sequence[Target], jobs: int) -> list[Judged]:
    """Judge every mutant of the targets, a line of progress for each module.

    Raises:
        StepFailed: the tests fail on an unchanged module, or do not fail on an empty one.
    """
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # pytest collects garbage at its end: in a fork that would copy all that was loaded here
    known, judged = equivalents(), list[Judged]()
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        for target in targets:
            began, source = time.monotonic(), (ROOT / target.path).read_text(encoding="utf-8")
            for expected, control in controls_of(source).items():
                if (verdict := pool.apply(judge, ((target, control),)).verdict) != expected:
                    raise StepFailed(f"a control of {target.path} that must be {expected} is {verdict}")
            work = [(target, mutant) for mutant in mutants_of(source, target.leaving_out)]
            for number, one in enumerate(pool.imap_unordered(judge, work, chunksize=4), 1):
                reason = known.get(identity(one.target, one.mutant), "") if one.verdict == "survived" else ""
                judged.append(one._replace(verdict="equivalent", reason=reason) if reason else one)
                if sys.stderr.isatty():
                    print(f"  ..   {target.name:<28} {number} of {len(work)}", end="\r", file=sys.stderr)
            done(target.name, time.monotonic() - began, f"{len(work)} mutants")
    return judged


def percent(counts: Counter[str]) -> float:
    """The share of mutants that were noticed, of those that could be."""
    noticed = counts["killed"] + counts["timeout"]
    return 100 * noticed / max(1, noticed + counts["survived"])


def tell(judged: Sequence[Judged], targets: Sequence[Target]) -> dict[str, float]:
    """Print equivalents, survivors and the table; returns the groups' scores."""
    for verdict in ("equivalent", "survived"):
        for one in sorted(one for one in judged if one.verdict == verdict):
            print(f"\n{verdict} {one.target.path}:{one.mutant.line}" + (f" ({one.reason})" if one.reason else ""))
            print("\n".join(f"  - {line}" for line in one.mutant.was.splitlines()))
            print("\n".join(f"  + {line}" for line in one.mutant.becomes.splitlines()))
    print(f"\n{'':<34}" + "".join(f"{name:>11}" for name in VERDICTS) + f"{'score':>9}")
    scores = {}
    for group in dict.fromkeys(target.group for target in targets):
        rows = {target.name: target for target in targets if target.group == group}
        counted = {name: Counter(one.verdict for one in judged if one.target == row) for name, row in rows.items()}
        counted[group.upper()] = sum(counted.values(), Counter[str]())
        for name, counts in counted.items():
            figures = "".join(f"{counts[column]:>11}" for column in VERDICTS)
            print(f"{name:<34}{figures}{percent(counts):>7.1f} %")
        scores[group] = percent(counted[group.upper()])
    return scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 1 where a group is under `WANTED_PERCENT`, or the list of equivalents names what is none."""
    parser = argparse.ArgumentParser(prog="local.mutation", description="Mutation tests of auth, money and errors.")
    parser.add_argument("only", nargs="*", help="groups or names of modules, such as money or cursors")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    wanted = [one for one in TARGETS if not options.only or {one.group, Path(one.path).stem} & set(options.only)]
    if not wanted:
        parser.error(f"there are {', '.join(sorted({one.group for one in TARGETS}))}, and the names of their modules")
    sys.path[:0] = [str(ROOT / root) for root in ("", *ROOTS)]
    sys.dont_write_bytecode, sys.pycache_prefix = False, str(ROOT / ".local" / "mutation-bytecode")

    def work() -> int:
        began = time.monotonic()
        judged = run(wanted, options.jobs)
        scores = tell(judged, wanted)
        said = {identity(one.target, one.mutant) for one in judged if one.verdict == "equivalent"}
        paths = {target.path for target in wanted}
        stale = [key for key in equivalents() if key[0] in paths and key not in said]
        for path, was, _ in stale:
            say(f"no equivalent mutant any more: {path}: {was}")
        report = [
            {"file": one.target.path, "group": one.target.group, "verdict": one.verdict, "reason": one.reason}
            | {"line": one.mutant.line, "was": one.mutant.was, "becomes": one.mutant.becomes}
            for one in judged
        ]
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(json.dumps({"scores": scores, "mutants": report}, indent=1), encoding="utf-8")
        say(f"\n{len(judged)} mutants in {time.monotonic() - began:.0f} s; all of them: {REPORT.relative_to(ROOT)}")
        return 1 if stale or min(scores.values()) < WANTED_PERCENT else 0

    return exit_code_of(work)


if __name__ == "__main__":
    sys.exit(main())
