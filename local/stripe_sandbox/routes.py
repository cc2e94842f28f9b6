"""The API's operations: method, path, name, parameters and code of each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from local.stripe_sandbox import (
    charges,
    customers,
    disputes,
    early_fraud_warnings,
    events,
    ledger,
    lists,
    payment_intents,
    refunds,
    webhook_endpoints,
)  # fmt: skip
from local.stripe_sandbox.books import Book, Json
from local.stripe_sandbox.errors import StripeError
from local.stripe_sandbox.params import Spec, listing, text, words
from local.stripe_sandbox.state import Call


@dataclass(frozen=True)
class Route:
    """One operation. `kind` is the kind of object that it answers with; `is_list` says that it is a list."""

    method: str
    pattern: str
    operation: str
    spec: Spec
    run: Callable[[Call], Json]
    kind: str
    is_list: bool = False


def _list_of(rows: Callable[[Book], list[Json]], noun: str, url: str, keep: lists.Keep) -> Callable[[Call], Json]:
    return lambda call: lists.page(call, rows(call.book), keep, noun, url)


def _own_account(call: Call) -> Json:
    return call.book.account.api_view()


def _some_account(call: Call) -> Json:
    wanted = call.state.accounts.get(call.path_ids["id"])
    own_id = call.book.account.id
    if wanted is None or (wanted.id != own_id and wanted.connected_to != own_id):
        raise StripeError(404, f"No such account: '{call.path_ids['id']}'", code="resource_missing", param="account")
    return wanted.api_view()


def _charge_refunds(call: Call) -> Json:
    url = f"/v1/charges/{call.path_ids['id']}/refunds"
    return lists.page(call, charges.list_refunds(call), lists.keep_equal, "refund", url)


def _all_refunds(call: Call) -> Json:
    rows = call.book.refunds_newest_first(call.given("charge"))
    return lists.page(call, rows, lists.keep_equal, "refund", "/v1/refunds")


def _table() -> list[Route]:
    """Every operation but the lists."""
    return [
        Route("GET", "/v1/account", "account.retrieve", Spec(), _own_account, "account"),
        Route("GET", "/v1/accounts/{id}", "accounts.retrieve", Spec(), _some_account, "account"),
        Route("POST", "/v1/charges", "charges.create", charges.CREATE, charges.create, "charge"),
        Route("GET", "/v1/charges/{id}", "charges.retrieve", charges.RETRIEVE, charges.retrieve, "charge"),
        Route("POST", "/v1/charges/{id}", "charges.update", charges.UPDATE, charges.update, "charge"),
        Route("POST", "/v1/charges/{id}/capture", "charges.capture",
              charges.CAPTURE, charges.capture, "charge"),
        Route("GET", "/v1/charges/{charge}/refunds/{id}", "refunds.retrieve",
              Spec(), refunds.retrieve, "refund"),
        Route("GET", "/v1/charges/{id}/refunds", "refunds.list", listing(), _charge_refunds, "refund", True),
        *_intent_routes(),
        Route("POST", "/v1/refunds", "refunds.create", refunds.CREATE, refunds.create, "refund"),
        Route("GET", "/v1/refunds", "refunds.list", refunds.LIST, _all_refunds, "refund", True),
        Route("GET", "/v1/refunds/{id}", "refunds.retrieve", refunds.RETRIEVE, refunds.retrieve, "refund"),
        Route("POST", "/v1/refunds/{id}", "refunds.update", refunds.UPDATE, refunds.update, "refund"),
        Route("POST", "/v1/refunds/{id}/cancel", "refunds.cancel", refunds.CANCEL, refunds.cancel, "refund"),
        Route("GET", "/v1/disputes/{id}", "disputes.retrieve",
              disputes.RETRIEVE, disputes.retrieve, "dispute"),
        Route("POST", "/v1/disputes/{id}", "disputes.update", disputes.UPDATE, disputes.update, "dispute"),
        Route("POST", "/v1/disputes/{id}/close", "disputes.close", disputes.CLOSE, disputes.close, "dispute"),
        Route("GET", "/v1/radar/early_fraud_warnings/{id}", "early_fraud_warnings.retrieve",
              early_fraud_warnings.RETRIEVE, early_fraud_warnings.retrieve, "early_fraud_warning"),
        Route("POST", "/v1/customers", "customers.create", customers.CREATE, customers.create, "customer"),
        Route("GET", "/v1/customers/{id}", "customers.retrieve", Spec(), customers.retrieve, "customer"),
        Route("POST", "/v1/customers/{id}", "customers.update",
              customers.UPDATE, customers.update, "customer"),
        Route("GET", "/v1/balance_transactions/{id}", "balance_transactions.retrieve", ledger.RETRIEVE,
              ledger.retrieve, "balance_transaction"),
        Route("GET", "/v1/events/{id}", "events.retrieve", Spec(), events.retrieve, "event"),
        *_endpoint_routes(),
    ]  # fmt: skip


def _intent_routes() -> list[Route]:
    intents, base = payment_intents, "/v1/payment_intents"
    steps = (("confirm", intents.CONFIRM, intents.confirm), ("capture", intents.CAPTURE, intents.capture),
             ("cancel", intents.CANCEL, intents.cancel))  # fmt: skip
    kind = "payment_intent"
    return [
        Route("POST", base, "payment_intents.create", intents.CREATE, intents.create, kind),
        Route("GET", f"{base}/{{id}}", "payment_intents.retrieve", intents.RETRIEVE, intents.retrieve, kind),
        Route("POST", f"{base}/{{id}}", "payment_intents.update", intents.UPDATE, intents.update, kind),
        *(
            Route("POST", f"{base}/{{id}}/{verb}", f"payment_intents.{verb}", spec, run, kind)
            for verb, spec, run in steps
        ),
    ]


def _endpoint_routes() -> list[Route]:
    hooks, base, name, kind = (
        webhook_endpoints,
        "/v1/webhook_endpoints",
        "webhook_endpoints",
        "webhook_endpoint",
    )
    return [
        Route("POST", base, f"{name}.create", hooks.CREATE, hooks.create, kind),
        Route("GET", f"{base}/{{id}}", f"{name}.retrieve", hooks.RETRIEVE, hooks.retrieve, kind),
        Route("POST", f"{base}/{{id}}", f"{name}.update", hooks.UPDATE, hooks.update, kind),
        Route("DELETE", f"{base}/{{id}}", f"{name}.delete", hooks.DELETE, hooks.delete, kind),
    ]


def _lists() -> list[Route]:
    """Every top-level list."""
    event_filters = listing(type=text(), types=words, delivery_success=text())
    tables: list[tuple[str, Spec, Callable[[Book], list[Json]], str, lists.Keep]] = [
        ("charges", charges.LIST, lambda book: book.charges.newest_first(), "charge", lists.keep_equal),
        ("payment_intents", payment_intents.LIST, lambda book: book.payment_intents.newest_first(),
         "payment_intent", lists.keep_equal),
        ("disputes", disputes.LIST, lambda book: book.disputes.newest_first(), "dispute", lists.keep_equal),
        ("radar/early_fraud_warnings", early_fraud_warnings.LIST, lambda book: book.warnings.newest_first(),
         "early_fraud_warning", lists.keep_equal),
        ("customers", customers.LIST, lambda book: book.customers.newest_first(),
         "customer", lists.keep_equal),
        ("balance_transactions", ledger.LIST, lambda book: book.balance_transactions.newest_first(),
         "balance_transaction", lists.keep_equal),
        ("events", event_filters, lambda book: book.events.newest_first(), "event", events.keep),
        ("webhook_endpoints", webhook_endpoints.LIST, lambda book: book.webhook_endpoints.newest_first(),
         "webhook_endpoint", lists.keep_equal),
    ]  # fmt: skip
    return [
        Route("GET", f"/v1/{path}", f"{path.rpartition('/')[2]}.list", spec,
              _list_of(rows, kind, f"/v1/{path}", keep), kind, True)
        for path, spec, rows, kind, keep in tables
    ]  # fmt: skip


ROUTES: tuple[Route, ...] = (*_table(), *_lists())
OPERATIONS = tuple(sorted({route.operation for route in ROUTES}))
_EXPRESSIONS = tuple(
    (route, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_]{1,100})", route.pattern))) for route in ROUTES
)


def find_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The operation of a request and the ids in its path."""
    for route, expression in _EXPRESSIONS:
        matched = expression.fullmatch(path) if route.method == method else None
        if matched is not None:
            return route, matched.groupdict()
    return None
