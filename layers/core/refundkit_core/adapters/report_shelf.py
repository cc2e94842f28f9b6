"""Daily reports on S3: one JSON object a day, its name in the order of time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

FOLDER: Final = "ledgers/"
_MISSING: Final = frozenset({"NoSuchKey", "404"})


class S3ReportShelf:
    """``ReportShelf`` on one bucket."""

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, day: str, report: Mapping[str, Any]) -> None:
        body = json.dumps(report, indent=1).encode()
        self._client().put_object(Bucket=self._bucket, Key=_name(day), Body=body, ContentType="application/json")

    def read(self, day: str | None) -> Mapping[str, Any] | None:
        name = self._latest() if day is None else _name(day)
        if name is None:
            return None
        try:
            body = self._client().get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except ClientError as exc:
            if exc.response.get("Error", {}).get("Code") in _MISSING:
                return None
            raise
        report: Mapping[str, Any] = json.loads(body)
        return report

    def _latest(self) -> str | None:
        """The bucket forgets after 400 days, so that one page of a list holds all."""
        found = self._client().list_objects_v2(Bucket=self._bucket, Prefix=FOLDER).get("Contents", ())
        return max((each["Key"] for each in found), default=None)


def _name(day: str) -> str:
    return f"{FOLDER}{day}.json"
