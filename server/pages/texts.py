"""French and English: texts from ``locales/*.json``, numbers and times as each language writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

LANGUAGES: Final = ("fr", "en")
LANGUAGE_COOKIE: Final = "parvis_lang"
NO_DATA: Final = "\N{EN DASH}"
_NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _load(language: str) -> dict[str, str]:
    path = resources.files("server").joinpath("locales", f"{language}.json")
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    return texts


CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {language: _load(language) for language in LANGUAGES}


def choose(cookie: str, accept: str) -> str:
    """The language of the cookie, else the browser's first that we speak, else French."""
    if cookie in LANGUAGES:
        return cookie
    wishes: list[tuple[float, int, str]] = []
    for index, part in enumerate(accept.split(",")[:20]):
        tag, _, rest = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.[0-9]{1,3})?)\s*", rest)
        wishes.append((-float(quality.group(1)) if quality else -1.0, index, tag[:2].lower()))
    return next((tag for weight, _, tag in sorted(wishes) if tag in LANGUAGES and weight < 0), "fr")


class Texts:
    """One language in one time zone."""

    def __init__(self, language: str, tz: ZoneInfo) -> None:
        self.language = language
        self.tz = tz
        self._catalogue = CATALOGUES[language]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, its {placeholders} filled."""
        return self._catalogue[key].format(**values)

    def number(self, value: float | None, digits: int = 1) -> str:
        """``1 234,5`` or ``1,234.5``; a dash for no data."""
        if value is None:
            return NO_DATA
        text = f"{value:,.{digits}f}"
        if self.language == "fr":
            text = text.replace(",", _NARROW_SPACE).replace(".", ",")
        return text

    def percent(self, value: float | None) -> str:
        """``97 %`` or ``97%``. 100 is said only of the whole, 0 only of nothing."""
        if value is None:
            return NO_DATA
        shown = round(value * 100)
        if value < 1 and shown == 100:
            shown = 99
        if value > 0 and shown == 0:
            shown = 1
        return f"{shown}{_NARROW_SPACE}%" if self.language == "fr" else f"{shown}%"

    def time(self, at: int | None, *, seconds: bool = False, date: bool = True, offset: bool = False) -> str:
        """A local time; with its offset where an hour occurs twice."""
        if at is None:
            return NO_DATA
        local = datetime.fromtimestamp(at, self.tz)
        text = local.strftime("%H:%M:%S" if seconds else "%H:%M")
        if date:
            text = f"{self.date(at)} {text}"
        return f"{text} ({self.offset(at)})" if offset else text

    def date(self, at: int) -> str:
        """``21/11/2026`` or ``21 Nov 2026``."""
        local = datetime.fromtimestamp(at, self.tz)
        if self.language == "fr":
            return local.strftime("%d/%m/%Y")
        return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"

    def offset(self, at: int) -> str:
        """``UTC+1``."""
        delta = datetime.fromtimestamp(at, self.tz).utcoffset()
        minutes = int(delta.total_seconds() // 60) if delta else 0
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")

    def span(self, start: int, end: int, now: int) -> str:
        """``10:15`` to ``10:16``, with the date unless it is today's."""
        seconds = bool(start % 60 or end % 60)
        dated = self.date(start) != self.date(now)
        first = self.time(start, seconds=seconds, date=dated)
        return f"{first} {NO_DATA} {self.time(end, seconds=seconds, date=False)}"

    def ago(self, seconds: float) -> str:
        """``12 s ago``, ``5 min ago``, ``3 h ago``, ``2 d ago``."""
        whole = max(0, int(seconds))
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if whole >= 2 * size:
                return self(f"ago.{unit}", n=whole // size)
        return self("ago.s", n=whole)

    def length(self, seconds: float) -> str:
        """A duration in its largest handy unit."""
        for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
            if seconds >= size:
                value = round(seconds / size, 1)
                return self(f"length.{unit}", n=self.number(value, 0 if value == int(value) else 1))
        return self("length.s", n=self.number(seconds, 0))
