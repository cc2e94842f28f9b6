"""One log line an invocation: a constant message and fields. The template turns its fields into metrics."""

from __future__ import annotations

import os
import traceback
from functools import cache
from pathlib import PurePath
from typing import IO, Any

from aws_lambda_powertools.logging import Logger


def build_logger(service: str, stream: IO[str] | None = None) -> Logger:
    """A JSON logger, level by ``POWERTOOLS_LOG_LEVEL``, without source locations (they cost bytes)."""
    return Logger(service=service, stream=stream, location=None, use_rfc3339=True)


@cache
def logger() -> Logger:
    """The process's logger, named by ``POWERTOOLS_SERVICE_NAME``."""
    return build_logger(os.environ.get("POWERTOOLS_SERVICE_NAME", "refundkit"))


def log(message: str, **fields: Any) -> None:
    """Log ``message`` with those of ``fields`` that have a value. Never a body, e-mail, token or key."""
    logger().info(message, **{name: value for name, value in fields.items() if value is not None})


def log_failure(message: str, exc: BaseException, **fields: Any) -> None:
    """Log an unexpected exception by its type and where it was raised; its text may hold what must not be logged."""
    frames = [f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(exc.__traceback__)]
    known = {name: value for name, value in fields.items() if value is not None}
    logger().error(message, error=type(exc).__name__, at=frames[-8:], **known)
