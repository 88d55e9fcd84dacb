"""What counts by hand say of a place's count error, in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from server.pages.texts import Texts
from server.sites import PlaceDetail
from server.tallies import Found


@dataclass(frozen=True, slots=True)
class Told:
    """The count error of one place, class and measure, and a sentence that says it."""

    one: Found
    sentence: str

    @property
    def place(self) -> PlaceDetail:
        """Whose it is, to be named."""
        return PlaceDetail(*self.one.key)


def measure_name(kind: str, measure: str, texts: Texts) -> str:
    """``Arrivals``: what was counted, in the words of the kind of place."""
    return texts("tally.present") if measure == "present" else texts(f"tally.{measure}.{kind}")


def says(one: Found, texts: Texts) -> str:
    """``Checked on site 4 times, last on …: …``."""
    digits = 1 if one.measure == "present" else 0
    values = {
        "n": one.n,
        "when": texts.date(one.last),
        "what": measure_name(one.key[3], one.measure, texts),
        "group": texts(f"group.{one.group}"),
        "true": texts.number(one.counted, digits),
        "ours": texts.number(one.ours, digits),
        "mean": signed(one.mean, texts),
    }
    whole = one.measure != "present"
    parts = [texts("tally.says" if whole else "tally.says.present", **values)]
    if whole and one.share is not None:
        parts.append(texts("tally.share", share=signed(one.share * 100, texts)))
    if one.interval:
        low, high = (signed(side, texts) for side in one.interval)
        parts.append(texts("tally.mean", low=low, high=high, **values))
    else:
        parts.append(texts("tally.few", **values))
    if one.older:
        parts.append(texts("tally.older", n=one.older))
    return " ".join(parts)


def signed(value: float, texts: Texts) -> str:
    """``+1,5``."""
    rounded = round(value, 1) + 0.0
    return f"{'+' if rounded > 0 else ''}{texts.number(rounded)}"


def told(every: Iterable[Found], texts: Texts) -> list[Told]:
    """Each with its sentence."""
    return [Told(one, says(one, texts)) for one in every]
