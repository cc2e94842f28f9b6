"""Where a message for Slack may be posted to: Slack's own address for incoming webhooks, and no other host.

Source: Slack's documentation of incoming webhooks: ``https://hooks.slack.com/services/T…/B…/…``.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

_AT_SLACK: Final = re.compile(r"https://hooks\.slack\.com/(services|workflows|triggers)(/[A-Za-z0-9_-]{1,100}){1,5}")
_LOCAL_PATH: Final = re.compile(r"(/[A-Za-z0-9_-]{1,100}){1,8}")


def is_incoming_webhook(url: str, sandbox: str = "") -> bool:
    """Whether messages may be posted to ``url``. ``sandbox`` is the address of a local stack's own Slack, from which
    nothing leaves: there its host alone will do, by its scheme and port, and any plain path. Empty on AWS."""
    return _is_at(url, sandbox) if sandbox else _AT_SLACK.fullmatch(url) is not None


def _is_at(url: str, sandbox: str) -> bool:
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(sandbox))
    return url.startswith(f"{origin}/") and _LOCAL_PATH.fullmatch(url.removeprefix(origin)) is not None
