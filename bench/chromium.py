"""Debian's Chromium, driven over a pipe by the protocol of its own tools: opens pages, runs scripts, takes pictures.

Nothing but the standard library: commands go into the browser's file descriptor 3 and answers come out of 4, as JSON that
ends with a zero byte.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, Self

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
WAIT_S: Final = 120.0
PHONE: Final = 390
DESKTOP: Final = 1440
Scheme = Literal["light", "dark"]


class BrowserError(RuntimeError):
    """The browser did not do what it was told."""


class Page:
    """One tab."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._number = 0
        self._rest = b""
        self._events: list[dict[str, Any]] = []
        self._session = ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            part = os.read(self._receive, 1 << 16)
            if not part:
                raise BrowserError("the browser has gone")
            self._rest += part
        message, self._rest = self._rest.split(b"\0", 1)
        found: dict[str, Any] = json.loads(message)
        return found

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command and its answer.

        Raises:
            BrowserError: when the browser refuses it.
        """
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._events.append(answer)

    def cookie(self, origin: str, name: str, value: str) -> None:
        """Have a cookie sent."""
        self.call("Network.setCookie", url=origin, name=name, value=value)

    def look(self, width: int, scheme: Scheme = "light", height: int = 900, scale: float = 1.0) -> None:
        """Be so wide, and wish for that colour scheme."""
        mobile = width < 600
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=mobile,
        )
        self.call(
            "Emulation.setEmulatedMedia",
            media="screen",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def open(self, url: str, settle_s: float = 0.3) -> None:
        """Go to a page; returns when it and its scripts have been loaded and run."""
        self._events.clear()
        self.call("Page.navigate", url=url)
        until = time.monotonic() + WAIT_S
        while not any(event.get("method") == "Page.loadEventFired" for event in self._events):
            if time.monotonic() > until:
                raise BrowserError(f"{url}: not loaded within {WAIT_S:.0f} s")
            self._events.append(self._next())
        self.run(f"new Promise(done => setTimeout(done, {1000 * settle_s}))")

    def said(self) -> list[str]:
        """What the console said since the page was opened: errors, warnings, refusals of the policy."""
        found = []
        for event in self._events:
            if event.get("method") == "Log.entryAdded":
                found.append(str(event["params"]["entry"]["text"]))
            elif event.get("method") == "Runtime.exceptionThrown":
                found.append(str(event["params"]["exceptionDetails"].get("text", "exception")))
        return found

    def run(self, script: str) -> Any:
        """The value of an expression, a promise's once it is kept.

        Raises:
            BrowserError: when it throws.
        """
        done = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise BrowserError(
                str(done["exceptionDetails"].get("exception", {}).get("description", done))[:500]
            )
        return done["result"].get("value")

    def key(self, name: str) -> None:
        """Press a key: ``Tab``, ``Enter``."""
        code = {"Tab": 9, "Enter": 13}[name]
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=code)

    def png(self, whole: bool = False) -> bytes:
        """A picture of what is seen, or of the whole page."""
        clip = {}
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"clip": {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}}
        return base64.b64decode(
            self.call("Page.captureScreenshot", captureBeyondViewport=whole, **clip)["data"]
        )

    def pdf(self) -> bytes:
        """The page on A4 paper, as it would be printed."""
        self.call("Emulation.setEmulatedMedia", media="print")
        paper = {
            "paperWidth": 8.27,
            "paperHeight": 11.69,
            "printBackground": False,
            "preferCSSPageSize": True,
        }
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])


class Browser:
    """A process; ``with Browser.started() as page``."""

    def __init__(self, folder: Path) -> None:
        if CHROMIUM is None:
            raise BrowserError("Debian's chromium is not installed (apt-get install chromium)")
        commands, self._send = os.pipe()
        self._receive, answers = os.pipe()
        words = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
            "--disable-background-networking", "--remote-debugging-pipe", f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *words],
            pass_fds=(commands, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands)
        os.close(answers)

    @classmethod
    @contextmanager
    def started(cls) -> Iterator[Page]:
        """A tab of a fresh browser without a past.

        Raises:
            BrowserError: when there is none.
        """
        with tempfile.TemporaryDirectory(prefix="parvis-chromium-", ignore_cleanup_errors=True) as folder:
            browser = cls(Path(folder))
            try:
                yield browser.page()
            finally:
                browser.close()

    def page(self) -> Page:
        """Its tab."""
        return Page(self._send, self._receive)

    def close(self) -> Self:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for number in (self._send, self._receive):
            os.close(number)
        return self
