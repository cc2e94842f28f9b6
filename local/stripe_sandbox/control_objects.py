"""Control over objects: sample charges, refunds that move, disputes and fraud warnings that open."""

from __future__ import annotations

from typing import Any

from local.stripe_sandbox import charges, customers, disputes, early_fraud_warnings, ids, payment_intents
from local.stripe_sandbox import refund_lifecycle as lifecycle
from local.stripe_sandbox.books import Book, Json, Table
from local.stripe_sandbox.cards import find_card
from local.stripe_sandbox.charges import NewCharge
from local.stripe_sandbox.control_input import Fields, Refusal, limit_of, query_of
from local.stripe_sandbox.http_messages import Request
from local.stripe_sandbox.params import currency, merged_metadata, metadata
from local.stripe_sandbox.refundable import refundable_base_minor
from local.stripe_sandbox.state import Scope, State

FAILURE_REASONS = lifecycle.FAILURE_REASONS
_SAMPLE_FIELDS = (
    "amount", "currency", "customer", "created", "age_days", "captured", "amount_captured", "payment_intent",
    "disputed", "description", "metadata", "source", "billing", "risk_score",
    "card_country", "billing_country",
)  # fmt: skip


def _find(state: State, object_id: str, table_name: str) -> tuple[Scope, Json]:
    """The object of an id, in whatever account and mode; ids are unguessable and never repeat."""
    for book in state.books():
        table: Table = getattr(book, table_name)
        row = table.get(object_id)
        if row is not None:
            return Scope(state, book), row
    raise Refusal(
        404, f"No object in {table_name} has the id {object_id}.",
        "Create one with the API or with POST /_sandbox/charges.",
    )  # fmt: skip


def make_sample_charge(state: State, request: Request, _: str) -> Any:
    """A charge of any age and state in one call, for the account and mode of the key."""
    fields = Fields(request.body, _SAMPLE_FIELDS)
    caller = state.accounts.authenticate(request.headers.get("authorization"), request.headers.get("stripe-account"))
    scope = Scope(state, state.book(caller.account, caller.livemode))
    status = fields.choice("disputed", disputes.STATUSES) if fields.raw("disputed") else None
    notes = merged_metadata({}, metadata("metadata", fields.texts("metadata")))
    wanted = _sample(scope, fields, notes)
    if fields.flag("payment_intent"):
        intent = payment_intents.new_intent(scope, wanted.amount_minor, wanted.currency, wanted.customer, notes)
        intent["description"] = wanted.description
        intent["capture_method"] = "automatic_async" if wanted.capture else "manual"
        charge = payment_intents.adopt_charge(
            scope, intent, NewCharge(**{**vars(wanted), "payment_intent": intent["id"]})
        )
    else:
        charge = charges.make_charge(scope, wanted)
    if status:
        disputes.open_dispute(scope, charge, status)
    return charge


def _sample(scope: Scope, fields: Fields, notes: dict[str, str]) -> NewCharge:
    amount_minor = fields.whole("amount", 1000, minimum=1) or 1000
    captured_minor = fields.whole("amount_captured", minimum=1)
    if captured_minor and captured_minor > amount_minor:
        raise Refusal(400, "amount_captured is more than amount.", "Capture at most what was authorized.")
    card = find_card(fields.text("source") or "tok_visa")
    if card is None:
        raise Refusal(400, f"No test card is called {fields.text('source')}.", "Use tok_visa or pm_card_visa.")
    risk_score = fields.whole("risk_score", None if "risk_score" in fields else 12)
    if risk_score is not None and risk_score > 100:
        raise Refusal(400, "risk_score is more than 100.", "Radar scores from 0 to 100; null shows none.")
    customer_id, billing = _sample_customer(scope, fields)
    return NewCharge(
        amount_minor=amount_minor, currency=currency("currency", fields.text("currency") or "usd"), card=card,
        capture=fields.flag("captured", True), amount_captured_minor=captured_minor, customer=customer_id,
        payment_method=ids.new_id("pm"), created=_sample_time(scope, fields),
        description=fields.text("description"), metadata=notes, billing=billing,
        risk_score=risk_score, card_country=fields.text("card_country") or "US",
        billing_country=fields.text("billing_country"),
    )  # fmt: skip


def _sample_customer(scope: Scope, fields: Fields) -> tuple[str | None, dict[str, str | None]]:
    given = fields.raw("customer")
    if given is None:
        return None, {}
    if isinstance(given, str):
        row = scope.book.customers.get(given)
        if row is None:
            raise Refusal(404, f"No customer has the id {given[:80]}.", 'Send {"name", "email"} to make one.')
        return row["id"], {"name": row["name"], "email": row["email"]}
    if not isinstance(given, dict) or not all(
        name in ("name", "email", "phone") and isinstance(value, str) for name, value in given.items()
    ):
        raise Refusal(400, "customer must be an id or an object.", 'Send "cus_…" or {"name": …, "email": …}.')
    return customers.new_customer(scope, given, {})["id"], dict(given)


def _sample_time(scope: Scope, fields: Fields) -> int:
    created = fields.whole("created")
    return created if created is not None else scope.unix() - int(fields.number("age_days", 0) * 86_400)


def show_refunds(state: State, request: Request, _: str) -> Any:
    """Every refund, or those that match: account, mode, charge, status, metadata[key]=value."""
    query = query_of(request, ("account", "mode", "charge", "status", "limit"))
    wanted_notes = {name[9:-1]: value for name, value in query.items() if name.startswith("metadata[")}
    found = [
        refund | {"account": book.account.id, "mode": _mode(book)}
        for book in state.books()
        for refund in book.refunds.all()
        if query.get("account") in (None, book.account.id)
        and query.get("mode") in (None, _mode(book))
        and all(refund[name] == query[name] for name in ("charge", "status") if name in query)
        and all(refund["metadata"].get(key) == value for key, value in wanted_notes.items())
    ]
    return {"count": len(found), "data": found[: limit_of(query, 1000)]}


def _mode(book: Book) -> str:
    return "live" if book.livemode else "test"


def move_refund(state: State, request: Request, refund_id: str) -> Any:
    """Bring a refund to another status. `force` allows every status, unknown words included."""
    scope, refund = _find(state, refund_id, "refunds")
    fields = Fields(request.body, ("status", "failure_reason", "force"))
    status, force = fields.required_text("status"), fields.flag("force")
    reason = fields.text("failure_reason") or "unknown"
    allowed = lifecycle.ALLOWED.get(refund["status"], frozenset())
    if not force and (status not in lifecycle.ALLOWED or reason not in FAILURE_REASONS):
        raise Refusal(
            400, "status or failure_reason is not one of Stripe's.",
            f"Statuses: {', '.join(lifecycle.ALLOWED)}; reasons: {', '.join(FAILURE_REASONS)}; "
            'or add "force": true.',
        )  # fmt: skip
    if not force and status not in allowed:
        raise Refusal(
            409, f"A {refund['status']} refund does not become {status}.",
            f"From here it can become: {', '.join(sorted(allowed)) or 'nothing'}; or add \"force\": true.",
        )  # fmt: skip
    if refund["status"] in ("failed", "canceled"):
        _refuse_double_spending(scope, refund, status)
    lifecycle.move(scope, refund, status, reason)
    return refund


def _refuse_double_spending(scope: Scope, refund: Json, status: str) -> None:
    charge = scope.book.charges.get(refund["charge"]) or {}
    revived = status not in ("failed", "canceled")
    if revived and charge["amount_refunded"] + refund["amount"] > refundable_base_minor(charge):
        raise Refusal(
            409, "The charge's money has been refunded elsewhere in the meantime.",
            "A refund cannot be revived when that would exceed what was captured.",
        )  # fmt: skip


def dispute_charge(state: State, request: Request, charge_id: str) -> Any:
    """Open a dispute."""
    scope, charge = _find(state, charge_id, "charges")
    fields = Fields(request.body, ("status", "amount", "reason"))
    status = fields.choice("status", disputes.STATUSES, "needs_response")
    amount_minor = fields.whole("amount", minimum=1)
    if not charge["captured"] or (amount_minor or 0) > charge["amount_captured"]:
        raise Refusal(409, "Only captured money can be disputed.", "Dispute at most the charge's amount_captured.")
    reason = fields.choice("reason", disputes.REASONS, "fraudulent")
    return disputes.open_dispute(scope, charge, status, amount_minor=amount_minor, reason=reason)


def move_dispute(state: State, request: Request, dispute_id: str) -> Any:
    """Bring a dispute to another status."""
    scope, dispute = _find(state, dispute_id, "disputes")
    fields = Fields(request.body, ("status",))
    return disputes.move_dispute(scope, dispute, fields.choice("status", disputes.STATUSES))


def warn_of_charge(state: State, request: Request, charge_id: str) -> Any:
    """Open an early fraud warning."""
    scope, charge = _find(state, charge_id, "charges")
    fields = Fields(request.body, ("fraud_type",))
    kind = fields.choice("fraud_type", early_fraud_warnings.FRAUD_TYPES, "unauthorized_use_of_card")
    return early_fraud_warnings.open_warning(scope, charge, kind)
