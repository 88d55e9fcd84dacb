"""What may be read, and when: the one way from the store to a report, for pages and JSON alike.

Rule: a figure whose zone's purpose is `statistics`, or unknown, exists here only once its interval ended
``statistics_delay_s`` ago. Lines have no purpose on the wire and are held back too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from contract.batch import ConfigRecord
from contract.messages import ZoneConfig, format_time
from contract.names import GROUP_OF, GROUPS, ClassGroup, Purpose
from server.reports import (
    DAY,
    GRAIN_S,
    STEPS,
    Kind,
    OccupancyReport,
    Row,
    Step,
    edges,
    fitting_step,
    grain,
    report,
)
from server.settings import Settings
from server.store.base import Place, Store

ZONE_KINDS: Final[tuple[Kind, ...]] = ("zone", "parking")
LINE_KINDS: Final[tuple[Kind, ...]] = ("line",)
DEFAULT_LENGTH_S: Final = 86400
HOUR_S: Final = 3600
# Records travel: an interval that ended this recently may simply not have arrived, which is no blindness.
TRANSIT_S: Final = 180


@dataclass(frozen=True, slots=True)
class View:
    """A place together with what its box says about it and up to when it may be shown.

    ``until`` seconds since 1970; ``last_end`` the end of the last interval that may be shown, if any;
    ``configured`` whether the classes come from its box's configuration and not from what was counted.
    """

    place: Place
    purpose: Purpose | None
    kind: str
    groups: tuple[ClassGroup, ...]
    capacity: int | None
    until: int
    last_end: int | None
    configured: bool


@dataclass(frozen=True, slots=True)
class Period:
    """What was asked for; None where the reader leaves the choice to the data."""

    start: int | None = None
    end: int | None = None
    step: Step | None = None


class KeptByTheHour(ValueError):  # noqa: N818 - named for the state, which readers are told
    """Finer figures were asked for than are still kept."""


def _only_hours(place: Place, start: int) -> bool:
    """Whether of some of what began at ``start`` or later only the hours are left."""
    return max(start, place.first_start) < place.purged_before


def _groups(config: ConfigRecord | None, place: Place, zone: ZoneConfig | None) -> tuple[ClassGroup, ...]:
    if place.kind == "parking":
        return ("vehicle",)
    line = next((ln for ln in config.lines if ln.id == place.name), None) if config else None
    known = zone if place.kind == "zone" else line
    if known is None:
        return ()
    return tuple(group for group in GROUPS if any(GROUP_OF[name] == group for name in known.classes))


class Reader:
    """Reports of one store under one set of settings."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    @property
    def tz(self) -> ZoneInfo:
        """The time zone in which days are cut."""
        return self._settings.zone_info

    @property
    def now(self) -> int:
        """Seconds since 1970 by the server's clock."""
        return int(self._settings.clock())

    def views(self) -> list[View]:
        """Everything that ever sent an interval."""
        places = self._store.records.places()
        configs = {
            (device, camera): self._store.records.config(device, camera)
            for device, camera in {(place.device, place.camera) for place in places}
        }
        return [self._view(place, configs[place.device, place.camera]) for place in places]

    def view(self, device: str, camera: str, name: str, kinds: Sequence[Kind]) -> View | None:
        """One place."""
        place = self._store.records.place(device, camera, name, kinds)
        return self._view(place, self._store.records.config(device, camera)) if place else None

    def _view(self, place: Place, config: ConfigRecord | None) -> View:
        zone = next((z for z in config.zones if z.id == place.name), None) if config else None
        if place.kind == "line":
            zone = None
        purpose = zone.purpose if zone else None
        now = int(self._settings.clock())
        until = now if purpose == "operational" else now - self._settings.statistics_delay_s
        last_end = self._store.records.last_end(place, until)
        known = _groups(config, place, zone)
        groups = known or self._seen(place, last_end)
        kind = zone.kind if zone else {"zone": "area", "parking": "parking", "line": "line"}[place.kind]
        return View(
            place,
            purpose,
            kind,
            groups,
            zone.capacity if zone else None,
            until,
            last_end,
            configured=bool(known),
        )

    def _seen(self, place: Place, last_end: int | None) -> tuple[ClassGroup, ...]:
        """Without a configuration: what was counted on the last day, for a class never looked for is not 0."""
        last = last_end or 0
        end = last + -last % HOUR_S
        # Of what was purged there are whole hours only.
        until = max(last, min(end, place.purged_before))
        rows = self._store.records.rows(place, end - DEFAULT_LENGTH_S, end, until, HOUR_S)
        seen = {GROUP_OF[name] for row in rows for name in row.counts}
        return tuple(group for group in GROUPS if group in seen) or ("person",)

    def window(self, view: View, period: Period) -> tuple[int, int, Step]:
        """Start, end and step: those asked for, else the last day of the data or all of it when shorter."""
        last = view.last_end if view.last_end is not None else view.until
        end = period.end if period.end is not None else last
        start = period.start
        if start is None:
            start = max(end - DEFAULT_LENGTH_S, min(view.place.first_start, end - view.place.interval_s))
        step = period.step
        if step is None:
            step = fitting_step(end - start, view.place.interval_s)
            if step != DAY and step % HOUR_S and _only_hours(view.place, start):
                step = HOUR_S
        return start, end, step

    def latest(self, view: View) -> Period:
        """The last interval that may be shown; of a place that fell silent long ago, its last hour."""
        end = view.until if view.last_end is None else view.last_end
        start, step = end - view.place.interval_s, view.place.interval_s
        if not _only_hours(view.place, start):
            return Period(start, end, step)
        hour = start - start % HOUR_S
        return Period(hour, hour + HOUR_S, HOUR_S)

    def quarters(self, view: View, start: int, end: int) -> list[Row]:
        """Sums per quarter of an hour over ``[start, end)``, of what may be shown."""
        return self._store.records.rows(view.place, start, end, view.until, GRAIN_S)

    def sums(self, view: View, start: int, end: int) -> list[Row]:
        """Sums per UTC hour over ``[start, end)``, of what may be shown."""
        return self._store.records.rows(view.place, start, end, view.until, HOUR_S)

    def hours(self, view: View, group: ClassGroup, start: int, end: int) -> tuple[OccupancyReport, list[Row]]:
        """The report by UTC hours over ``[start, end)`` and the rows that it was made of, read once."""
        borders = edges(start, end, HOUR_S, self.tz)
        rows = self.sums(view, borders[0], borders[-1])
        made = report(
            rows,
            kind=view.place.kind,
            group=group,
            step=HOUR_S,
            borders=borders,
            until=self._elapsed(view),
            capacity=view.capacity,
        )
        return made, rows

    def _elapsed(self, view: View) -> int:
        """Up to when time counts as elapsed: what ended just now may still be on its way."""
        until = view.until
        if view.last_end is not None and 0 <= until - view.last_end <= TRANSIT_S + view.place.interval_s:
            until = view.last_end
        return until

    def report(self, view: View, group: ClassGroup, period: Period = Period()) -> OccupancyReport:
        """The report of one place and class group.

        Raises:
            KeptByTheHour: for a finer step than is still kept.
            ValueError: for a period or step that cannot be reported.
        """
        start, end, step = self.window(view, period)
        borders = edges(start, end, step, self._settings.zone_info)
        grain_s = grain(step, borders)
        if grain_s % HOUR_S and _only_hours(view.place, borders[0]):
            since = format_time(datetime.fromtimestamp(view.place.purged_before, UTC))
            raise KeptByTheHour(
                f"what was counted before {since} is kept by whole UTC hours: choose a step of 3600 s or, where"
                " local days begin on such an hour, of a day; or a later start"
            )
        if step == DAY and grain_s % HOUR_S == 0:
            rows = self._store.days.rows(view.place, borders, view.until)
        else:
            rows = self._store.records.rows(view.place, borders[0], borders[-1], view.until, grain_s)
        longest = max((row.interval_s for row in rows), default=0)
        if step != DAY and longest > step:
            if period.step is not None:
                raise ValueError(f"step must be at least the records' interval of {longest} s")
            finer = next(s for s in STEPS if s == DAY or s >= longest)
            return self.report(view, group, Period(start, end, finer))
        return report(
            rows,
            kind=view.place.kind,
            group=group,
            step=step,
            borders=borders,
            until=self._elapsed(view),
            capacity=view.capacity,
        )
