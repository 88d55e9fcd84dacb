"""One paper in one language while it is written: its texts, its legal statements, its blanks.

Rule: a template gets a value of the operator, a statement of the law or a blank only from here. So each statement
carries its source and its mark, and the list of blanks is the list of what is blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Final

from markupsafe import Markup

from parvis.privacy.law import STATEMENTS, Source
from parvis.privacy.operator_file import Operator
from parvis.privacy.words import Words

# Read by everybody: they lose "to be confirmed" once it is confirmed. The others are drafts for ever.
PUBLIC: Final = frozenset({"street-sign", "public-information"})


class Paper:
    """What a template may ask for. ``defaults``: what the server does unless it is set otherwise, by entry."""

    def __init__(
        self, document: str, words: Words, operator: Operator, defaults: Mapping[str, int | float]
    ) -> None:
        self.document, self.words = document, words
        self._operator, self._defaults = operator, defaults
        self.blanks: list[str] = []
        self.stated: list[str] = []

    @property
    def settled(self) -> bool:
        """Whether this paper goes out without the mark of a draft."""
        return self.document in PUBLIC and self._operator.confirmed is not None

    @property
    def confirmation(self) -> str:
        """Who confirmed the statements, and when; empty where nobody did."""
        found = self._operator.confirmed
        return "" if found is None else self.words("confirmed", by=found.by, date=self._date(found.date))

    def op(self, entry: str) -> Markup:
        """A value of the operator's file, or its marked blank."""
        value = getattr(self._operator, entry)
        if value is None:
            default = self._defaults.get(entry)
            shown = "" if default is None else self._number(entry, default)
            return self._blank(f"operator.{entry}", self.words(f"op.{entry}", default=shown))
        return Markup.escape(self._number(entry, value) if isinstance(value, int) else value)

    def known(self, entry: str) -> bool:
        """Whether the operator's file has an entry."""
        return getattr(self._operator, entry) is not None

    def hand(self, name: str) -> Markup:
        """A blank that somebody fills in by hand."""
        return self._blank(f"hand.{name}", self.words(f"hand.{name}"))

    def law(self, *names: str) -> Markup:
        """Legal statements, each with its source and its mark."""
        return Markup("").join(self._statement(name) for name in names)

    def source(self, *sources: Source) -> Markup:
        """The names of sources, and the mark."""
        told = Markup("; ").join(self._named(sources))
        before, _, after = self.words("sources", names="\0").partition("\0")
        mark = "" if self.settled else Markup(' <strong class="mark">{}</strong>').format(self.words("mark"))
        return Markup('<span class="source">{}{}{}{}</span>').format(before, told, after, mark)

    def _statement(self, name: str) -> Markup:
        self.stated.append(name)
        return Markup('<p class="law">{} {}</p>').format(
            self.words(f"law.{name}"), self.source(*STATEMENTS[name])
        )

    def _named(self, sources: tuple[Source, ...]) -> list[Markup]:
        names: list[Markup] = []
        for kind, alike in groupby(sources, lambda source: source.kind):
            group = list(alike)
            articles = ", ".join(source.article for source in group)
            name = self.words(f"source.{kind}", articles=articles)
            url = group[0].url
            names.append(
                Markup('<a href="{}" rel="noreferrer">{}</a>').format(url, name)
                if url
                else Markup.escape(name)
            )
        return names

    def _blank(self, key: str, what: str) -> Markup:
        if key not in self.blanks:
            self.blanks.append(key)
        return Markup('<span class="blank">{}</span>').format(self.words("blank", what=what))

    def _number(self, entry: str, value: float) -> str:
        return self.words(f"op.{entry}.value", n=self.words.whole(value))

    def _date(self, on: date) -> str:
        return self.words.date(int(datetime(on.year, on.month, on.day, 12, tzinfo=self.words.tz).timestamp()))
