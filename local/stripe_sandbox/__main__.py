"""Command line: `python -m local.stripe_sandbox --port 8420 [--host …] [--test-key …] [--live-key …]`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from local.stripe_sandbox.http_server import DEFAULT_LIVE_KEY, DEFAULT_TEST_KEY, SandboxServer


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; 2 when the address is not a loopback one or is taken."""
    parser = argparse.ArgumentParser(prog="python -m local.stripe_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8420)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address; any other is refused")
    parser.add_argument("--test-key", default=DEFAULT_TEST_KEY)
    parser.add_argument("--live-key", default=DEFAULT_LIVE_KEY)
    chosen = parser.parse_args(arguments)
    try:
        server = SandboxServer(port=chosen.port, host=chosen.host, test_key=chosen.test_key, live_key=chosen.live_key)
    except (OSError, ValueError) as exc:
        print(f"The sandbox cannot start: {exc}", file=sys.stderr)
        return 2
    stopped = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stopped.set())
    with server:
        print(f"Stripe sandbox: {server.url}  (test key {server.test_key})", flush=True)
        stopped.wait()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
