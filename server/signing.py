"""What makes a webhook believable: its signature, as Standard Webhooks has it (https://www.standardwebhooks.com). Pure.

``webhook-signature: v1,BASE64`` is HMAC-SHA256 over ``ID.TIMESTAMP.BODY``; several, parted by a space, while two secrets
are valid. A secret reads ``whsec_BASE64`` and its bytes are the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

PREFIX: Final = "whsec_"
# Older or newer than this the receiver should not believe it: somebody may have kept it.
TOLERANCE_S: Final = 300


def secret_of(random: bytes) -> str:
    """A secret as it is shown, of 24 to 64 random bytes."""
    return PREFIX + base64.b64encode(random).decode()


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """``v1,BASE64`` of one secret."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with every secret that is valid now."""
    signed = " ".join(signature(secret, message_id, timestamp, body) for secret in secrets)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signed}


def is_genuine(secret: str, given: Mapping[str, str], body: bytes, now: int) -> bool:
    """Whether a receiver with this secret should believe a message; ``given`` are its headers, in small letters."""
    try:
        timestamp = int(given["webhook-timestamp"])
        expected = signature(secret, given["webhook-id"], timestamp, body)
    except (KeyError, ValueError, binascii.Error):
        return False
    if abs(now - timestamp) > TOLERANCE_S:
        return False
    signed = given.get("webhook-signature", "").split(" ")
    return any([hmac.compare_digest(one.encode(), expected.encode()) for one in signed])  # noqa: C419 - constant time
