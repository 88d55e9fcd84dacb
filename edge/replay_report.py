"""What a replay says at its end: every figure of the run added up, for people and as JSON. Part of the composition root."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from contract.messages import AnomalyBody, Body, GridBody
from edge.counters import CameraCounters
from edge.drift import Balance
from edge.ground_report import GroundReport
from edge.pipeline import Pipeline
from edge.records import Frame
from edge.replay import Replay
from edge.totals import BAYS, FIGURES, Figures, Kind, totals

Row = tuple[Kind, str, str, Figures]

COLUMNS = ("mean", "peak", "entries", "exits", "drift", "arrivals", "departures", "turnover", "in", "out")


class ReplayReport:
    """Collects one replay: give it every frame and every record."""

    def __init__(self, job: Replay) -> None:
        self._job = job
        self._ground = GroundReport.of(job.layout, job.confidence)
        self._bodies: list[Body] = []

    def frame(self, frame: Frame, pipeline: Pipeline, _: CameraCounters) -> None:
        """A frame that was counted."""
        if self._ground is not None:
            self._ground.frame(pipeline.tracks, frame.at)

    def record(self, body: Body) -> None:
        """A record that closed."""
        if not isinstance(body, GridBody):
            self._bodies.append(body)
        if self._ground is not None:
            self._ground.record(body)

    def summary(self) -> dict[str, Any]:
        """``totals``: a row for each place and class (`edge.totals`), with drift or turnover; ``ground`` if configured.

        ``cases``, where a road is watched: what lay or stood there, from and to seconds of the video; to null: its end.
        """
        rows = [
            {"kind": kind, "place": place, "class": name, **figures}
            for kind, place, name, figures in self._rows()
        ]
        return {
            "totals": rows,
            **({} if self._ground is None else {"ground": self._ground.summary()}),
            **({"cases": self._cases()} if self._job.roads.watches else {}),
        }

    def tables(self) -> list[Table]:
        """The totals for people: zones, parking and lines, without the classes that never came."""
        tables = []
        for kind in ("zone", "parking", "line"):
            rows = [row for row in self._rows() if row[0] == kind]
            shown = [row for row in rows if any(row[3].values())] or rows[:1]
            if shown:
                tables.append(_table(shown))
        return tables

    def ground_lines(self) -> list[str]:
        """Areas, densities and speeds for people: one line a zone, none without ground points."""
        return [] if self._ground is None else self._ground.lines()

    def case_lines(self) -> list[str]:
        """What lay or stood on the roads, for people: a line a case, none where no road is watched."""
        if not self._job.roads.watches:
            return []
        return [
            f"  {case['zone']}: {case['kind'].replace('_', ' ')} from {case['from_s']:.0f} s"
            + (" to the end" if case["to_s"] is None else f" to {case['to_s']:.0f} s")
            + ("" if case["size_m"] is None else f", {case['size_m']:.1f} m")
            for case in self._cases()
        ] or ["  nothing lay or stood on the roads"]

    def _cases(self) -> list[dict[str, Any]]:
        start = self._job.config.at
        latest = {body.case: body for body in self._bodies if isinstance(body, AnomalyBody)}
        return [
            {
                "case": body.case,
                "kind": body.kind,
                "zone": body.zone,
                "from_s": (body.first_seen - start).total_seconds(),
                "to_s": (body.last_seen - start).total_seconds() if body.state == "cleared" else None,
                "size_m": body.size_m,
            }
            for body in latest.values()
        ]

    def _rows(self) -> Iterator[Row]:
        balances, watched = self._job.counters.balances, self._job.counters.watched
        for zone in self._job.layout.zones:
            kind: Kind = "parking" if zone.kind == "parking" else "zone"
            found = totals(self._bodies, kind, zone.id)
            if kind == "parking":
                bays = watched.bays.get(zone.id)
                extra = {} if bays is None else {"turnover": round(bays.vehicles / len(bays), 3)}
                yield kind, zone.id, BAYS, {**_nothing(kind), **found.get(BAYS, {}), **extra}
                continue
            for name in zone.classes:
                drift = balances[zone.id].get(name, Balance()).drift
                yield kind, zone.id, name, {**_nothing(kind), **found.get(name, {}), "drift": drift}
        for line in self._job.layout.lines:
            found = totals(self._bodies, "line", line.id)
            for name in line.classes:
                yield "line", line.id, name, {**_nothing("line"), **found.get(name, {})}


def _nothing(kind: Kind) -> Figures:
    return dict.fromkeys(FIGURES[kind], 0)


def _table(rows: Sequence[Row]) -> Table:
    columns = [name for name in COLUMNS if any(name in figures for *_, figures in rows)]
    table = Table(rows[0][0], *columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns[1:]:
        column.justify = "right"
    for _, place, name, figures in rows:
        label = place if name == BAYS else f"{place}, {name}"
        table.add_row(label, *(_text(column, figures[column]) for column in columns))
    return table


def _text(column: str, value: float) -> str:
    if column in ("mean", "turnover"):
        return f"{value:.2f}"
    return f"{value:+.0f}" if column == "drift" and value else f"{value:.0f}"
