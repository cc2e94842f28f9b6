"""One API request from arrival to answer: key, fault, idempotency, parameters, execution.

The order matters and is Stripe's: what is refused before the operation executes leaves no trace under the
idempotency key; from then on, whatever is answered is kept, an armed 500 included.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from local.stripe_sandbox import errors, expansion, idempotency, ids
from local.stripe_sandbox.accounts import Caller
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.events import Origin
from local.stripe_sandbox.faults import ANSWER, ARRIVAL, EXECUTION, OUTCOME, Fault, flat_params
from local.stripe_sandbox.forms import Form, decode_form
from local.stripe_sandbox.http_messages import Answer, Request, json_bytes
from local.stripe_sandbox.routes import Route, find_route
from local.stripe_sandbox.state import API_VERSION, Call, State


@dataclass
class Exchange:
    """One request while it is being answered."""

    state: State
    request: Request
    request_id: str
    log: Json
    caller: Caller | None = None
    form: Form = field(default_factory=dict)
    flat: dict[str, str] = field(default_factory=dict)
    key: str | None = None

    @property
    def who(self) -> Caller:
        """The caller, once authenticated."""
        if self.caller is None:
            raise RuntimeError("asked before authentication")
        return self.caller


def answer_api(state: State, request: Request) -> Answer:
    """Answer one request under `/v1`."""
    exchange = _open(state, request)
    try:
        answer = _answer(exchange)
    except StripeError as refusal:
        answer = _refused(exchange, refusal)
    headers = {"Request-Id": exchange.request_id,
               "Stripe-Version": request.headers.get("stripe-version", API_VERSION)}  # fmt: skip
    if exchange.key:
        headers |= {"Idempotency-Key": exchange.key, "Original-Request": exchange.request_id}
    answer.headers = headers | answer.headers
    exchange.log["status"] = answer.status if answer.transport == "send" else None
    return answer


def _open(state: State, request: Request) -> Exchange:
    request_id = ids.new_request_id()
    log: Json = {
        "time": None, "request_id": request_id, "method": request.method, "path": request.path,
        "operation": None, "account": None, "mode": None, "params": {}, "idempotency_key": None,
        "status": None, "replayed": False, "fault": None,
    }  # fmt: skip
    with state.lock:
        log["time"] = state.clock.now()
        state.requests.add(log)
    return Exchange(state, request, request_id, log)


def _refused(exchange: Exchange, refusal: StripeError) -> Answer:
    return Answer(refusal.status, json_bytes(refusal.body(exchange.request_id)), dict(refusal.headers))


def _answer(exchange: Exchange) -> Answer:
    state, request = exchange.state, exchange.request
    with state.lock:
        caller = state.accounts.authenticate(
            request.headers.get("authorization"), request.headers.get("stripe-account")
        )
    exchange.caller = caller
    exchange.log |= {"account": caller.account.id, "mode": caller.mode}
    found = find_route(request.method, request.path)
    if found is None:
        raise errors.unknown_path(request.method, request.path)
    route, path_ids = found
    exchange.log["operation"] = route.operation
    _read_form(exchange)
    state.agenda.run_due()
    fault = _take(exchange, ARRIVAL, route)
    if fault is not None:
        return _fault_on_arrival(exchange, fault)
    answer = _replay(exchange) or _execute(exchange, route, path_ids)
    lost = _take(exchange, ANSWER, route)
    return _without_answer(lost) if lost else answer


def _read_form(exchange: Exchange) -> None:
    request, log = exchange.request, exchange.log
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.body and content_type not in ("", "application/x-www-form-urlencoded"):
        raise errors.invalid(
            "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
        )
    exchange.form = log["params"] = decode_form(request.query, request.body)
    exchange.flat = flat_params(exchange.form)
    if request.method == "POST":
        exchange.key = log["idempotency_key"] = idempotency.checked_key(request.headers.get("idempotency-key"))


def _take(exchange: Exchange, kinds: tuple[str, ...], route: Route) -> Fault | None:
    with exchange.state.lock:
        fault = exchange.state.faults.take(kinds, route.operation, exchange.who.account.id, exchange.flat)
        if fault is not None:
            exchange.log["fault"] = fault.kind
        return fault


def _fault_on_arrival(exchange: Exchange, fault: Fault) -> Answer:
    if fault.kind in ("timeout_before", "drop_before"):
        return _without_answer(fault)
    key = exchange.who.key
    raise {
        "status_429": errors.rate_limited(),
        "status_401": errors.unknown_api_key(key),
        "status_403": errors.permission_denied(key),
        "status_409_in_use": errors.key_in_use(exchange.key or "none"),
        "status_503": errors.api_failure(503),
    }[fault.kind]


def _without_answer(fault: Fault) -> Answer:
    if fault.kind.startswith("drop"):
        return Answer(0, b"", transport="drop")
    return Answer(0, b"", transport="hang", hold_s=fault.hold_s, released=fault.released.is_set)


def _slot(exchange: Exchange) -> idempotency.Slot:
    return exchange.who.account.id, exchange.who.livemode, exchange.key or ""


def _fingerprint(exchange: Exchange) -> str:
    return idempotency.fingerprint_of(exchange.request.method, exchange.request.path, exchange.form)


def _replay(exchange: Exchange) -> Answer | None:
    """The kept answer of this key; None when the request is to be executed."""
    if exchange.key is None:
        return None
    state = exchange.state
    with state.lock:
        entry = state.idempotency.find(_slot(exchange), _fingerprint(exchange), state.clock.now())
    if entry is None or entry.status is None:
        return None
    exchange.log["replayed"] = True
    return Answer(entry.status, entry.body, {"Idempotent-Replayed": "true", "Original-Request": entry.request_id})


def _execute(exchange: Exchange, route: Route, path_ids: dict[str, str]) -> Answer:
    """Execute and keep the answer. Parameters are judged first: a bad one is not an execution."""
    state = exchange.state
    params = route.spec.read(exchange.form)
    expansion.check_paths(route.kind, route.is_list, params.get("expand", ()))
    with state.lock:
        # Looked up again under one lock with the begin: two requests of one key may have come this far.
        replay = _replay(exchange)
        if replay is not None:
            return replay
        if exchange.key is not None:
            state.idempotency.begin(_slot(exchange), _fingerprint(exchange), state.clock.now(), exchange.request_id)
        fault = _take(exchange, EXECUTION, route)
        if fault is None or fault.kind != "slow":
            return _run(exchange, route, path_ids, params, fault)
    fault.released.wait(fault.hold_s)
    with state.lock:
        return _run(exchange, route, path_ids, params, None)


def _run(exchange: Exchange, route: Route, path_ids: dict[str, str], params: Json, fault: Fault | None) -> Answer:
    """The operation itself, under the lock. Nothing else happens in the sandbox meanwhile."""
    state = exchange.state
    answer = Answer(500, json_bytes(errors.api_failure(500).body(exchange.request_id)))
    try:
        answer = Answer(200, json_bytes(_perform(exchange, route, path_ids, params, fault)))
    except StripeError as refusal:
        answer = _refused(exchange, refusal)
    finally:
        # Also after a defect: a key that stayed "in use" for ever would hide it.
        if exchange.key is not None:
            state.idempotency.finish(_slot(exchange), answer.status, answer.body)
    return answer


def _perform(exchange: Exchange, route: Route, path_ids: dict[str, str], params: Json, fault: Fault | None) -> Json:
    state, caller = exchange.state, exchange.who
    if fault is not None and fault.kind == "status_500":
        raise errors.api_failure(500)
    call = Call(
        state=state,
        book=state.book(caller.account, caller.livemode),
        origin=Origin(exchange.request_id, exchange.key),
        params=params,
        path_ids=path_ids,
        outcome=_take(exchange, OUTCOME, route) if route.operation == "refunds.create" else None,
    )
    result = expansion.expanded(call.book, route.run(call), params.get("expand", ()))
    if fault is not None and fault.kind == "status_500_after":
        raise errors.api_failure(500)
    return result
