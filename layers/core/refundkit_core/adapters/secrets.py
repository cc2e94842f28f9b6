"""Small secrets under KMS, each bound to whose it is by its encryption context."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms.client import KMSClient


class SecretBox:
    """Seal and open secrets of up to 4 KB under one KMS key. A secret opens only under the context that sealed it."""

    def __init__(self, client: Callable[[], KMSClient], key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def seal(self, secret: bytes, context: Mapping[str, str]) -> bytes:
        answer = self._client().encrypt(KeyId=self._key_id, Plaintext=secret, EncryptionContext=context)
        return bytes(answer["CiphertextBlob"])

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        answer = self._client().decrypt(KeyId=self._key_id, CiphertextBlob=sealed, EncryptionContext=context)
        return bytes(answer["Plaintext"])
