"""A real browser: the charts are drawn, and the strict policy stops nothing of ours."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
import time

import pytest
import uvicorn

from server.access import SESSION_COOKIE
from tests.server.build import NOON, parking, zone

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed (apt-get install chromium)"
    ),
]


@pytest.fixture
def served(site):
    """The site on a port, every request carrying a planner's session."""
    site.post([zone(n, NOON - 7200 + 60 * n) for n in range(30) if n != 7])
    site.post([parking(100 + n, NOON - 7200 + 60 * n) for n in range(30)])
    cookie = site.client("planner").cookies[SESSION_COOKIE]

    async def app(scope, receive, send):
        if scope["type"] == "http":
            headers = [*scope["headers"], (b"cookie", f"{SESSION_COOKIE}={cookie}".encode())]
            scope = scope | {"headers": headers}
        await site.app(scope, receive, send)

    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def dump(url: str, folder) -> tuple[str, str]:
    """The page after its scripts ran, and what the console said."""
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder}",
            "--enable-logging=stderr",
            "--virtual-time-budget=3000",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


@pytest.mark.parametrize("path", ["/zones/box-a/north/lawn", "/zones/box-a/north/p1"])
def test_a_browser_draws_both_charts_under_the_strict_policy(served, tmp_path, path):
    dom, console = dump(served + path, tmp_path / "profile")
    assert console == ""
    assert len(re.findall(r"<canvas", dom)) == 2
    assert len(re.findall(r'class="uplot', dom)) == 2
    assert "<h1>" in dom
