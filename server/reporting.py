"""From the store to a report: which places, their sums, where they come from. Two readings of hours a place, no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from contract.names import ClassGroup
from server import scopes
from server.reading import HOUR_S, LINE_KINDS, ZONE_KINDS, Period, Reader, View
from server.report_document import Document, document
from server.report_parts import Cell, Table, count, name, word
from server.report_tables import Measured
from server.reports import DAY, OccupancyReport, Row, Step, edges, report
from server.schedule import Span, before, midnight
from server.sites import Site, place_label
from server.store.base import Store
from server.store.desk_base import Origin, ZoneVersion
from server.tally_reading import errors_of

_ORIGINS: Final = (
    "rep.place",
    "rep.device",
    "rep.version",
    "rep.since",
    "rep.purpose",
    "rep.capacity",
    "rep.model",
    "rep.software",
)


class NothingToReport(ValueError):  # noqa: N818 - named for the state, which readers are told
    """The scope holds no place, or too many."""


def views_of(reader: Reader, scope: str) -> list[View]:
    """The places of a scope.

    Raises:
        NothingToReport: for none, or for more than one report can hold.
    """
    found = _views(reader, scope)
    if not found:
        raise NothingToReport(
            f"{scope}: nothing has been delivered under this name; see the overview for names"
        )
    if len(found) > scopes.MOST:
        raise NothingToReport(
            f"{scope}: holds {len(found)} places, a report at most {scopes.MOST}; choose a box or a camera"
        )
    return found


def _views(reader: Reader, scope: str) -> list[View]:
    parts = scope.split("/")
    if len(parts) == 3:
        # One place is asked for by its name: a town's other places need not be looked at.
        both = (reader.view(parts[0], parts[1], parts[2], kinds) for kinds in (ZONE_KINDS, LINE_KINDS))
        return [view for view in both if view is not None]
    return [view for view in reader.views() if scopes.holds(scope, view.place)]


def build(
    reader: Reader, store: Store, scope: str, span: Span, *, now: float, tz: ZoneInfo, language: str = "fr"
) -> Document:
    """The report of a scope over a period; places are called as people call them in ``language``.

    Raises:
        NothingToReport: when the scope holds no place, or too many.
        ValueError: for a scope that is none, or a period that begins in the future.
    """
    scopes.checked(scope)
    if span.bounds(tz)[0] > now:
        raise ValueError(f"period: {span.name} has not begun yet; choose an earlier one")
    found: list[Measured] = []
    origins: list[tuple[Cell, ...]] = []
    details = store.sites.details()
    views = views_of(reader, scope)
    for view in views:
        own = _measure(reader, view, span, tz, place_label(details, view.place, language))
        found += own
        origins += _origins(store, view, own[0].rows, span, tz)
    called = "" if scope == scopes.ALL else scopes.label(scope, details, sites_of(store), language)
    errors = errors_of(reader, store, views)
    told = Table("origins", _ORIGINS, tuple(origins))
    return document(scope, span, found, told, made_at=int(now), tz=tz, called=called, errors=errors)


def sites_of(store: Store) -> dict[str, Site]:
    """All sites by their ids."""
    return {site.id: site for site in store.sites.sites()}


def delivered_until(reader: Reader, scope: str) -> int | None:
    """Up to when every place of a scope has delivered; None where one never did."""
    ends = [view.last_end for view in _views(reader, scope)]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def _measure(reader: Reader, view: View, span: Span, tz: ZoneInfo, label: str) -> list[Measured]:
    """Every class group of one place."""
    past, (start, end) = before(span), span.bounds(tz)
    start_before = midnight(past.first, tz)
    rows = reader.sums(view, start_before, end)
    own = [row for row in rows if row.start >= start]
    return [
        Measured(
            key=scopes.path(view.place),
            label=label,
            kind=view.place.kind,
            group=group,
            purpose=view.purpose,
            capacity=view.capacity,
            hours=_binned(own, view, group, (start, end), 3600, tz),
            days=_days(reader, own, view, group, (start, end), tz),
            before=_days(reader, rows, view, group, (start_before, start), tz).bins,
            rows=own,
        )
        for group in view.groups
    ]


def _days(
    reader: Reader, rows: Sequence[Row], view: View, group: ClassGroup, period: tuple[int, int], tz: ZoneInfo
) -> OccupancyReport:
    # Where local days begin within a UTC hour, hours cannot be cut into days and the quarters are read.
    if any(border % HOUR_S for border in edges(*period, DAY, tz)):
        return reader.report(view, group, Period(*period, DAY))
    return _binned(rows, view, group, period, DAY, tz)


def _binned(
    rows: Sequence[Row], view: View, group: ClassGroup, period: tuple[int, int], step: Step, tz: ZoneInfo
) -> OccupancyReport:
    # What lies in the future is no gap; of a period that is over, all has elapsed.
    until = min(period[1], max(period[0] + 1, view.until))
    return report(
        rows,
        kind=view.place.kind,
        group=group,
        step=step,
        borders=edges(*period, step, tz),
        until=until,
        capacity=view.capacity,
    )


def _origins(
    store: Store, view: View, rows: Sequence[Row], span: Span, tz: ZoneInfo
) -> list[tuple[Cell, ...]]:
    """One line for each version of the zone, model and software that a figure rests on."""
    place, (start, end) = view.place, span.bounds(tz)
    met = {row.version for row in rows}
    versions = {own.version: own for own in store.origins.versions(place, sorted(met))}
    runs = store.origins.runs(place, start, end)
    made: dict[tuple[str, str, str], Origin] = {}
    for run in runs:
        made.setdefault((run.model, run.model_sha256, run.software), run)
    in_turn = sorted(met, key=lambda own: versions[own].first_at if own in versions else 0)
    counted: list[Origin | None] = [*made.values()] or [None]
    return [_origin(view, each, versions.get(each), run) for each in in_turn for run in counted]


def _origin(view: View, version: str, zone: ZoneVersion | None, run: Origin | None) -> tuple[Cell, ...]:
    place = view.place
    purpose = zone.purpose if zone else None
    since = zone.first_at if zone else run.at if run else None
    return (
        name(place.name),
        name(f"{place.device} / {place.camera}"),
        name(version or "-"),
        Cell(since, "day") if since is not None else word("rep.unknown"),
        word(f"rep.purpose.{purpose}" if purpose else "rep.unknown"),
        count(zone.capacity if zone else None),
        name(f"{run.model} ({run.model_sha256[:12]})") if run else word("rep.unknown"),
        name(run.software) if run else word("rep.unknown"),
    )
