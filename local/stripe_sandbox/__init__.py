"""A Stripe API on this machine: real HTTP, real idempotency, faults on demand, standard library only.

Start it with `python -m local.stripe_sandbox --port 8420`, or inside a test:

    with SandboxServer(port=0) as sandbox:
        client = stripe.StripeClient(sandbox.test_key, base_addresses={"api": sandbox.url})

What it answers and how it is steered is written in `docs/stripe-sandbox.md`.
"""

from local.stripe_sandbox.http_server import DEFAULT_LIVE_KEY, DEFAULT_TEST_KEY, SandboxServer
from local.stripe_sandbox.state import State

__all__ = ["DEFAULT_LIVE_KEY", "DEFAULT_TEST_KEY", "SandboxServer", "State"]
