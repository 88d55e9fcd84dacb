"""When a rule writes a letter: one for each episode, and not more often than its cooldown. Pure.

Rules:
1. ``forecast``: a coming day on which the limit is likely reached is told once, however often it is forecast again.
2. ``live_rate`` and ``camera_away``: an episode begins when the condition has held for the rule's minutes of observed time
   and ends when it has not held for ``CALM_S``. What is unknown neither begins nor ends one.
3. An episode that begins within the cooldown is told when that is over, if it still lasts; else never.
4. Live rules exist for operational zones only: `refusal` says why another zone can have none, when a rule is made and
   each time it is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any, Final, Literal, get_args

from server.forecast import Episode

RuleKind = Literal["forecast", "live_rate", "camera_away"]
KINDS: Final[tuple[RuleKind, ...]] = get_args(RuleKind)
LIVE: Final[frozenset[str]] = frozenset({"live_rate", "camera_away"})
# What each kind of rule is made of: share of the capacity, chance 0..1, days ahead, minutes, hours of cooldown.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "forecast": ("share", "chance", "days", "cooldown_h"),
    "live_rate": ("share", "minutes", "cooldown_h"),
    "camera_away": ("minutes", "cooldown_h"),
}
LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "share": (0.1, 2.0),
    "chance": (0.5, 0.99),
    "days": (1, 14),
    "minutes": (2, 720),
    "cooldown_h": (0, 168),
}
CALM_S: Final = 300
# A hold that was interrupted for longer by what is unknown begins again.
FORGET_S: Final = 3600

Reason = Literal["statistics_zone", "purpose_unknown", "line", "no_capacity", "bad_number", "no_such_place"]


@dataclass(frozen=True, slots=True)
class Sample:
    """Whether a rule's condition held from ``start`` to ``end``; None where that is not known."""

    start: int
    end: int
    above: bool | None


@dataclass(frozen=True, slots=True)
class Watch:
    """What a live rule remembers; times in seconds since 1970. ``episode``: since when the present one lasts."""

    seen_until: int = 0
    held_s: int = 0
    calm_s: int = 0
    unknown_s: int = 0
    episode: int | None = None
    told: bool = False
    last_told: int | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a forecast rule remembers: the coming days that were told, and when it last was, and when it looked."""

    told: tuple[date, ...] = ()
    last_told: int | None = None
    asked: date | None = None


def refusal(
    kind: str, numbers: Mapping[str, float], *, purpose: str | None, place_kind: str, capacity: int | None
) -> tuple[Reason, str] | None:
    """Why there can be no such rule of this place, and which number it is about; None if there can."""
    if place_kind == "line":
        return "line", ""
    if kind in LIVE and purpose != "operational":
        return ("purpose_unknown" if purpose is None else "statistics_zone"), ""
    for name in NEEDS[kind]:
        low, high = LIMITS[name]
        if not low <= numbers.get(name, low - 1) <= high:
            return "bad_number", name
    if kind != "camera_away" and not capacity:
        return "no_capacity", ""
    return None


def step(
    was: Watch, samples: Sequence[Sample], hold_s: int, cooldown_s: int, now: int
) -> tuple[Watch, int | None]:
    """Go on over samples in order of time; the start of the episode to be told now, or None.

    Samples that end before what was seen already change nothing, so that a step may be repeated.
    """
    own = was
    for sample in samples:
        if sample.end > own.seen_until:
            own = _advance(own, sample, hold_s)
    waited = own.last_told is None or now - own.last_told >= cooldown_s
    if own.episode is None or own.told or not waited:
        return own, None
    return replace(own, told=True, last_told=now), own.episode


def _advance(own: Watch, sample: Sample, hold_s: int) -> Watch:
    length = sample.end - max(sample.start, own.seen_until)
    own = replace(own, seen_until=sample.end)
    if sample.above is None:
        unknown = own.unknown_s + length
        held = 0 if unknown > FORGET_S and own.episode is None else own.held_s
        return replace(own, unknown_s=unknown, held_s=held)
    if sample.above:
        held = own.held_s + length
        begins = own.episode is None and held >= hold_s
        episode = sample.end - held if begins else own.episode
        return replace(own, held_s=held, calm_s=0, unknown_s=0, episode=episode)
    calm = own.calm_s + length
    over = calm >= CALM_S
    return replace(
        own,
        held_s=0,
        calm_s=calm,
        unknown_s=0,
        episode=None if over else own.episode,
        told=False if over else own.told,
    )


def foresee(
    was: Outlook, episodes: Sequence[Episode], days: int, cooldown_s: int, now: int, today: date
) -> tuple[Outlook, tuple[Episode, ...]]:
    """The episodes of coming days to be told now; each day once."""
    known = tuple(day for day in was.told if day >= today)
    last = today + timedelta(days=days)
    new = tuple(own for own in episodes if today <= own.day < last and own.day not in known)
    own = replace(was, told=known, asked=today)
    if not new or (own.last_told is not None and now - own.last_told < cooldown_s):
        return own, ()
    told = tuple(sorted({*known, *(each.day for each in new)}))
    return replace(own, told=told, last_told=now), new


def watch_of(state: Mapping[str, Any]) -> Watch:
    """What a live rule remembers, out of the store."""
    return Watch(**state)


def outlook_of(state: Mapping[str, Any]) -> Outlook:
    """What a forecast rule remembers, out of the store."""
    asked = state.get("asked")
    return Outlook(
        tuple(date.fromisoformat(day) for day in state.get("told", ())),
        state.get("last_told"),
        date.fromisoformat(asked) if asked else None,
    )


def as_state(own: Watch | Outlook) -> dict[str, Any]:
    """For the store."""
    if isinstance(own, Watch):
        return asdict(own)
    return {
        "told": [day.isoformat() for day in own.told],
        "last_told": own.last_told,
        "asked": own.asked.isoformat() if own.asked else None,
    }
