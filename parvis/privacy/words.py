"""The texts of the papers in French and English; numbers and dates as the server's pages write them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib import resources
from typing import Final
from zoneinfo import ZoneInfo

from server.pages.texts import Texts

LANGUAGES: Final = ("fr", "en")
_UTC: Final = ZoneInfo("UTC")


def _load(language: str) -> dict[str, str]:
    path = resources.files("parvis.privacy").joinpath("locales", f"{language}.json")
    texts: dict[str, str] = json.loads(path.read_text("utf-8"))
    return texts


CATALOGUES: Final[Mapping[str, Mapping[str, str]]] = {language: _load(language) for language in LANGUAGES}


class Words(Texts):
    """One language; times are UTC, as on the wire."""

    def __init__(self, language: str) -> None:
        super().__init__(language, _UTC)
        self._catalogue = CATALOGUES[language]

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        return key in self._catalogue

    def whole(self, value: float) -> str:
        """``1 234`` or ``1,234``; with decimals only where there are some."""
        return self.number(value, 0 if value == int(value) else 1)

    def listed(self, items: Iterable[str]) -> str:
        """``a, b and c``."""
        *first, last = items
        return self("and", first=", ".join(first), last=last) if first else last

    def stamp(self, at: datetime) -> str:
        """A UTC time to the second, with its date."""
        return self.time(int(at.timestamp()), seconds=True)
