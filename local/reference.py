"""The API's reference page: Swagger UI over the description that the deployed API serves of itself.

The library's files come from Powertools, which is pinned and ships them; nothing is loaded from another machine.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from local.inbox import Reply

PAGES = Path(__file__).parent / "pages"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = (("Content-Security-Policy", POLICY), ("Referrer-Policy", "no-referrer"))
HTML, SCRIPT, SHEET = (f"text/{kind}; charset=utf-8" for kind in ("html", "javascript", "css"))


@cache
def files() -> dict[str, tuple[str, Path]]:
    """What the page is made of: content type and file, by path."""
    powertools = importlib.util.find_spec("aws_lambda_powertools")
    if powertools is None or powertools.origin is None:
        raise ModuleNotFoundError("aws_lambda_powertools")
    library = Path(powertools.origin).parent / "event_handler" / "openapi" / "swagger_ui"
    return {
        "/reference": (HTML, PAGES / "reference.html"),
        "/reference/reference.js": (SCRIPT, PAGES / "reference.js"),
        "/reference/reference.css": (SHEET, PAGES / "reference.css"),
        "/reference/swagger-ui.js": (SCRIPT, library / "swagger-ui-bundle.min.js"),
        "/reference/swagger-ui.css": (SHEET, library / "swagger-ui.min.css"),
    }


def reference_reply(path: str) -> Reply:
    """The page, or a part of it."""
    if path not in files():
        return Reply.json(404, {"error": "not found: the page is /reference"})
    content_type, file = files()[path]
    return Reply(200, content_type, file.read_bytes(), HEADERS)
