"""The box's own page for those on the machine: ``/healthz`` and ``/metrics`` over HTTP, and how to ask for it.

Rules:
1. It serves what it is handed and nothing else: GET and HEAD, two paths, no file, no parameter, nothing of the request
   comes back.
2. It listens on this machine alone unless told otherwise, and answers only who asked for it by an address, by
   ``localhost`` or by the configured name: a page in somebody's browser cannot reach it by a name of its own (DNS
   rebinding).
3. Whatever a client does, the counting goes on: its own threads, a few at a time, each bounded in bytes and seconds.
   A port that is taken is a warning.
"""

from __future__ import annotations

import http.client
import ipaddress
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any, Final

log = logging.getLogger("parvis.edge")

MAX_HEAD_BYTES: Final = 8192
EXCHANGE_S: Final = 5.0
MOST_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    status: int
    content_type: str
    text: str


# Of a path and of what the client would like (its Accept header); None: there is no such page.
Answerer = Callable[[str, str], Page | None]


class StatusPage:
    """Serves until `close`.

    Args:
        host: an address or a name of this machine.
        port: 0 takes any that is free; ``port`` then says which.
        answer: called in the server's threads; what it raises is a 500.

    Raises:
        OSError: when the port cannot be had.
    """

    def __init__(self, host: str, port: int, answer: Answerer) -> None:
        self._server = _Server(host, port, answer)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.5,), name="status", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening; answers under way end with the process."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(EXCHANGE_S)


def open_page(host: str, port: int | None, answer: Answerer) -> StatusPage | None:
    """The page, or None when it is off (no port) or the port cannot be had, which is logged."""
    if not port:
        return None
    try:
        page = StatusPage(host, port, answer)
    except OSError as exc:
        log.warning(
            "status: http://%s:%d/ cannot be served (%s); counting goes on. Choose another status.port.",
            host,
            port,
            exc.strerror or exc,
        )
        return None
    if not is_local(host):
        log.warning(
            "status: host %s serves this box's own figures, small counts among them, to whoever can reach it; they are"
            " not protected by a password. Leave status.host out to serve this machine alone.",
            host,
        )
    return page


def ask(host: str, port: int, path: str, timeout_s: float = EXCHANGE_S) -> tuple[int, str]:
    """Status and text of one page of a running box, as JSON where there is a choice.

    Raises:
        OSError: when nobody answers there, or not in time.
    """
    where = "127.0.0.1" if host in {"", "0.0.0.0"} else "::1" if host == "::" else host  # noqa: S104 - compared
    link = http.client.HTTPConnection(where, port, timeout=timeout_s)
    try:
        link.request("GET", path, headers={"Accept": "application/json"})
        reply = link.getresponse()
        return reply.status, reply.read(1 << 20).decode("utf-8", "replace")
    except http.client.HTTPException as exc:
        raise OSError(f"what answers at port {port} is no status page of a box") from exc
    finally:
        link.close()


def is_local(host: str) -> bool:
    """Whether only this machine can reach a host."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, answer: Answerer) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.host, self.answer = host, answer
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would ask the network for this machine's name here.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:  # no thread could be had: the place is free again
                self._room.release()
                raise
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.0"  # one request a connection

    def handle(self) -> None:
        head = _head(self.connection)
        if head is not None:
            self.rfile = BytesIO(head)
            self.connection.settimeout(EXCHANGE_S)
            super().handle()

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Constant words: the standard ones repeat the request."""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            code = HTTPStatus.METHOD_NOT_ALLOWED
        self._send(Page(code, "text/plain; charset=utf-8", f"{HTTPStatus(code).phrase}\n"))

    def version_string(self) -> str:
        return "parvis"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """What clients write stays out of the log."""

    def _answer(self) -> None:
        if not known_host(self.headers.get_all("Host", []), self.server.host):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return
        try:
            page = self.server.answer(self.path, self.headers.get("Accept", ""))
        except Exception:
            log.exception("the status page could not be made; counting goes on")
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        if page is None:
            self.send_error(HTTPStatus.NOT_FOUND)
        else:
            self._send(page)

    def _send(self, page: Page) -> None:
        body = page.text.encode()
        self.close_connection = True
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if page.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def known_host(said: list[str], configured: str) -> bool:
    """Whether a request's Host header (all of them) is one that no stranger's page can have a browser send."""
    if not said:
        return True  # no browser leaves it out
    if len(said) > 1:
        return False
    text = said[0].strip().lower()
    name = text[1:].partition("]")[0] if text.startswith("[") else text.partition(":")[0]
    if name in {"localhost", configured.lower(), socket.gethostname().lower()}:
        return True
    with suppress(ValueError):
        ipaddress.ip_address(name)
        return True
    return False


def _head(link: socket.socket) -> bytes | None:
    """The head of one request, read within its bounds; None when it breaks them. A body is never read."""
    end, data = time.monotonic() + EXCHANGE_S, b""
    while b"\r\n\r\n" not in data and b"\n\n" not in data:
        left_s = end - time.monotonic()
        if left_s <= 0 or len(data) > MAX_HEAD_BYTES:
            return None
        link.settimeout(left_s)
        try:
            part = link.recv(MAX_HEAD_BYTES)
        except OSError:
            return None
        if not part:
            return None
        data += part
    return data
