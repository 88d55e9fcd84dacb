"""Links out of letters about notices: who may answer what, until when, signed. Pure.

A token reads ``NOTICE-RECIPIENT-STAGE-EXPIRY-KEY-SIGNATURE``: whoever has the letter has the link, nobody can make one, and
nothing in it is secret but the signature (HMAC-SHA256 over all that stands before it, base32 in small letters so that
no mail program breaks it).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from server.store.crew_base import LinkKey, Stage

LIFETIME_S: Final = 7 * 86400
_STAGES: Final[dict[str, Stage]] = {"v": "to_verify", "c": "confirmed"}
_TOKEN: Final = re.compile(
    r"([1-9][0-9]{0,11})-([1-9][0-9]{0,11})-([vc])-([1-9][0-9]{0,11})-([1-9][0-9]{0,5})-([a-z2-7]{52})",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link says: this recipient may answer this notice, told at this stage, until ``expires`` (seconds since 1970)."""

    notice: int
    recipient: int
    stage: Stage
    expires: int


def _signature(key: LinkKey, text: str) -> str:
    digest = hmac.digest(key.secret, f"notice-answer/{text}".encode(), hashlib.sha256)
    return base64.b32encode(digest).decode().rstrip("=").lower()


def token(key: LinkKey, claim: Claim) -> str:
    """The token of a claim, at most 110 characters of ``[a-z0-9-]``."""
    letter = next(letter for letter, stage in _STAGES.items() if stage == claim.stage)
    text = f"{claim.notice}-{claim.recipient}-{letter}-{claim.expires}-{key.id}"
    return f"{text}-{_signature(key, text)}"


def claim_of(key: LinkKey, given: str) -> Claim | None:
    """What a token claims, if the present key signed it; compared in constant time. Whether it has expired is not asked."""
    match = _TOKEN.fullmatch(given)
    if match is None:
        return None
    notice, recipient, letter, expires, number, signed = match.groups()
    if not hmac.compare_digest(signed, _signature(key, given.rpartition("-")[0])) or int(number) != key.id:
        return None
    return Claim(int(notice), int(recipient), _STAGES[letter], int(expires))
