"""Links out of letters: signed, so that whoever has the letter can end its subscription and nobody else. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac


def signature(secret: bytes, subscription_id: int, recipient: str) -> str:
    """43 characters that are of this subscription and recipient alone (HMAC-SHA256)."""
    text = f"unsubscribe/{subscription_id}/{recipient}".encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, text, hashlib.sha256)).decode().rstrip("=")


def is_signed(given: str, secret: bytes, subscription_id: int, recipient: str) -> bool:
    """Whether a signature is the right one, compared in constant time."""
    return hmac.compare_digest(given.encode(), signature(secret, subscription_id, recipient).encode())
