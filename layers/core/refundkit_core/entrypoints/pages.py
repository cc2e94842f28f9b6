"""Pages: HTML for people, without a script, behind cookies and headers that let nobody else look in or act.

A GET, a HEAD or an OPTIONS changes nothing, whoever sends it. A POST counts only with the token of a form that we made
for this very browser (document 002, decision 21).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from refundkit_core.domain import errors
from refundkit_core.domain.sessions import form_token, is_form_token
from refundkit_core.entrypoints.container import container
from refundkit_core.entrypoints.http import error_answer
from refundkit_core.entrypoints.observability import log, log_failure
from refundkit_core.entrypoints.requests import header, query_of, raw_body

FORM: Final = "application/x-www-form-urlencoded"
MAX_FIELDS: Final = 20
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_KEY_BYTES: Final = 32


class ForeignForm(errors.Denied):
    """The form was not made for this browser, or is of a session before."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a page: path parameters, query, the form's fields, and what the browser keeps."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    base: str
    session_id: str | None = None
    browser_key: str = ""

    @property
    def csrf(self) -> str:
        """What a form on the answer has to carry."""
        return form_token(self.browser_key)

    def text(self, name: str) -> str | None:
        """A field without blanks around it; None where it is empty."""
        return self.form.get(name, "").strip() or None


@dataclass(frozen=True, slots=True)
class Page:
    """A page to show: its template, and what is filled in."""

    template: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Onward:
    """Go and see another page, by GET. ``session_id`` is what the browser keeps from now on; empty: it forgets."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    session_id: str | None = None


Shown = Page | Onward
Handler = Callable[[Ask], Shown]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One page. No page asks for a key: ``scope`` is None."""

    method: str
    resource: str
    handle: Handler
    scope: None = None


class Pages:
    """The pages of one function, and the Lambda handler that serves them."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], PageRoute] = {}

    def page(self, method: str, resource: str) -> Callable[[Handler], Handler]:
        """Declare a page."""

        def declare(handle: Handler) -> Handler:
            self.routes[method, resource] = PageRoute(method, resource, handle)
            return handle

        return declare

    def handler(self, event: Mapping[str, Any], _context: object) -> dict[str, Any]:
        """The Lambda entry point: always answers with a page, and logs one line that names nobody."""
        started = time.perf_counter()
        method, resource = event["httpMethod"], event["resource"]
        code = None
        ask = Ask({}, {}, {}, base_of(event))
        try:
            ask = _ask_of(event)
            shown = self._shown(method, resource, ask)
        except errors.RefundKitError as exc:
            code, shown = exc.code, _error_page(exc, ask)
            if shown.status >= 500:
                log_failure("request failed", exc.__cause__ or exc)
        except Exception as exc:  # whatever happens, a person gets a page
            log_failure("request failed", exc)
            code, shown = "internal_error", _error_page(errors.RefundKitError("Something went wrong on our side"), ask)
        answer = _answered(method, shown, ask)
        took = round((time.perf_counter() - started) * 1000)
        log("request", route=f"{method} {resource}", status=answer["statusCode"], code=code, ms=took)
        return answer

    def _shown(self, method: str, resource: str, ask: Ask) -> Shown:
        route = self.routes.get(("GET" if method == "HEAD" else method, resource))
        if route is None:
            raise errors.NotFound("There is nothing here")
        if method == "POST" and not (ask.browser_key and is_form_token(ask.browser_key, ask.form.get("csrf", ""))):
            raise ForeignForm("This form is not one that we made for this browser: go back and load the page anew")
        return route.handle(ask)


def base_of(event: Mapping[str, Any]) -> str:
    """Where the pages are reached from outside: by setting, else as this request reached them."""
    context: Mapping[str, Any] = event.get("requestContext") or {}
    reached = f"https://{context.get('domainName', '')}/{context.get('stage', '')}".rstrip("/")
    return container().settings.public_api_base or reached


def _ask_of(event: Mapping[str, Any]) -> Ask:
    """Raises Invalid for a form that is none."""
    base = base_of(event)
    kept = _cookies(event)
    session_id = kept.get(cookie_name("session", base))
    browser_key = session_id or kept.get(cookie_name("form", base)) or ""
    if event["httpMethod"] in ("GET", "HEAD"):
        browser_key = browser_key or secrets.token_urlsafe(_KEY_BYTES)
    form = _form(event) if event["httpMethod"] == "POST" else {}
    return Ask(event.get("pathParameters") or {}, query_of(event), form, base, session_id, browser_key)


def _cookies(event: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header(event, "cookie") or "").items()}
    except CookieError:
        return {}


def _form(event: Mapping[str, Any]) -> dict[str, str]:
    if (header(event, "content-type") or "").partition(";")[0].strip().lower() != FORM:
        raise errors.Invalid("This is not a form of ours")
    try:
        fields = parse_qs(raw_body(event).decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as exc:  # of UTF-8, or too many fields
        raise errors.Invalid("This is not a form of ours") from exc
    return {name: values[-1] for name, values in fields.items()}


def cookie_name(what: str, base: str) -> str:
    """A cookie's name: bound to this host and to TLS, but on a loopback address, where there is none."""
    return f"refundkit-{what}" if _is_plain(base) else f"__Host-refundkit-{what}"


def _is_plain(base: str) -> bool:
    parts = urlsplit(base)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK


def _cookie(what: str, base: str, value: str) -> str:
    """A cookie that no script reads and no other site sends along with a form; an empty one is forgotten."""
    wanted = ["Path=/", "HttpOnly", "SameSite=Lax"]
    wanted += [] if _is_plain(base) else ["Secure"]
    wanted += [] if value else ["Max-Age=0"]
    return "; ".join((f"{cookie_name(what, base)}={value}", *wanted))


def _error_page(exc: errors.RefundKitError, ask: Ask) -> Page:
    status = 401 if isinstance(exc, errors.Unauthenticated) else error_answer(exc, "")[0]
    facts = {
        "code": "foreign_form" if isinstance(exc, ForeignForm) else exc.code,
        "message": exc.message,
        "back": ask.path.get("id"),
    }
    return Page("error", facts, status)


def _answered(method: str, shown: Shown, ask: Ask) -> dict[str, Any]:
    headers = dict(_HEADERS)
    if isinstance(shown, Onward):
        query = f"?{urlencode(shown.query)}" if shown.query else ""
        headers["location"] = f"{urlsplit(ask.base).path}{shown.path}{query}"
        if shown.session_id is not None:
            headers["set-cookie"] = _cookie("session", ask.base, shown.session_id)
        return {"statusCode": 303, "headers": headers, "body": "", "isBase64Encoded": False}
    facts = {"csrf": ask.csrf, "root": urlsplit(ask.base).path, "style": style(), **shown.facts}
    body = container().templates.render(f"pages/{shown.template}.html", facts)
    if method == "GET" and ask.session_id is None and ask.browser_key:
        headers["set-cookie"] = _cookie("form", ask.base, ask.browser_key)
    headers["content-security-policy"] = policy()
    text = "" if method == "HEAD" else body
    return {"statusCode": shown.status, "headers": headers, "body": text, "isBase64Encoded": False}


_HEADERS: Final[Mapping[str, str]] = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000; includeSubDomains",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "x-robots-tag": "noindex, nofollow",
}


@cache
def style() -> str:
    """The one style sheet, which stands in every page."""
    return (Path(__file__).parents[1] / "templates" / "pages" / "style.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """What a page may load: nothing but its own style sheet, named by its hash; it can be framed by nobody."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"{_HEADERS['content-security-policy']}; style-src 'sha256-{digest}'"
