"""Text as Slack wants it: what people wrote is never taken for markup, and nothing is longer than Block Kit bears.

Source: Slack's documentation of formatting text: ``&``, ``<`` and ``>`` are escaped, and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

MAX_SECTION: Final = 3000
MAX_FIELD: Final = 2000
MAX_BUTTON: Final = 75
_CUT: Final = " …"


def escaped(text: str) -> str:
    """``text`` as it is to be read: no mention, link or channel call can come of it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, longest: int) -> str:
    """The beginning of ``text``, at most ``longest`` characters; escaped letters and our own markup stay whole."""
    if len(text) <= longest:
        return text
    kept = text[: longest - len(_CUT)]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = kept.rfind(opening)
        if start > kept.rfind(closing):
            kept = kept[:start]
    return kept + _CUT


def quoted(text: str) -> str:
    """What somebody wrote, as a quotation, escaped."""
    return "\n".join(f"> {line}" for line in escaped(text).splitlines() or [""])


def mention(slack_user: str) -> str:
    """A Slack user, by the name that each reader knows them by."""
    return f"<@{slack_user}>"


def link(url: str, label: str) -> str:
    """A link under a label."""
    return f"<{escaped(url).replace('|', '%7C')}|{escaped(label)}>"


def moment(at: datetime) -> str:
    """A time, in each reader's own time zone; UTC where their Slack cannot show it."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} at {{time}}|{at:%Y-%m-%d %H:%M} UTC>"
