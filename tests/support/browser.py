"""A browser for tests: keeps cookies, follows 303, fills in the forms that a page shows, and runs no script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from tests.support.functions import function_module
from tests.support.requests import gateway_event

_VOID = frozenset({"meta", "br", "link", "input", "hr", "img"})


class Form(NamedTuple):
    """A form on a page: where it goes, and what it holds."""

    action: str
    fields: dict[str, str]


class PageReader(HTMLParser):
    """The forms and links of a page; every element must be closed by its own end."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.labels: set[str] = set()
        self.fields: set[str] = set()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append(tag)
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "form":
            self.forms.append(Form(named["action"] or "", {}))
        if tag in ("input", "textarea", "select"):
            self.forms[-1].fields[named["name"] or ""] = named.get("value") or ""
            if named.get("type") != "hidden":
                self.fields.add(named["id"] or "")
        if tag == "label":
            self.labels.add(named["for"] or "")
        if tag == "a":
            self.links.append(named["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


class Seen(NamedTuple):
    """An answer: its status, headers and text."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def page(self) -> PageReader:
        """The page, read; it must be whole."""
        reader = PageReader()
        reader.feed(self.text)
        reader.close()
        assert reader.open == []
        return reader

    def form(self, **fields: str) -> Form:
        """The first form that holds these fields with these values."""
        return next(form for form in self.page.forms if fields.items() <= form.fields.items())


class Browser:
    """One person's browser at the pages' function. ``prefix`` is the path that they are reached under."""

    def __init__(self, prefix: str = "/api") -> None:
        self.cookies: dict[str, str] = {}
        self._prefix = prefix

    def send(self, method: str, path: str, body: str | None = None, **headers: str) -> Seen:
        """One request, not followed. ``path`` may be whole, as in a mail."""
        split = urlsplit(path)
        inner = split.path.removeprefix(self._prefix) + (f"?{split.query}" if split.query else "")
        sent = {**({"cookie": self._cookie()} if self.cookies else {}), **headers}
        if body is not None:
            sent = {"content-type": "application/x-www-form-urlencoded", **sent}
        event = gateway_event("GET" if method in ("HEAD", "OPTIONS") else method, inner, body, headers=sent)
        event["httpMethod"] = method
        assert event.pop("function") == "approval_pages", path
        answer: dict[str, Any] = function_module("approval_pages").handler(event, None)
        self._keep(answer["headers"].get("set-cookie"))
        return Seen(answer["statusCode"], answer["headers"], answer["body"])

    def get(self, path: str) -> Seen:
        """A page, wherever it leads."""
        return self._followed(self.send("GET", path))

    def submit(self, form: Form, **fields: str) -> Seen:
        """Send a form with some fields filled in, and go where that leads."""
        return self._followed(self.send("POST", form.action, urlencode({**form.fields, **fields})))

    def _followed(self, seen: Seen) -> Seen:
        for _ in range(5):
            if seen.status != 303:
                return seen
            seen = self.send("GET", seen.headers["location"])
        raise AssertionError("it goes round in circles")

    def _cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _keep(self, header: str | None) -> None:
        for name, morsel in SimpleCookie(header or "").items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value


def code_in(html: str) -> str:
    """The code that a mail shows."""
    found = re.search(r">(\d{6})<", html)
    assert found is not None
    return found[1]


def link_in(html: str) -> str:
    """The personal link that a mail shows."""
    found = re.search(r'href="([^"]+/approvals/callback\?token=[^"]+)"', html)
    assert found is not None
    return found[1]
