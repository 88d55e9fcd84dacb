"""Counts that somebody made by hand on site, held against the box's own for the same time: the count error. Pure.

Rules:
1. The error is counted minus true (the box's figure minus the tally), of one place, class and measure.
2. A tally covers whole intervals of its place, was observed for ``COVERED`` of its time at least, and its figures have all arrived:
   intervals are final, so that the box's figure is kept beside the tally and outlives the intervals.
3. The mean error has an interval (Student's t, 95 %) from four tallies on. It is of the hours that were tallied, and no better
   than they resemble the others.
4. A zone that was drawn anew is another zone: what was tallied before is told apart and is not part of its error.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal, get_args

from contract.names import ClassGroup
from server.chance import mean_interval
from server.errors import ServerError
from server.reports import Bin, Kind
from server.sites import PlaceKey, SiteError, check_label

# What is counted: who comes in and goes out (in and out of a line, arrivals and departures of a car park), or the mean present.
Measure = Literal["entries", "exits", "present"]
MEASURES: Final[tuple[Measure, ...]] = get_args(Measure)
COVERED: Final = 0.95
SHORTEST_S: Final = 300
LONGEST_S: Final = 86400
MOST: Final = 1_000_000.0
# The quantile that is used is right to 1 % from three degrees of freedom on.
LEAST: Final = 4
# Of a zone or line whose record names no version.
NO_VERSION: Final = ""


class TallyError(ServerError):
    """A tally that cannot be taken; ``rule`` and ``found`` as `SiteError` has them."""

    def __init__(self, rule: str, text: str, found: object = "") -> None:
        super().__init__(text)
        self.rule = rule
        self.found = str(found)[:80]


@dataclass(frozen=True, slots=True)
class Tally:
    """One count by hand and the box's for the same time; ``coverage`` 0..1; times in seconds since 1970."""

    id: int
    device: str
    camera: str
    name: str
    kind: Kind
    group: ClassGroup
    measure: Measure
    start: int
    end: int
    counted: float
    ours: float
    coverage: float
    version: str
    by: str
    entered_at: int
    entered_by: str

    @property
    def key(self) -> PlaceKey:
        """Of its place."""
        return self.device, self.camera, self.name, self.kind

    @property
    def error(self) -> float:
        """Counted by the box minus true."""
        return self.ours - self.counted


@dataclass(frozen=True, slots=True)
class Found:
    """The count error of one place, class and measure: ``n`` tallies, sums of both, the mean error and its 95 % (None below
    four), the mean without sign, and when the last one ended; ``older`` tallies are of a former shape of the zone.
    """

    key: PlaceKey
    group: ClassGroup
    measure: Measure
    n: int
    counted: float
    ours: float
    mean: float
    interval: tuple[float, float] | None
    absolute: float
    last: int
    older: int

    @property
    def share(self) -> float | None:
        """How much too many (above 0) or too few, of all that were counted by hand."""
        return self.ours / self.counted - 1 if self.counted > 0 else None


def measures_of(kind: Kind) -> tuple[Measure, ...]:
    """What can be tallied at a place of that kind."""
    return ("entries", "exits") if kind == "line" else MEASURES


def check_asked(
    kind: Kind, groups: Sequence[str], group: str, measure: str, counted: float | None, by: str
) -> None:
    """What a person typed.

    Raises:
        TallyError: naming the rule.
    """
    if group not in groups or measure not in measures_of(kind):
        raise TallyError(
            "tally_what", "this class or measure is not counted at this place", f"{group} {measure}"
        )
    if counted is None or not 0 <= counted <= MOST:
        raise TallyError("tally_number", "a number of 0 or more was expected", counted)
    if measure != "present" and counted != round(counted):
        raise TallyError("tally_whole", "passages are whole numbers", counted)
    if not by:
        raise TallyError("tally_by", "say who counted")
    try:
        check_label(by)
    except SiteError as exc:
        raise TallyError("tally_by", str(exc)) from exc


def check_time(start: int, end: int, interval_s: int, last_end: int | None) -> None:
    """When it was.

    Raises:
        TallyError: naming the rule.
    """
    if not SHORTEST_S <= end - start <= LONGEST_S:
        raise TallyError("tally_length", "a tally lasts 5 minutes to 24 hours", end - start)
    if start % interval_s or end % interval_s:
        raise TallyError(
            "tally_grid", f"it must begin and end with an interval of {interval_s} s", interval_s
        )
    if last_end is None or end > last_end:
        raise TallyError("tally_early", "not all figures of that time have arrived, or may be shown, yet")


def own_figure(total: Bin, measure: Measure) -> float:
    """The box's figure of the same time.

    Raises:
        TallyError: when too little of it was observed, or it is not known.
    """
    if total.coverage < COVERED:
        raise TallyError("tally_coverage", "too little of that time was observed", f"{total.coverage:.0%}")
    value = {"entries": total.entries, "exits": total.exits, "present": total.mean}[measure]
    if value is None:
        raise TallyError("tally_unknown", "the box has no figure of that kind for that time")
    return float(value)


def found(tallies: Iterable[Tally], versions: dict[PlaceKey, str]) -> list[Found]:
    """The count errors of places, by key, class and measure; ``versions``: those of their zones now."""
    by_what: dict[tuple[PlaceKey, ClassGroup, Measure], list[Tally]] = {}
    for one in tallies:
        by_what.setdefault((one.key, one.group, one.measure), []).append(one)
    result = []
    for (key, group, measure), every in sorted(by_what.items()):
        now = versions.get(key, NO_VERSION)
        own = [one for one in every if not now or one.version == now]
        if not own:
            continue
        errors = [one.error for one in own]
        result.append(
            Found(
                key,
                group,
                measure,
                len(own),
                sum(one.counted for one in own),
                sum(one.ours for one in own),
                fmean(errors),
                mean_interval(errors) if len(errors) >= LEAST else None,
                fmean(abs(one) for one in errors),
                max(one.end for one in own),
                len(every) - len(own),
            )
        )
    return result
