"""Secrets and their hashes. Only hashes are ever stored; plain secrets are shown once and forgotten.

Tokens (devices, sessions) carry 256 random bits, so one SHA-256 is enough; passwords do not, so they get scrypt.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import secrets
import threading
from typing import Final

# OWASP's least for scrypt with 16 MiB a login: a small server must survive several at once.
_N, _R, _P = 2**14, 8, 5
_MEMORY: Final = 64 * 1024 * 1024
MIN_PASSWORD: Final = 12
MAX_PASSWORD: Final = 256
# Two cores: more hashes at once would only starve the ingest.
_AT_ONCE = threading.BoundedSemaphore(2)


def new_token(prefix: str = "pv1") -> str:
    """A fresh secret of 256 bits, recognisable by secret scanners."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """What is stored of a token: 64 hex digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    with _AT_ONCE:
        return hashlib.scrypt(
            password.encode("utf-8", "replace"), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32
        )


def hash_password(password: str) -> str:
    """``scrypt$n$r$p$salt$hash``, with a salt of its own."""
    salt = secrets.token_bytes(16)
    digest = _scrypt(password, salt, _N, _R, _P)
    parts = (base64.b64encode(salt).decode(), base64.b64encode(digest).decode())
    return f"scrypt${_N}${_R}${_P}${parts[0]}${parts[1]}"


@functools.cache
def _nobody() -> str:
    """Compared for names that do not exist, so that they take as long to refuse as those that do."""
    return hash_password(secrets.token_hex(16))


def check_password(password: str, stored: str | None) -> bool:
    """True when the password is the stored one; as slow for an unknown user (None) as for a known one."""
    _, n, r, p, salt, digest = (stored or _nobody()).split("$")
    given = _scrypt(password[:MAX_PASSWORD], base64.b64decode(salt), int(n), int(r), int(p))
    right = hmac.compare_digest(given, base64.b64decode(digest))
    return right and stored is not None and len(password) <= MAX_PASSWORD
