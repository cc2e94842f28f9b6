"""Who asks: from the ``Authorization`` header to a caller, for one write to the store and none for a malformed key."""

from __future__ import annotations

from typing import Final

from refundkit.api_keys import has_valid_checksum, hash_api_key

from refundkit_core.application.ports import ApiKeyStore, Clock
from refundkit_core.domain.errors import Unauthenticated
from refundkit_core.domain.tenancy import Admitted

_SCHEME: Final = "bearer "


class Authenticate:
    """Authenticate and meter one request."""

    def __init__(self, keys: ApiKeyStore, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def __call__(self, authorization: str | None) -> Admitted:
        """The caller behind an ``Authorization: Bearer rk_…`` header, and what is left of the key's minute.

        Raises:
            Unauthenticated: no such key, or none that is valid now.
            RateLimited: the key's minute is used up.
        """
        if authorization is None or not authorization.lower().startswith(_SCHEME):
            raise Unauthenticated
        key = authorization[len(_SCHEME) :].strip()
        if not has_valid_checksum(key):
            raise Unauthenticated
        return self._keys.admit(hash_api_key(key), self._clock.now())
