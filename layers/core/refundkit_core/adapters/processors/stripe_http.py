"""Stripe's library over urllib3, which AWS's library has loaded already: one HTTP library less to ship and to start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe
import urllib3
from botocore.httpsession import get_cert_path


class Urllib3Client(stripe.HTTPClient):
    """A Stripe HTTP client that keeps connections, times out, and retries nothing: whoever calls decides on that."""

    name = "urllib3"

    def __init__(self, connect_timeout_s: float, read_timeout_s: float) -> None:
        super().__init__()
        self._pool = urllib3.PoolManager(
            maxsize=4,
            retries=False,
            timeout=urllib3.Timeout(connect=connect_timeout_s, read=read_timeout_s),
            cert_reqs="CERT_REQUIRED",
            ca_certs=get_cert_path(True),
        )

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request; body, status and headers of the answer.

        Raises:
            stripe.APIConnectionError: no answer came, whatever happened to the request.
        """
        body = post_data.encode() if isinstance(post_data, str) else post_data
        try:
            answer = self._pool.request(method.upper(), url, headers=dict(headers or {}), body=body, redirect=False)
        except urllib3.exceptions.HTTPError as exc:
            unreachable: Any = stripe.APIConnectionError
            raise unreachable("Stripe could not be reached, or did not answer in time") from exc
        return answer.data.decode("utf-8", "replace"), answer.status, answer.headers

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()
