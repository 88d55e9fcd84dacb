"""HTTP to a server that somebody named: guarded against being led elsewhere (SSRF), and exact about what was sent.

Rules:
1. A name is resolved once, every address of it is checked, and the connection goes to a checked address: what the name means a
   moment later changes nothing. Only addresses of the public internet are taken; where the administrator allowed this host also
   those of the own network, never those of clouds' credentials (`server.targets`).
2. https alone, http only to a host that was allowed; certificates are checked; no redirect is followed; no proxy is used.
3. One clock over a whole exchange, and a bound on what is read.
4. `NotSent`: the request cannot have been acted on. `Uncertain`: it may have been.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from urllib.parse import urlsplit

from server.pinned import Resolver, left, resolve
from server.targets import Address, is_allowed

ADDRESS_MOST: Final = 2000
READ_MOST: Final = 4 * 1024 * 1024
_CHUNK: Final = 64 * 1024


class HttpError(Exception):
    """No answer; ``problem`` is the kind."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


class NotSent(HttpError):  # noqa: N818 - one of two outcomes
    """The request did not go out whole, so nobody can have acted on it."""


class Uncertain(HttpError):  # noqa: N818 - as above
    """The request went out and no whole answer came: it may have been acted on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Http(Protocol):
    """One exchange."""

    def __call__(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        private: bool = False,
    ) -> Answer:
        """Ask; ``private``: the administrator allowed this host, wherever it is.

        Raises:
            NotSent: nothing was acted on.
            Uncertain: it may have been.
        """


def _plain(text: str) -> Address | None:
    """An address, without what carries IPv4 in IPv6; None for what is none."""
    try:
        own = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(own, ipaddress.IPv6Address):
        inner = own.ipv4_mapped or own.sixtofour or (own.teredo[1] if own.teredo else None)
        # NAT64 (RFC 6052) carries an IPv4 address in its last 32 bits.
        if inner is None and own in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(own) & 0xFFFFFFFF)
        return inner or own
    return own


def is_public(address: str) -> bool:
    """Whether an address is a host's of the public internet (`server.targets`), also behind what carries IPv4 in IPv6."""
    own = _plain(address)
    return own is not None and is_allowed(own, internal=False)


def is_reachable(address: str) -> bool:
    """Whether an administrator may allow an address: not that of a cloud's credentials, nor what is no host's."""
    own = _plain(address)
    return own is not None and is_allowed(own, internal=True)


def check_url(url: str, *, private: bool = False) -> tuple[str, int, bool]:
    """Host, port and whether TLS is used.

    Raises:
        ValueError: for an address that is not asked; the text says why.
    """
    if len(url) > ADDRESS_MOST or not url.isascii() or any(c.isspace() or c < "!" for c in url):
        raise ValueError("an address must be written in ASCII, without spaces")
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None or parts.fragment:
        raise ValueError("an address must be written like https://town.example/open311/v2")
    if parts.scheme == "http" and not private:
        raise ValueError(
            "http is taken only where the administrator allowed this host: what is sent can be read"
        )
    return host, port or (443 if parts.scheme == "https" else 80), parts.scheme == "https"


@dataclass(frozen=True, slots=True)
class GuardedHttp:
    """An `Http` over sockets.

    ``timeout_s``: for the whole exchange; ``resolve`` and ``context`` are replaced by tests.
    """

    timeout_s: float = 20.0
    resolve: Resolver = resolve
    context: ssl.SSLContext | None = field(default=None, repr=False)

    def __call__(
        self,
        method: Literal["GET", "POST"],
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        *,
        private: bool = False,
    ) -> Answer:
        """Ask, as `Http` says."""
        ends = time.monotonic() + self.timeout_s
        try:
            host, port, tls = check_url(url, private=private)
        except ValueError as exc:
            raise NotSent("forbidden", str(exc)) from exc
        sock = self._connect(host, port, tls, private, ends)
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # A server that drips a byte now and then would keep every single read within its time.
        ender = threading.Timer(max(0.0, ends - time.monotonic()), _cut, (sock,))
        ender.daemon = True
        ender.start()
        try:
            # From the first byte on it may have been acted on: a server need not read to the end.
            connection.request(
                method, target, body, {**headers, "Accept-Encoding": "identity", "Connection": "close"}
            )
            return _answer(connection, sock, ends)
        except (OSError, http.client.HTTPException) as exc:
            problem = "timeout" if isinstance(exc, TimeoutError) else "broken"
            raise Uncertain(problem, f"{host}: no whole answer ({type(exc).__name__})") from exc
        finally:
            ender.cancel()
            connection.close()

    def _connect(self, host: str, port: int, tls: bool, private: bool, ends: float) -> socket.socket:
        try:
            addresses = self.resolve(host, port)
        except (OSError, UnicodeError) as exc:
            raise NotSent("unknown_host", f"{host}: the name is not known") from exc
        if not private and not all(map(is_public, addresses)):
            raise NotSent(
                "forbidden", f"{host}: lies in a private network; the administrator has not allowed it"
            )
        if private and not all(map(is_reachable, addresses)):
            raise NotSent("forbidden", f"{host}: has an address that nobody may allow")
        failure: Exception = OSError("no address")
        for address in addresses[:4]:
            try:
                plain = socket.create_connection((address, port), timeout=left(ends))
            except OSError as exc:
                failure = exc
                continue
            try:
                return self._secured(plain, host, ends) if tls else plain
            except ssl.SSLError as exc:
                plain.close()
                told = getattr(exc, "verify_message", "") or exc.reason or "failed"
                raise NotSent("tls", f"{host}: {told}") from exc
            except OSError as exc:
                plain.close()
                failure = exc
        raise NotSent(
            "unreachable", f"{host}:{port}: cannot be reached ({type(failure).__name__})"
        ) from failure

    def _secured(self, plain: socket.socket, host: str, ends: float) -> socket.socket:
        plain.settimeout(left(ends))
        return (self.context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host)


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _answer(connection: http.client.HTTPConnection, sock: socket.socket, ends: float) -> Answer:
    sock.settimeout(left(ends))
    answer = connection.getresponse()
    with contextlib.closing(answer):
        parts: list[bytes] = []
        size = 0
        while True:
            sock.settimeout(left(ends))
            part = answer.read1(_CHUNK)
            if not part:
                break
            size += len(part)
            if size > READ_MOST:
                raise Uncertain("too_large", f"the answer is larger than {READ_MOST} bytes")
            parts.append(part)
        left(ends)
        declared = answer.headers.get("content-length", "").strip()
        counted = declared.isascii() and declared.isdigit()
        # Without a length the end of the connection ends the answer; one that broke off in its head looks like an empty one.
        lost = not size and not answer.chunked and not counted and answer.status not in {204, 304}
        # Compared as texts: int() refuses a number of thousands of digits.
        if lost or (counted and answer.status != 304 and (declared.lstrip("0") or "0") != str(size)):
            raise Uncertain("broken", "the answer broke off")
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, b"".join(parts))
