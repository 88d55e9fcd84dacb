"""GET /public/v1/sites/{site}/table: the one table that anyone may read, of sites that were made public.

Rules:
1. Day and step, nothing else: a range of one's own choice could be subtracted from another one.
2. A day has the same figures for ever (`server.publishing`), so caches may keep it.
3. A site that is not public is answered like one that does not exist.
"""

from __future__ import annotations

import hashlib
import re
import threading
from datetime import date
from typing import Any, Final

from fastapi import Request
from starlette.datastructures import QueryParams
from starlette.responses import JSONResponse, Response

from server.access import PUBLIC, Route, settings_of, store_of
from server.api.reports import utc_text
from server.guard import problem
from server.pages.figures import csv_cell
from server.public_table import PUBLIC_STEPS
from server.publishing import NotPublished, Publisher
from server.suppression import HIDDEN, SMALL

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FIRST_YEAR: Final = 2024
LAST_YEAR: Final = 2105
CACHE: Final = "public, max-age=86400"
# Anyone may ask, and a day may take seconds to make; boxes and people share the server's threads with them.
AT_ONCE: Final = 8
# Flows under the names of what was counted: entries and exits of a zone, of a car park, of a line.
MOVES: Final = {"zone": ("entries", "exits"), "parking": ("arrivals", "departures"), "line": ("in", "out")}
COLUMNS: Final = (
    "site", "device", "camera", "kind", "name", "class", "start", "end", "observed_s", "coverage",
    "mean_occupancy", "mean_occupied_bays", "occupancy_rate", "peak",
    "entries", "exits", "arrivals", "departures", "in", "out",
)  # fmt: skip


def wish(query: QueryParams) -> tuple[str, date]:
    """Step and day of a query.

    Raises:
        ValueError: for anything but one of each, written as documented.
    """
    if sorted(name for name, _ in query.multi_items()) != ["day", "step"]:
        raise ValueError("the public table takes step and day, each once, and nothing else")
    steps = [str(step) for step in PUBLIC_STEPS]
    if query["step"] not in steps:
        raise ValueError(f"step must be one of {', '.join(steps)}")
    try:
        day = date.fromisoformat(query["day"]) if _DAY.fullmatch(query["day"]) else None
    except ValueError:
        day = None
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(f"day must be a date within {FIRST_YEAR}..{LAST_YEAR}, written like 2026-11-21")
    return query["step"], day


def _figure(value: Any, k: int) -> Any:
    return f"<{k}" if value == SMALL else value


def _bin_json(one: dict[str, Any], counted: str, k: int) -> dict[str, Any]:
    """One bin under the names of its kind."""
    figures: dict[str, Any] = {
        "start": utc_text(one["start"]),
        "end": utc_text(one["end"]),
        "observed_s": one["observed_s"],
        "coverage": one["coverage"],
    }
    if counted != "line":
        mean = "mean_occupied_bays" if counted == "parking" else "mean_occupancy"
        figures[mean] = one["mean"]
        figures["peak"] = _figure(one["peak"], k)
    if counted == "parking":
        figures["occupancy_rate"] = one["rate"]
    for name, value in zip(MOVES[counted], (one["entries"], one["exits"]), strict=True):
        figures[name] = _figure(value, k)
    return figures


def table_json(document: dict[str, Any], step: str) -> dict[str, Any]:
    """The answer for one step of a published day."""
    k = document["k"]
    places = [
        {
            "device": place["device"],
            "camera": place["camera"],
            "line" if place["counted"] == "line" else "zone": place["name"],
            "kind": place["kind"],
            "class": place["class"],
            "bins": [_bin_json(one, place["counted"], k) for one in place["bins"][step]],
        }
        for place in document["places"]
    ]
    return {
        "site": document["site"],
        "day": document["day"],
        "timezone": document["timezone"],
        "start": utc_text(document["start"]),
        "end": utc_text(document["end"]),
        "step": step if step == "day" else int(step),
        "least_count": k,
        "legend": {
            f"<{k}": f"fewer than {k}",
            HIDDEN: "withheld, so that no small count can be worked out",
            "null": "nothing was observed",
        },
        "places": places,
    }


def table_csv(table: dict[str, Any]) -> str:
    """The same as CSV: UTC times, decimal points; an empty cell is a figure that this place or bin has not."""
    rows = [",".join(COLUMNS)]
    for place in table["places"]:
        fixed = {"site": table["site"], **place, "name": place.get("zone") or place.get("line")}
        for one in place["bins"]:
            cells = {**fixed, **one}
            rows.append(",".join(csv_cell(cells.get(column)) for column in COLUMNS))
    return "\r\n".join(rows) + "\r\n"


class Public:
    """The endpoint, as JSON and as CSV."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._slots = threading.BoundedSemaphore(AT_ONCE)

    def _bounded(self, request: Request, *, csv: bool) -> Response:
        if not self._slots.acquire(blocking=False):
            return problem(503, "overloaded", "too many ask at once", {"Retry-After": "5"})
        try:
            return self._answer(request, csv=csv)
        finally:
            self._slots.release()

    def _answer(self, request: Request, *, csv: bool) -> Response:
        settings = settings_of(request)
        site = next((s for s in settings.public_sites if s.name == request.path_params["site"]), None)
        if site is None:
            return problem(404, "not_found", "no site is public under this name")
        try:
            step, day = wish(request.query_params)
        except ValueError as exc:
            return problem(400, "bad_query", str(exc))
        try:
            document = self._publisher.document(store_of(request), settings, site, day)
        except NotPublished as exc:
            return problem(404, "not_published", str(exc))
        table = table_json(document, step)
        answer: Response = JSONResponse(table)
        if csv:
            answer = Response(table_csv(table), media_type="text/csv; charset=utf-8")
            name = f"parvis-{site.name}-{day.isoformat()}-{step}.csv"
            answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        tag = f'"{hashlib.sha256(bytes(answer.body)).hexdigest()[:32]}"'
        if tag in request.headers.get("if-none-match", ""):
            answer = Response(status_code=304)
        answer.headers["ETag"], answer.headers["Cache-Control"] = tag, CACHE
        return answer

    def table(self, request: Request) -> Response:
        """The table of one day at one step."""
        return self._bounded(request, csv=False)

    def csv(self, request: Request) -> Response:
        """The same as CSV."""
        return self._bounded(request, csv=True)

    def routes(self) -> list[Route]:
        """The two ways to it."""
        return [
            Route("GET", "/public/v1/sites/{site}/table", self.table, PUBLIC),
            Route("GET", "/public/v1/sites/{site}/table.csv", self.csv, PUBLIC),
        ]
