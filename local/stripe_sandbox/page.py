"""The page at `/_sandbox`: what there is, on one screen, without any outside asset."""

from __future__ import annotations

import html
from functools import lru_cache


@lru_cache(maxsize=1)
def render_page() -> bytes:
    """The page as HTML in UTF-8."""
    return f"<!doctype html><title>{html.escape('Stripe sandbox')}</title>".encode()
