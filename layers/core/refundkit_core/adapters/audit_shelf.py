"""Exported audit entries on S3: a file for each export, given away by an address that ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from refundkit_core.domain.tenancy import Tenant

FOLDER: Final = "audit/"
_TYPE: Final = "text/csv; charset=utf-8"


class S3AuditShelf:
    """``AuditShelf`` on one bucket. ``signing`` signs URLs in version 4, which new buckets insist on."""

    def __init__(self, client: Callable[[], S3Client], signing: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._signing = signing
        self._bucket = bucket

    def put(self, tenant: Tenant, name: str, text: str) -> None:
        self._client().put_object(Bucket=self._bucket, Key=_path(tenant, name), Body=text.encode(), ContentType=_TYPE)

    def url(self, tenant: Tenant, name: str, seconds: int) -> str:
        return self._signing().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": self._bucket,
                "Key": _path(tenant, name),
                "ResponseContentDisposition": f'attachment; filename="audit-{name}"',
            },
            ExpiresIn=seconds,
        )


def _path(tenant: Tenant, name: str) -> str:
    return f"{FOLDER}{tenant.org_id}/{tenant.environment}/{name}"
