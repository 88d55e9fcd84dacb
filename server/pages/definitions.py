"""What each figure is: in words, as a formula, and what it cannot say."""

from __future__ import annotations

from typing import Final

from fastapi import Request
from starlette.responses import Response

from server.access import ANYONE_LOGGED_IN, Route
from server.pages.render import page

# Anchors that pages link to; they stay when texts change.
NAMES: Final = (
    "coverage",
    "gap",
    "mean",
    "peak",
    "rate",
    "full",
    "moves",
    "turnover",
    "lengths",
    "days",
    "week",
    "delay",
    "forecast",
    "chance",
    "backtest",
    "compare",
    "interval",
    "ranking",
    "area",
    "error",
)


def definitions(request: Request) -> Response:
    """The page of definitions."""
    return page(request, "definitions.html", names=NAMES)


ROUTES: Final = (Route("GET", "/definitions", definitions, ANYONE_LOGGED_IN),)
