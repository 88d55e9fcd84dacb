"""Takes secrets, names of people and anything like a picture out of texts that leave the box by hand. Pure.

Rules:
1. What is known to be secret goes wherever it stands, in each spelling that programs give it (`Secrets`).
2. What looks like a secret goes unknown: the user's part, the query and the keys in an address, a word after
   `password=` and its like, mail addresses, the folder of a person.
3. What could hold a picture goes: long runs of base64 or hexadecimal, lists of numbers, escaped bytes.
4. Of a log only lines of a known shape stay (`log_lines`): a level and a message, the frames and the end of a traceback.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

GONE: Final = "***"
CUT: Final = "[…]"
LONGEST: Final = 400  # characters of a line
_LEAST_CODE: Final = 6
_SHORTEST: Final = 3  # characters of a secret that is looked for outside of addresses
_KEYS: Final = r"pass(?:word|wd|phrase)?|pwd|token|secret|credential|authori[sz]ation|api[-_]?key|cookie|user(?:name)?|login"
_SECRET_KEY: Final = re.compile(rf"(?i)(?:^|[-_.])(?:{_KEYS})$")
# Free text of people; recorded on the box, never sent.
_OWN_WORDS: Final = {"legal_basis", "dpia_reference"}
_EXAMPLES: Final = {"user", "username", "password", "pass"}
_USERINFO: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s'\"<>]*)@")
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
_SHAPES: Final[tuple[tuple[str, re.Pattern[str], str], ...]] = (
    ("token", re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=._~-]{4,}"), rf"\1 {GONE}"),
    ("named secret", re.compile(rf"(?i)\b([\w.-]*(?:{_KEYS}))(['\"]?\s*[=:]\s*)(?!\*\*\*)['\"]?[^\s'\",;&]+"), rf"\1\2{GONE}"),
    ("mail address", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), GONE),
    ("person's folder", re.compile(r"/(?:home|Users)/[^/\s'\":,;]+|/root(?=[/\s'\":,;]|$)"), "~"),
    ("bytes", re.compile(r"\bb'(?:[^'\\]|\\.)*'|\bb\"(?:[^\"\\]|\\.)*\""), CUT),
    ("bytes", re.compile(r"(?:[^\s\\]*\\(?:x|u00)[0-9A-Fa-f]{2}){3}.*"), CUT),
    ("numbers", re.compile(r"[\[(]*\d{1,3}(?:[\s,;()\[\]]+\d{1,3}){2,}[\])]+|\b\d{1,3}(?:[\s,;()\[\]]+\d{1,3}\b){5,}"), CUT),
    ("code", re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z+/=_-]*\d)(?:[0-9a-f]{24,}|[0-9A-F]{24,})(?![A-Za-z0-9])"), CUT),
    ("code", re.compile(r"(?=[a-z0-9+/=_-]*[A-Z])(?=[A-Z0-9+/=_-]*[a-z])(?=[A-Za-z+/=_-]*\d)[A-Za-z0-9+/=_-]{12,}"), CUT),
)  # fmt: skip
_LINE: Final = re.compile(
    r"\s*(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL) |Traceback \(most recent call last\):|File \"[^\"]+\", line \d+"
    r"|[A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit|Warning)\b|(?:Started|Stopped|Stopping|Starting) "
    r"|parvis-edge\.service: )"
)


class Secrets:
    """Words that must not get out, and the spellings in which they might.

    Args:
        hidden: tokens and passwords.
        names: of accounts; taken out too, but a text that holds one is still fit to be sent.
    """

    def __init__(self, hidden: Iterable[str], names: Iterable[str] = ()) -> None:
        self._hidden = _sorted(spelling for word in hidden for spelling in _spellings(word))
        self._all = _sorted({*self._hidden, *(spelling for word in names for spelling in _spellings(word))})

    def without(self, text: str) -> tuple[str, int]:
        """The text without them, and how many there were."""
        count = 0
        for word in self._all:
            if word in text:
                count += text.count(word)
                text = text.replace(word, GONE)
        return text, count

    def found_in(self, data: bytes) -> bool:
        """Whether any token or password is in ``data``."""
        return any(word.encode() in data for word in self._hidden)


def _sorted(words: Iterable[str]) -> list[str]:
    """The longest first, so that no part of one is left."""
    return sorted({word for word in words if len(word) >= _SHORTEST}, key=lambda word: (-len(word), word))


def _spellings(word: str) -> set[str]:
    word = word.strip()
    if len(word) < _SHORTEST:
        return set()
    plain = {word, unquote(word)}
    found = set(plain)
    for one in plain:
        found |= {quote(one, safe=""), quote(one), quote_plus(one), json.dumps(one)[1:-1], repr(one)[1:-1]}
        found |= {one.encode().hex(), one.encode().hex().upper()}
        # Of base64 what does not depend on the neighbours, for each way in which it may lie.
        for before, skip in ((b"", 0), (b"-", 2), (b"--", 3)):
            code = base64.b64encode(before + one.encode()).decode().rstrip("=")[skip:-1]
            found |= {code} if len(code) >= _LEAST_CODE else set()
    return found


def secrets_in(text: str) -> tuple[list[str], list[str]]:
    """Passwords and user names of every address in a text, but for those of examples, such as ``user:password``."""
    users = [match[2].partition(":") for match in _USERINFO.finditer(text) if match[2]]
    hidden = [password for _, _, password in users if password]
    return _told(hidden), _told([name for name, _, _ in users if name])


def _told(words: list[str]) -> list[str]:
    """Without the words that stand for others in examples: they would tear holes into every sentence about them."""
    return [word for word in words if word.lower() not in _EXAMPLES]


class Redactor:
    """Cleans texts. ``removed``: how many things of each kind it took out."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self.removed: dict[str, int] = {}

    def text(self, text: str, longest: int = LONGEST) -> str:
        """One line of at most ``longest`` characters, by rules 1 to 3; what is not printable becomes a blank."""
        text, count = self._secrets.without(text)
        self._count("known secret", count)
        text = "".join(char if char.isprintable() else " " for char in text)
        text = _ADDRESS.sub(self._address, text)
        for kind, pattern, instead in _SHAPES:
            text, count = pattern.subn(instead, text)
            self._count(kind, count)
        return text if len(text) <= longest else f"{text[: longest - 1]}…"

    def value(self, value: Any, key: str = "") -> Any:
        """Plain data (of YAML or JSON): texts cleaned, what stands under a secret's name or holds people's words gone."""
        if isinstance(value, dict):
            return {self.text(str(name), 80): self.value(item, str(name)) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, key) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return (
                GONE
                if _SECRET_KEY.search(key) and not isinstance(value, bool) and value is not None
                else value
            )
        if _SECRET_KEY.search(key) or key in _OWN_WORDS:
            self._count("named secret", 1)
            return GONE
        return self.text(str(value))

    def log_lines(self, lines: Iterable[str]) -> list[str]:
        """Of a log what has a known shape, cleaned (rule 4)."""
        kept: list[str] = []
        for line in lines:
            body = line[20:] if re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ", line[:21]) else line
            if _LINE.match(body) and _is_text(line):
                kept.append(self.text(line))
            elif line.strip():
                self._count("log line of no known shape", 1)
        return kept

    def _address(self, match: re.Match[str]) -> str:
        """Scheme, host and path of an address; no user, no query, no part of the path that could be a key."""
        scheme, _, rest = match[0].partition("://")
        rest, query = re.split(r"[?#]", rest, maxsplit=1)[0], re.search(r"[?#]", rest)
        user, at, place = rest.rpartition("@")
        host, slash, path = place.partition("/")
        parts = [
            GONE if "=" in part or re.search(r"[0-9A-Za-z]{16,}", part) else part for part in path.split("/")
        ]
        self._count("user in an address", bool(at) and user != GONE)
        self._count("query or key in an address", bool(query) or GONE in parts)
        return f"{scheme}://{GONE + '@' if at else ''}{host}{slash}{'/'.join(parts)}{'?' + GONE if query else ''}"

    def _count(self, kind: str, count: int) -> None:
        if count:
            self.removed[kind] = self.removed.get(kind, 0) + int(count)


def _is_text(line: str) -> bool:
    odd = sum(not char.isprintable() or char == "\ufffd" or 0x80 <= ord(char) < 0xA0 for char in line)
    strange = sum(ord(char) > 126 for char in line)
    return not odd and strange <= max(3, len(line) // 8)
