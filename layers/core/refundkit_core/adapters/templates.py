"""Letters and pages, written with Jinja: what is put into HTML is escaped, and a missing value is an error."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from refundkit_core.application.notify_ports import Written

if TYPE_CHECKING:
    from datetime import datetime

    from refundkit_core.application.notify_ports import MailKind

_FOLDER: Final = Path(__file__).parents[1] / "templates"


class JinjaTemplates:
    """``Letters``, and the pages."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(folder),
            autoescape=select_autoescape(enabled_extensions=("html",), default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters["moment"] = moment

    def write(self, kind: MailKind, facts: Mapping[str, Any]) -> Written:
        """The letter: the first line of its text is the subject."""
        subject, _, text = self.render(f"mail/{kind}.txt", facts).partition("\n")
        html = self.render(f"mail/{kind}.html", {**facts, "subject": subject})
        return Written(" ".join(subject.split()), text.strip() + "\n", html)

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """One template of the folder, filled."""
        return self._environment.get_template(name).render(facts)


def moment(at: datetime) -> str:
    """A time for people: ``20 November 2026, 12:00 UTC``."""
    return f"{at.day} {at:%B %Y, %H:%M} UTC"
