"""What can go wrong at one call of a port, and the proxy that makes it go wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar, cast

from refundkit_core.domain.errors import ProcessorUnknown, StoreConflict

Port = TypeVar("Port")


class Fault(Enum):
    """What happens at one call. ``BEFORE``: the call never takes effect; ``AFTER``: it has taken effect."""

    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"
    ERROR_BEFORE = "an error instead of the call"
    ERROR_AFTER = "the answer is lost, an error instead"
    TWICE_BEFORE = "the same work once more, by another worker, before"
    TWICE_AFTER = "the same work once more, by another worker, after"
    OTHERS_BEFORE = "all other work that waits, by other workers, before"
    OTHERS_AFTER = "all other work that waits, by other workers, after"


KILLS: Final = (Fault.KILL_BEFORE, Fault.KILL_AFTER)
ERRORS: Final = (Fault.ERROR_BEFORE, Fault.ERROR_AFTER)
OTHER_WORKERS: Final = (Fault.TWICE_BEFORE, Fault.TWICE_AFTER, Fault.OTHERS_BEFORE, Fault.OTHERS_AFTER)


class Killed(BaseException):
    """The process ends here: no handler of its own may see it, what it kept in memory is gone."""


class Unreachable(Exception):
    """A port did not answer, or its answer was lost."""


class Call(NamedTuple):
    """One call of a port, counted over the whole run, and what became of it."""

    number: int
    depth: int
    port: str
    method: str
    args: tuple[Any, ...]

    def __str__(self) -> str:
        shown = ", ".join(_short(arg) for arg in self.args)
        return f"{self.port}.{self.method}({shown})"


_PURE: Final = frozenset({"owns", "is_charge", "named_by", "names"})
"""Methods that only compute: a kill there is a kill at the call before or after."""

_LONGEST: Final = 40

_READS: Final = frozenset(
    {"head", "find", "timeline", "page", "due", "ledger", "charge_of", "charges_of_customer", "refunds_of_charge"}
)


class Calls:
    """Every call of every port of one run, counted, written down, and disturbed where ``fault_of`` says so."""

    def __init__(
        self,
        fault_of: Callable[[Call], Fault | None],
        disturb: Callable[[Fault], None],
        took_effect: Callable[[], None],
        error_of: Callable[[Call], Exception] | None = None,
    ) -> None:
        self._fault_of = fault_of
        self._disturb = disturb
        self._took_effect = took_effect
        self._error_of = error_of or _error_of
        self._depth = 0
        self.count = 0
        self.story: list[tuple[int, Call | str]] = []

    def ported(self, name: str, port: Port) -> Port:
        """``port`` behind the proxy."""
        return cast("Port", _Proxy(self, name, port))

    def note(self, line: str) -> None:
        """Add a line to the story."""
        self.story.append((self._depth, line))

    @contextmanager
    def process(self, name: str) -> Iterator[None]:
        """What is called inside belongs to the process ``name``."""
        self.note(f"> {name}")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def told(self, last: int | None = None) -> str:
        """The story, one call or note a line."""
        lines = self.story[-last:] if last else self.story
        hidden = len(self.story) - len(lines)
        shown = [f"{'  ' * depth}{_line_of(what)}" for depth, what in lines]
        return "\n".join([f"… {hidden} lines before" if hidden else "", *shown]).lstrip("\n")

    def run(self, port: str, method: str, call_it: Callable[..., Any], args: tuple[Any, ...], kept: Any) -> Any:
        """One call, with what goes wrong at it."""
        call = Call(self.count, self._depth, port, method, args)
        self.count += 1
        self.story.append((self._depth, call))
        fault = self._fault_of(call)
        if fault is not None:
            self.note(f"! {fault.value}")
        self._before(fault, call)
        answer: Any = None
        raised: Exception | None = None
        try:
            answer = call_it(*args, **kept)
        except Exception as exc:
            raised = exc
            self.note(f"{type(exc).__name__}: {exc}")
        self._took_effect()
        self._after(fault, call)
        if raised is not None:
            raised.__traceback__ = None
            raise raised
        return answer

    def _before(self, fault: Fault | None, call: Call) -> None:
        if fault is Fault.KILL_BEFORE:
            raise Killed
        if fault is Fault.ERROR_BEFORE:
            raise self._error_of(call)
        if fault in (Fault.TWICE_BEFORE, Fault.OTHERS_BEFORE):
            self._disturb(fault)

    def _after(self, fault: Fault | None, call: Call) -> None:
        if fault is Fault.KILL_AFTER:
            raise Killed
        if fault is Fault.ERROR_AFTER:
            raise self._error_of(call)
        if fault in (Fault.TWICE_AFTER, Fault.OTHERS_AFTER):
            self._disturb(fault)


def _error_of(call: Call) -> Exception:
    """How the port says that it failed: a store's write as a conflict, which its use case must see through."""
    if call.port == "refunds" and call.method not in _READS:
        return StoreConflict("injected")
    return ProcessorUnknown("injected") if call.port == "stripe" else Unreachable("injected")


class _Proxy:
    """Stands before a port; what ``connect`` answers is a port as well."""

    def __init__(self, calls: Calls, name: str, port: Any) -> None:
        self._calls = calls
        self._name = name
        self._port = port

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        if not callable(found) or attribute in _PURE:
            return found

        def call(*args: Any, **kept: Any) -> Any:
            answer = self._calls.run(self._name, attribute, found, args, kept)
            return _Proxy(self._calls, "stripe", answer) if attribute == "connect" else answer

        setattr(self, attribute, call)
        return call


def _line_of(what: Call | str) -> str:
    return what if isinstance(what, str) else f"{what.number:4} {what}"


def _short(arg: Any) -> str:
    """An argument in a trace: ids by their last letters, the rest by what matters."""
    if isinstance(arg, str):
        return arg if len(arg) < 20 else f"{arg[:4]}…{arg[-4:]}"
    if isinstance(arg, (list, tuple)) and not hasattr(arg, "_fields"):
        return "[" + ", ".join(_short(each) for each in arg) + "]"
    for named in ("id", "refund_id", "org_id", "charge_id", "kind", "version"):
        if (name := getattr(arg, named, None)) is not None:
            more = [str(each) for each in (getattr(arg, "status", None), getattr(arg, "type", None)) if each]
            version = getattr(arg, "version", None)
            return " ".join([type(arg).__name__, _short(str(name)), *more, *([f"v{version}"] if version else [])])
    shown = str(arg)
    return shown if len(shown) < _LONGEST else f"{type(arg).__name__}(…)"
