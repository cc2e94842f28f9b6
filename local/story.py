"""What `make demo` tells its story with: a key, and sentences that are printed only where they hold."""

from __future__ import annotations

import time
import uuid
from typing import Any, Final

from local.console import colour
from local.http_json import Answer, call
from local.story_slack import SlackOfStory
from local.warm import headers_for, wait_for_final

COMPLETED_WITHIN_S: Final = 15.0
TOO_MANY: Final = 429


class NotAsTold(Exception):
    """The stack did something else than the story says."""


class Story:
    """The narrator: an organization's key, and the sentences that were found true."""

    def __init__(self, organization: dict[str, Any]) -> None:
        self.api = f"{organization['api_base']}/v1"
        self.base = str(organization["api_base"])
        self.key = str(organization["test_key"])
        self.charges: dict[str, str] = organization["transactions"]
        self.slack = SlackOfStory(organization)

    def tell(self, sentence: str, holds: bool, found: object = "") -> None:
        """Print a sentence that holds. Raises NotAsTold when it does not."""
        if not holds:
            raise NotAsTold(f"{sentence}\n  but: {found}")
        print(f"  {colour('✓', '32')} {sentence}", flush=True)

    def refund(self, charge: str, amount: int, key: str | None = None, reason: str = "product_defective") -> Answer:
        """POST a refund of a sample charge."""
        body = {"transactionId": self.charges[charge], "amount": amount, "reason": reason}
        headers = {**headers_for(self.key), "Idempotency-Key": key or f"demo-{uuid.uuid4()}"}
        return call("POST", f"{self.api}/refunds", body, headers)

    def get(self, path: str) -> Answer:
        """GET below the API's version."""
        return self.send("GET", path)

    def send(self, method: str, path: str, body: Any = None) -> Answer:
        """Any request below the API's version. A key has 100 a minute: who is told to wait, waits."""
        while True:
            answer = call(method, f"{self.api}{path}", body, headers_for(self.key))
            if answer.status != TOO_MANY:
                return answer
            time.sleep(float(answer.headers.get("retry-after", "1")))

    def finished(self, answer: Answer) -> dict[str, Any]:
        """The refund once it is final."""
        return wait_for_final(self.base, self.key, str(answer.body["data"]["id"]), COMPLETED_WITHIN_S)


def code_of(answer: Answer) -> str:
    """The error's code, or an empty text."""
    error = (answer.body or {}).get("error") or {}
    return str(error.get("code", ""))
