"""The soak itself: starts everything, lets faults come and go, and gathers what is asked at the end."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

import psutil

from bench.soak.box import DEVICE, Box
from bench.soak.camera import FilmCamera
from bench.soak.figures import Grid, Result, Said, Spell, Stored, grid, lies, slope_per_hour, thirds
from bench.soak.plan import endless, faults
from bench.soak.town import ROOT, Link, Server
from edge.status_page import ask

log = logging.getLogger("bench.soak")

TICK_S: Final = 2.0
WARM_S: Final = 1800.0
DRAIN_S: Final = 180.0
# A picture may have been under way, and the last one holds for a moment: these seconds of an outage prove nothing.
MARGIN_S: Final = 15.0


class Soak:
    """One soak of ``seconds`` in a folder; each fault lasts ``fault_s`` (or as long as it needs), then peace for ``rest_s``."""

    def __init__(self, folder: Path, seconds: float, fault_s: float, rest_s: float) -> None:
        self._seconds, self._fault_s, self._rest_s = seconds, fault_s, rest_s
        self.camera = FilmCamera(ROOT / "sample_videos" / "square.mp4")
        self.server = Server(folder / "server")
        token = self.server.token(DEVICE)
        self.server.start()
        self.link = Link(self.server.port)
        self.box = Box(folder, self.camera.source, self.link.url, token)
        self._spells: list[Spell] = []
        self._said: list[Said] = []
        self._waiting: int | None = None
        self._samples: list[tuple[float, dict[str, float]]] = []

    def run(self) -> Result:
        """Start, soak, drain, stop, ask."""
        try:
            self._began, self._unix = time.monotonic(), time.time()
            self.box.start()
            self._soak()
            drained_s = self._drain()
            code = self.box.stop()
            return self._asked(code, drained_s)
        finally:
            if self.box.process.poll() is None:
                self.box.process.kill()
            self.server.kill()
            self.box.remove()

    def _at(self) -> float:
        return time.monotonic() - self._began

    def _soak(self) -> None:
        self._stay(self._rest_s)
        for fault in endless(faults(self.camera, self.server, self.link, self.box)):
            lasts_s = max(self._fault_s, fault.least_s)
            # A fault that would not fit is left out; a soak too short for any has none.
            if self._at() + self._fault_s + self._rest_s > self._seconds:
                break
            if self._at() + lasts_s + self._rest_s > self._seconds:
                continue
            log.info("%6.0f s: %s", self._at(), fault.name)
            spell = Spell(fault, self._at())
            self._spells.append(spell)
            fault.begin()
            self._stay(lasts_s)
            fault.end()
            spell.end = self._at()
            self._stay(self._rest_s)
        self._stay(self._seconds - self._at())

    def _stay(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._look()
            time.sleep(max(0.0, min(TICK_S, end - time.monotonic())))

    def _look(self) -> None:
        if self.box.process.poll() is not None:
            raise SystemExit(f"the box ended by itself: see {self.box.folder / 'box.log'}")
        at = self._at()
        figures = self.box.figures()
        if self.server.process is not None:
            figures["server_rss"] = psutil.Process(self.server.process.pid).memory_info().rss / 1e6
        quiet = all(not spell.begin <= at <= spell.end + 0.5 * self._rest_s for spell in self._spells)
        figures["quiet"] = float(quiet)
        self._samples.append((at, figures))
        try:
            told: dict[str, Any] = json.loads(ask("127.0.0.1", self.box.port, "/healthz")[1])
        except (OSError, ValueError):
            self._said.append(Said(at, None))
            return
        self._said.append(Said(at, frozenset(reason["reason"] for reason in told["reasons"])))
        self._waiting = (
            None if told["spool"] is None else told["spool"]["records"] + told["spool"]["in_memory"]
        )

    def _drain(self) -> float | None:
        """Seconds until nothing waits any more; None when it did not come to that."""
        began = time.monotonic()
        while time.monotonic() - began < DRAIN_S:
            self._look()
            if self._waiting == 0:
                return round(time.monotonic() - began, 1)
            time.sleep(1)
        return None

    def _asked(self, code: int, drained_s: float | None) -> Result:
        totals, waiting = self.box.totals()
        keys = [str(key) for (key,) in self.server.rows("SELECT key FROM records")]
        runs = Counter(key.rpartition("/")[0] for key in keys)
        last = {run: max(int(k.rpartition("/")[2]) for k in keys if k.startswith(run)) for run in runs}
        kinds = Counter(spell.fault.name for spell in self._spells)
        judged = [one for one in self._samples if one[0] >= min(WARM_S, self._at() / 4)]
        span_s = judged[-1][0] - judged[0][0]
        everywhere = {fault.name for fault in faults(self.camera, self.server, self.link, self.box)}
        rss = self._series("rss", judged)
        return Result(
            minutes=round(self._at() / 60, 1),
            faults=dict(kinds),
            left_out=sorted(everywhere - set(kinds))
            + [
                name
                for name, there in (("disk", self.box.has_disk), ("clock", self.box.has_clock))
                if not there
            ],
            closed=totals.closed,
            stored=len(keys),
            waiting=len(waiting),
            missing=totals.closed - len({*keys, *waiting}),
            rejected=totals.rejected,
            dropped=totals.dropped,
            merged=totals.merged,
            quarantined=len(self.server.rows("SELECT 1 FROM records WHERE quarantine IS NOT NULL")),
            out_of_row=sum(last[run] + 1 - count for run, count in runs.items()) - len(waiting),
            grid=self._grid(),
            lies=lies(self._spells, self._said),
            silent=sum(said.reasons is None for said in self._said if said.at > self._rest_s),
            exit_code=code,
            drained_s=drained_s,
            rss_mb=_rounded(thirds(rss)),
            rss_mb_per_hour=None if (slope := slope_per_hour(rss)) is None else round(slope, 2),
            judged_minutes=round(span_s / 60, 1),
            capture_rss_mb=_rounded(thirds(self._series("capture_rss", judged, quiet=True))),
            server_rss_mb=_rounded(thirds(self._series("server_rss", judged, quiet=True))),
            files=thirds(self._series("files", judged, quiet=True)),
            threads=thirds(self._series("threads", judged, quiet=True)),
            spool_mb=round(max(one["spool"] for _, one in self._samples), 2),
            wal_mb=round(max(one["wal"] for _, one in self._samples), 2),
            cpu_percent=round(100 * (judged[-1][1]["cpu_s"] - judged[0][1]["cpu_s"]) / span_s, 1),
            told_after_s=self._told(),
        )

    @staticmethod
    def _series(
        name: str, samples: list[tuple[float, dict[str, float]]], *, quiet: bool = False
    ) -> list[tuple[float, float]]:
        return [(at, one[name]) for at, one in samples if name in one and (one["quiet"] or not quiet)]

    def _grid(self) -> Grid:
        query = "SELECT camera || '/' || name || '/' || kind, start, interval_s, observed_s, lost_s FROM intervals"
        rows = [Stored(*row) for row in self.server.rows(query)]  # type: ignore[arg-type]
        blind = [
            (self._unix + spell.begin + MARGIN_S, self._unix + spell.end)
            for spell in self._spells
            if spell.fault.blind
        ]
        return grid(rows, blind)

    def _told(self) -> dict[str, list[float | None]]:
        """Of each fault that must be told: after how many seconds it was, each time."""
        found: dict[str, list[float | None]] = {}
        for spell in self._spells:
            if spell.fault.told and spell.end - spell.begin > spell.fault.told_s:
                moments = [
                    said.at - spell.begin
                    for said in self._said
                    if said.reasons
                    and said.reasons & spell.fault.told
                    and spell.begin <= said.at <= spell.end
                ]
                found.setdefault(spell.fault.name, []).append(round(moments[0], 1) if moments else None)
        return found


def _rounded(pair: tuple[float, float]) -> tuple[float, float]:
    return round(pair[0], 1), round(pair[1], 1)
