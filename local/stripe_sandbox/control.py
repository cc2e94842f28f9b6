"""`/_sandbox/*`: what a test or a person steers and reads. Objects are in control_objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.stripe_sandbox import control_objects, faults
from local.stripe_sandbox.accounts import create_account
from local.stripe_sandbox.control_input import Fields, Refusal, limit_of, query_of
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.faults import Fault
from local.stripe_sandbox.http_messages import Answer, Request, readable_json_bytes
from local.stripe_sandbox.page import render_page
from local.stripe_sandbox.routes import OPERATIONS
from local.stripe_sandbox.state import API_VERSION, State

Handler = Callable[[State, Request, str], Any]
FAULT_FIELDS = (
    "operation", "kind", "times", "account", "match", "params", "hold_s", "after_s", "failure_reason",
    "instructions_email",
)  # fmt: skip


def answer_control(state: State, request: Request) -> Answer:
    """Answer one request under `/_sandbox`, or for the page at `/`."""
    if request.method == "GET" and request.path in ("/", "/_sandbox", "/_sandbox/"):
        page = render_page(request.headers.get("host", "127.0.0.1"))
        return Answer(200, page, content_type="text/html; charset=utf-8")
    try:
        handler, object_id = _find(request)
        with state.lock:
            return Answer(200, readable_json_bytes(handler(state, request, object_id)))
    except Refusal as refusal:
        return refusal.answer()
    except StripeError as refusal:
        return Refusal(refusal.status, refusal.message, "Correct the request and send it again.").answer()


def _find(request: Request) -> tuple[Handler, str]:
    methods: list[str] = []
    for method, pattern, handler in _HANDLERS:
        matched = re.fullmatch(pattern, request.path)
        if matched and method == request.method:
            return handler, (matched.groups() or ("",))[0]
        if matched:
            methods.append(method)
    if methods:
        raise Refusal(405, f"{request.method} is not served here.", f"Use {' or '.join(methods)}.")
    raise Refusal(404, f"There is no control endpoint {request.path[:100]}.", "GET /_sandbox lists them all.")


def _health(_state: State, _request: Request, _: str) -> Any:
    return {"status": "ok", "api_version": API_VERSION}


def _show_clock(state: State, _request: Request, _: str) -> Any:
    return state.clock.describe()


def _move_clock(state: State, request: Request, _: str) -> Any:
    fields = Fields(request.body, ("now", "advance_s", "reset", "sign_with"))
    if fields.flag("reset"):
        state.clock.reset()
    if "now" in fields:
        state.clock.set_to(fields.moment("now"))
    if "advance_s" in fields:
        state.clock.advance(fields.number("advance_s", 0))
    if "sign_with" in fields:
        real = fields.choice("sign_with", ("sandbox", "real")) == "real"
        state.clock.sign_with = "real" if real else "sandbox"
    return state.clock.describe() | {"ran": state.agenda.clock_moved(), "waiting": state.agenda.pending()}


def _list_accounts(state: State, _request: Request, _: str) -> Any:
    return {"data": [account.control_view() for account in state.accounts.all()]}


def _make_account(state: State, request: Request, _: str) -> Any:
    known = ("name", "id", "test_secret_key", "live_secret_key", "connected_to")
    fields = Fields(request.body, known)
    wanted = {"name": fields.required_text("name")} | {name: fields.text(name) for name in known[1:]}
    try:
        return create_account(state.accounts, wanted, state.clock.unix()).control_view()
    except ValueError as exc:
        raise Refusal(409, f"{exc}.", "GET /_sandbox/accounts shows which accounts there are.") from exc


def _show_faults(state: State, _request: Request, _: str) -> Any:
    return {"data": [fault.view() for fault in state.faults.armed()]}


def _arm_fault(state: State, request: Request, _: str) -> Any:
    fields = Fields(request.body, FAULT_FIELDS)
    kind = fields.choice("kind", faults.KINDS)
    scripted = kind in faults.OUTCOME
    operation = fields.text("operation") or ("refunds.create" if scripted else "*")
    known = {"*", *OPERATIONS, *(f"{name.partition('.')[0]}.*" for name in OPERATIONS)}
    if operation not in known:
        raise Refusal(400, f"No operation is called {operation[:80]}.", f"Choose from: *, {', '.join(OPERATIONS)}.")
    account_id = fields.text("account")
    if account_id and state.accounts.get(account_id) is None:
        raise Refusal(404, f"No account has the id {account_id}.", "GET /_sandbox/accounts lists the ids.")
    fault = Fault(
        kind=kind, operation=operation, account=account_id,
        remaining=fields.whole("times", 1, minimum=1) or 1,
        match=fields.texts("match") | fields.texts("params"),
        hold_s=fields.number("hold_s", faults.DEFAULT_HOLD_S),
        after_s=fields.number("after_s", faults.DEFAULT_AFTER_S),
        failure_reason=fields.choice("failure_reason", control_objects.FAILURE_REASONS, "unknown"),
        instructions_email=fields.text("instructions_email"),
    )  # fmt: skip
    state.faults.arm(fault)
    return fault.view()


def _clear_faults(state: State, request: Request, _: str) -> Any:
    query = query_of(request, ("account",))
    cleared = len(state.faults.armed())
    state.faults.clear(query.get("account"))
    return {"cleared": cleared - len(state.faults.armed())}


def _release_faults(state: State, _request: Request, _: str) -> Any:
    state.faults.release()
    return {"released": True}


def _show_requests(state: State, request: Request, _: str) -> Any:
    names = ("operation", "account", "mode", "idempotency_key", "fault")
    query = query_of(request, (*names, "limit"))
    found = state.requests.find(limit_of(query), **{name: query.get(name) for name in names})
    return {"count": len(found), "data": found}


def _show_deliveries(state: State, request: Request, _: str) -> Any:
    names = ("endpoint", "event", "type", "status", "account")
    query = query_of(request, (*names, "limit"))
    found = [
        record for record in state.courier.log()
        if all(record[name] == query[name] for name in names if name in query)
    ][: limit_of(query)]  # fmt: skip
    return {"count": len(found), "data": found}


def _reset(state: State, request: Request, _: str) -> Any:
    fields = Fields(request.body, ("account", "accounts"))
    account_id = fields.text("account")
    account = state.accounts.get(account_id) if account_id else None
    if account_id and account is None:
        raise Refusal(404, f"No account has the id {account_id}.", "GET /_sandbox/accounts lists the ids.")
    state.reset(account)
    if account is None:
        # A clock that one test froze must not surprise the next.
        state.clock.reset()
    if fields.flag("accounts"):
        default = state.accounts.all()[:1]
        state.accounts.forget_all()
        for kept in default:
            state.accounts.add(kept)
    return {"reset": account_id or "all", "accounts": len(state.accounts.all())}


_ID = r"([A-Za-z0-9_]{1,100})"
_HANDLERS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/_sandbox/health", _health),
    ("GET", "/_sandbox/clock", _show_clock),
    ("POST", "/_sandbox/clock", _move_clock),
    ("GET", "/_sandbox/accounts", _list_accounts),
    ("POST", "/_sandbox/accounts", _make_account),
    ("GET", "/_sandbox/faults", _show_faults),
    ("POST", "/_sandbox/faults", _arm_fault),
    ("DELETE", "/_sandbox/faults", _clear_faults),
    ("POST", "/_sandbox/faults/release", _release_faults),
    ("GET", "/_sandbox/requests", _show_requests),
    ("GET", "/_sandbox/deliveries", _show_deliveries),
    ("POST", "/_sandbox/reset", _reset),
    ("GET", "/_sandbox/refunds", control_objects.show_refunds),
    ("POST", f"/_sandbox/refunds/{_ID}", control_objects.move_refund),
    ("POST", "/_sandbox/charges", control_objects.make_sample_charge),
    ("POST", f"/_sandbox/charges/{_ID}/dispute", control_objects.dispute_charge),
    ("POST", f"/_sandbox/charges/{_ID}/early_fraud_warning", control_objects.warn_of_charge),
    ("POST", f"/_sandbox/disputes/{_ID}", control_objects.move_dispute),
)
