"""A real browser draws the planners' charts."""

from __future__ import annotations

import re
import shutil
import threading
import time

import pytest
import uvicorn

from server.access import SESSION_COOKIE
from tests.server.test_browser import CHROMIUM, dump
from tests.server.test_outlook import feed

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed (apt-get install chromium)"
    ),
]


@pytest.fixture
def served(site):
    feed(site, 42)
    cookie = site.client("planner").cookies[SESSION_COOKIE]

    async def app(scope, receive, send):
        if scope["type"] == "http":
            headers = [*scope["headers"], (b"cookie", f"{SESSION_COOKIE}={cookie}".encode())]
            scope = scope | {"headers": headers}
        await site.app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize(
    ("path", "charts"),
    [
        ("/zones/box-a/north/lawn/forecast", 1),
        ("/compare/places?p_from=2026-10-12&p_to=2026-11-21", 1),
        ("/zones/box-a/north/lawn?span=year", 2),
        ("/zones/box-a/north/lawn?span=week", 2),
    ],
)
def test_the_charts_are_drawn_under_the_strict_policy(served, tmp_path, path, charts):
    assert shutil.which(CHROMIUM)
    dom, console = dump(served + path, tmp_path / "profile")
    assert console == ""
    assert len(re.findall(r"<canvas", dom)) == charts
    assert len(re.findall(r'class="uplot', dom)) == charts
