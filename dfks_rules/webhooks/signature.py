"""Signatures, so that an endpoint knows that an event is ours, whole, and not an old one.

Reference: Standard Webhooks 1.0 (standardwebhooks.com), symmetric signatures.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
KEY_BYTES = 32


def secret_of(key: bytes) -> str:
    """A secret as operators are shown it."""
    return PREFIX + base64.b64encode(key).decode()


def headers(id_: str, at: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one try.

    Args:
        id_: of the event, the same for each try.
        at: when this try is made, seconds since 1970.
        body: what is sent.
        secrets: each signs.
    """
    signed = f"{id_}.{at}.".encode() + body
    signatures = [f"v1,{_signature(secret, signed)}" for secret in secrets]
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
