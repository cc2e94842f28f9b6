"""Webhook deliveries: signed, posted to loopback addresses only, retried a few times, and logged."""

from __future__ import annotations

import hashlib
import heapq
import hmac
import http.client
import ipaddress
import json
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from local.stripe_sandbox import ids
from local.stripe_sandbox.books import Json
from local.stripe_sandbox.clock import SandboxClock

BACKOFF_S = (0.1, 0.3, 1.0)
TIMEOUT_S = 5.0
WORKERS = 4
LOG_LENGTH = 2000


def is_loopback_url(url: str) -> bool:
    """Whether a URL is plain http or https to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and is_loopback_host(host or "")


def is_loopback_host(host: str) -> bool:
    """`localhost` or a literal loopback address; names are not resolved, so no name can lie."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def signature_header(body: bytes, secret: str, timestamp: int) -> str:
    """`Stripe-Signature`: HMAC-SHA256 with the endpoint's secret over `timestamp.body`."""
    signed = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={signed}"


@dataclass(order=True)
class Job:
    """One delivery that waits for its next attempt; the earliest comes first."""

    due_at: float
    number: int
    record: Json = field(compare=False)
    stored: Json = field(compare=False)
    secret: str = field(compare=False)
    body: bytes = field(compare=False)
    attempts: int = field(default=0, compare=False)


class Courier:
    """Posts events from background threads, so that no API call waits for a webhook."""

    def __init__(self, lock: threading.RLock, clock: SandboxClock) -> None:
        self._lock = lock
        self._clock = clock
        self._waiting: list[Job] = []
        self._changed = threading.Condition()
        self._posted = 0
        self._log: deque[Json] = deque(maxlen=LOG_LENGTH)
        self._stopped = False
        self._threads: list[threading.Thread] = []

    def post(self, *, account_id: str, endpoint: Json, secret: str, event: Json, stored: Json) -> None:
        """Queue one delivery. `stored` is the event whose `pending_webhooks` falls on success."""
        record: Json = {
            "id": ids.new_id("whd"), "account": account_id, "endpoint": endpoint["id"],
            "url": endpoint["url"],
            "event": event["id"], "type": event["type"], "status": "pending", "attempts": [],
        }  # fmt: skip
        self._log.append(record)
        self._posted += 1
        self._enqueue(Job(time.monotonic(), self._posted, record, stored, secret, json.dumps(event).encode()))

    def log(self) -> list[Json]:
        """Recent deliveries, newest first."""
        return [json.loads(json.dumps(record)) for record in reversed(self._log)]

    def forget(self, account_id: str | None) -> None:
        """Drop the log of one account, or all of it. What is under way still goes out."""
        kept = [record for record in self._log if account_id and record["account"] != account_id]
        self._log.clear()
        self._log.extend(kept)

    def start(self) -> None:
        """Start the posting threads."""
        for number in range(WORKERS):
            thread = threading.Thread(target=self._work, name=f"stripe-sandbox-courier-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """End the threads; what was not delivered yet is dropped."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout=TIMEOUT_S + 1)

    def _enqueue(self, job: Job) -> None:
        with self._changed:
            heapq.heappush(self._waiting, job)
            self._changed.notify()

    def _next(self) -> Job | None:
        """The next job that is due, waited for; None when the courier stops.

        A delivery that waits for another attempt waits here, and not in a thread: a receiver that is down must
        not hold up the others.
        """
        with self._changed:
            while not self._stopped:
                wait_s = self._waiting[0].due_at - time.monotonic() if self._waiting else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(wait_s)
        return None

    def _work(self) -> None:
        while (job := self._next()) is not None:
            self._deliver(job)

    def _deliver(self, job: Job) -> None:
        with self._lock:
            timestamp, now = self._clock.signature_time(), self._clock.now()
        signature = signature_header(job.body, job.secret, timestamp)
        attempt = self._attempt(job.record["url"], signature, job.body)
        delivered = 200 <= (attempt["status"] or 0) < 300
        pause_s = BACKOFF_S[job.attempts] if job.attempts < len(BACKOFF_S) else None
        with self._lock:
            job.record["attempts"].append(attempt | {"time": now})
            if delivered:
                job.record["status"] = "delivered"
                job.stored["pending_webhooks"] -= 1
            elif pause_s is None:
                job.record["status"] = "failed"
        if not delivered and pause_s is not None:
            job.attempts += 1
            job.due_at = time.monotonic() + pause_s
            self._enqueue(job)

    @staticmethod
    def _attempt(url: str, signature: str, body: bytes) -> dict[str, Any]:
        """One POST; the answer's status, or the reason for there being none. Redirects are not followed."""
        if not is_loopback_url(url):
            return {"status": None, "error": "refused: only loopback addresses are posted to"}
        parts = urlsplit(url)
        host, target = parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            # A loopback receiver has a self-signed certificate; there is nobody in between to fear.
            unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_S, context=unverified)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_S)
        headers = {
            "Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }  # fmt: skip
        try:
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            answer.read(65536)
        except (OSError, http.client.HTTPException) as exc:
            return {"status": None, "error": type(exc).__name__}
        else:
            return {"status": answer.status, "error": None}
        finally:
            connection.close()
