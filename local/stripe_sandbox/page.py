"""The page at `/_sandbox`: what there is, on one screen, without any outside asset.

Its content is that of `docs/stripe-sandbox.md`, shortened; a test holds both against what the sandbox serves.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

from local.stripe_sandbox import faults
from local.stripe_sandbox.routes import OPERATIONS

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6478; --line: #dfe3ec; --paper: #fbfbfe;
  --card: #fff; --mark: #5b4bd6; --code: #f0f1f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaf3; --soft: #9aa3b8; --line: #2c3347; --paper: #12151f;
  --card: #191d2a; --mark: #a79cff; --code: #232838; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.25rem 4rem; max-width: 62rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.02em; }
h1 + p { margin: .3rem 0 1.4rem; color: var(--soft); max-width: 46rem; }
h2 { margin: 2.4rem 0 .7rem; font-size: 1.15rem; }
a { color: var(--mark); text-underline-offset: .2em; }
a:focus-visible { outline: 2px solid var(--mark); outline-offset: 2px; border-radius: 4px; }
nav { display: flex; flex-wrap: wrap; gap: .5rem; }
nav a { padding: .35rem .8rem; border: 1px solid var(--line); border-radius: 99px; background: var(--card);
  text-decoration: none; font-size: .92rem; }
code, pre { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
code { padding: .1em .35em; border-radius: 4px; background: var(--code); overflow-wrap: anywhere; }
pre { margin: 0; padding: 1rem 1.2rem; border-radius: 10px; background: var(--code); overflow-x: auto; }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
table { width: 100%; border-collapse: collapse; font-size: .94rem; }
td, th { padding: .55rem .9rem; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
tr:first-child > * { border-top: 0; }
th { width: 44%; font: .88em/1.7 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
th code { background: none; padding: 0; font-size: 1em; }
td .soft { display: block; font-size: .92em; }
@media (max-width: 40rem) { th, td { display: block; width: auto; } td { border-top: 0; padding-top: 0; } }
.soft { color: var(--soft); }
"""

_EXAMPLE = """base=BASE; key=sk_test_refundkit_sandbox_default
curl -s $base/_sandbox/charges -H "Authorization: Bearer $key" -d '{"amount": 2999, "age_days": 12}'
curl -s $base/_sandbox/faults -d '{"kind": "timeout_after", "operation": "refunds.create"}'
curl -s $base/v1/refunds -u $key: -H "Idempotency-Key: k1" -d charge=ch_… --max-time 1   # money moved, no answer
curl -s $base/v1/refunds -u $key: -H "Idempotency-Key: k1" -d charge=ch_…                # the same refund again"""

CONTROL: tuple[tuple[str, str, str], ...] = (
    ("GET /_sandbox/health", "", "200 when it is ready"),
    ("GET /_sandbox/accounts", "", "every account with its keys"),
    ("POST /_sandbox/accounts", "name; id, test_secret_key, live_secret_key, connected_to",
     "the account of that name, made on first sight"),
    ("GET /_sandbox/clock", "", "the sandbox's time, and whether it is real, shifted or frozen"),
    ("POST /_sandbox/clock", "now, advance_s, reset, sign_with", "moves time; what became due happens at once"),
    ("GET /_sandbox/faults", "", "what is armed"),
    ("POST /_sandbox/faults",
     "kind; operation, times, account, match, hold_s, after_s, failure_reason, instructions_email",
     "arms a fault"),
    ("DELETE /_sandbox/faults", "account", "disarms, and lets go of what is held"),
    ("POST /_sandbox/faults/release", "", "lets go of held requests only"),
    ("POST /_sandbox/charges",
     "amount, currency, customer, created, age_days, captured, amount_captured, payment_intent, disputed, "
     "description, metadata, source, risk_score, card_country, billing_country",
     "a sample charge for the key's account and mode"),
    ("POST /_sandbox/charges/{id}/dispute", "status, amount, reason", "opens a dispute"),
    ("POST /_sandbox/disputes/{id}", "status", "moves a dispute"),
    ("POST /_sandbox/charges/{id}/early_fraud_warning", "fraud_type", "opens a warning"),
    ("GET /_sandbox/refunds", "account, mode, charge, status, metadata[key], limit", "every refund"),
    ("POST /_sandbox/refunds/{id}", "status, failure_reason, force", "moves a refund"),
    ("GET /_sandbox/requests", "operation, account, mode, idempotency_key, fault, limit",
     "recent API requests, and what became of them"),
    ("GET /_sandbox/deliveries", "endpoint, event, type, status, account, limit", "recent webhook deliveries"),
    ("POST /_sandbox/reset", "account, accounts", "forgets one account's objects, or everything and the clock"),
)  # fmt: skip

FAULTS: tuple[tuple[str, str], ...] = (
    ("timeout_before", "nothing happens, no answer until the client gives up or hold_s is over"),
    ("timeout_after", "it is done, but no answer comes"),
    ("drop_before", "the connection closes, nothing has happened"),
    ("drop_after", "the connection closes, it is done"),
    ("slow", "done after hold_s or a release; the key is in use meanwhile"),
    ("status_500", "nothing happens; the 500 is kept for the key"),
    ("status_500_after", "it is done; the 500 is kept for the key"),
    ("status_503", "nothing happens, nothing is kept"),
    ("status_429", "rate limited"),
    ("status_401", "the key is refused"),
    ("status_403", "the key may not"),
    ("status_409_in_use", "another request with the same idempotency key is said to be under way"),
    ("refund_pending", "the refund stays pending"),
    ("refund_pending_then_succeeded", "pending, succeeded after_s later"),
    ("refund_pending_then_failed", "pending, failed after_s later"),
    ("refund_fail_later", "succeeded, failed after_s later"),
    ("refund_requires_action", "waits for the customer; can be canceled"),
    ("refund_failed_now", "failed at once"),
)

_CARDS = (
    "tok_visa", "tok_pendingRefund", "tok_refundFail", "tok_createDispute", "tok_createDisputeInquiry",
    "tok_createIssuerFraudRecord", "tok_chargeDeclined",
)  # fmt: skip


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    shown = "".join(f"<tr><th>{row[0]}</th>{''.join(f'<td>{cell}</td>' for cell in row[1:])}</tr>" for row in rows)
    return f'<div class="table"><table>{shown}</table></div>'


def _request(request: str) -> str:
    method, _, path = request.partition(" ")
    return f'GET <a href="{path}">{escape(path)}</a>' if method == "GET" else escape(request)


@lru_cache(maxsize=1)
def render_page(host: str) -> bytes:
    """The page as HTML in UTF-8; its examples call the `host` at which it was asked for."""
    control = [
        (_request(request), escape(effect) + (f'<span class="soft">{escape(fields)}</span>' if fields else ""))
        for request, fields, effect in CONTROL
    ]
    links = "".join(
        f'<a href="/_sandbox/{name}">{name}</a>'
        for name in ("accounts", "requests", "refunds", "faults", "clock", "deliveries", "health")
    )
    armed = [(_code(kind), escape(effect)) for kind, effect in FAULTS]
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stripe sandbox</title><style>{_STYLE}</style></head><body>
<h1>Stripe sandbox</h1>
<p>A Stripe API on this machine: real HTTP, real idempotency, signed webhooks, and faults on demand.
Nothing leaves loopback, nothing survives a restart.</p>
<nav aria-label="What it holds now">{links}</nav>
<h2>Try it</h2><pre tabindex="0">{escape(_EXAMPLE.replace("BASE", f"http://{host}"))}</pre>
<h2>Control</h2>{_table(control)}
<h2>Faults</h2>{_table(armed)}
<p class="soft">Held requests end after {faults.DEFAULT_HOLD_S:.0f} s (<code>hold_s</code>), later changes come after
{faults.DEFAULT_AFTER_S:.0f} s (<code>after_s</code>) of the sandbox's clock.</p>
<h2>Test cards</h2><p>{" ".join(_code(card) for card in _CARDS)} (or <code>pm_card_…</code>)</p>
<h2>Operations</h2><p>{" ".join(_code(name) for name in OPERATIONS)}</p>
<p class="soft">The whole story is in <code>docs/stripe-sandbox.md</code>.</p>
</body></html>
"""
    return page.encode()
