"""One POST to a target that somebody typed, with nothing to gain for an attacker: no redirect, no proxy, no second look-up.

Rules:
1. The host is resolved once; `server.targets` judges every address; the socket is connected to one of those judged, and
   asked whom it reached. So a name that answers differently the next moment (rebinding) changes nothing.
2. The certificate is checked against the host's name, which is also in SNI and in Host.
3. The environment is not asked for proxies, and an answer of 3xx is an answer, not a place to go.
4. ``total_s`` bounds the whole conversation, however slowly the other side talks; of the answer only the status line and
   headers are read, at most 16 KiB.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import h11

from server.targets import Address, Target, TargetError, check_addresses

CONNECT_S: Final = 5.0
TOTAL_S: Final = 15.0
ADDRESSES_MOST: Final = 3
READ_MOST: Final = 16 * 1024

Resolver = Callable[[str, int], list[str]]


class PushError(Exception):
    """No answer came; ``problem`` is the kind: ``refused_target``, ``resolve``, ``unreachable``, ``timeout``, ``tls`` or
    ``protocol``.
    """

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Answer:
    """What a target said: its status, and how long it wishes to be left alone (seconds, 0 when it does not say)."""

    status: int
    retry_after_s: int = 0


def resolve(host: str, port: int) -> list[str]:
    """Every address of a host, as the system knows it.

    Raises:
        OSError: when it knows none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Pusher:
    """Posts to targets.

    Args:
        resolver: finds addresses; tests put their own in its place.
        context: checks certificates; the system's authorities by default.
        total_s: seconds that one conversation may last.
    """

    def __init__(
        self, resolver: Resolver = resolve, context: ssl.SSLContext | None = None, total_s: float = TOTAL_S
    ) -> None:
        self._resolver = resolver
        self._context = context
        self._total_s = total_s

    def post(self, target: Target, headers: Mapping[str, str], body: bytes, *, internal: bool) -> Answer:
        """Post a body and read the status.

        Raises:
            PushError: when no answer came.
        """
        until = time.monotonic() + self._total_s
        sock = self._connect(target, self._addresses(target, internal=internal), until)
        try:
            if target.scheme == "https":
                sock.settimeout(left(until))
                sock = self._tls().wrap_socket(sock, server_hostname=target.host)
            return _converse(sock, target, headers, body, until)
        except PushError:
            raise
        except ssl.SSLError as exc:
            reason = getattr(exc, "verify_message", "") or exc.reason or type(exc).__name__
            raise PushError("tls", f"{target.host}: {reason}") from exc
        except TimeoutError as exc:
            raise PushError("timeout", f"{target.host}: no answer in time") from exc
        except OSError as exc:
            raise PushError("unreachable", f"{target.host}: {exc.strerror or type(exc).__name__}") from exc
        except h11.RemoteProtocolError as exc:
            raise PushError("protocol", f"{target.host}: {exc}") from exc
        finally:
            sock.close()

    def _tls(self) -> ssl.SSLContext:
        # Made at the first need: reading the authorities takes long, and most servers push nowhere.
        if self._context is None:
            self._context = ssl.create_default_context()
        return self._context

    def _addresses(self, target: Target, *, internal: bool) -> list[Address]:
        if target.address is not None:
            found = [target.address]
        else:
            try:
                found = [ipaddress.ip_address(text) for text in self._resolver(target.host, target.port)]
            except (OSError, ValueError) as exc:
                raise PushError("resolve", f"{target.host}: no address is known") from exc
        try:
            check_addresses(found, scheme=target.scheme, internal=internal)
        except TargetError as exc:
            problem = "resolve" if exc.rule == "resolve" else "refused_target"
            raise PushError(problem, f"{target.host}: {exc}") from exc
        return found[:ADDRESSES_MOST]

    def _connect(self, target: Target, addresses: list[Address], until: float) -> socket.socket:
        problem = PushError("unreachable", f"{target.host}: no connection")
        for address in addresses:
            family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
            try:
                sock = socket.socket(family, socket.SOCK_STREAM)
            except OSError as exc:  # a machine without IPv6
                problem = PushError("unreachable", f"{target.host}: {exc.strerror or type(exc).__name__}")
                continue
            try:
                sock.settimeout(min(CONNECT_S, left(until)))
                sock.connect((str(address), target.port))
                # The judged address or nobody: what is between us and the network is not trusted to keep it.
                if ipaddress.ip_address(sock.getpeername()[0]) != address:
                    raise PushError("refused_target", f"{target.host}: another address answered")
            except TimeoutError:
                sock.close()
                problem = PushError("timeout", f"{target.host}: no connection in time")
            except OSError as exc:
                sock.close()
                problem = PushError("unreachable", f"{target.host}: {exc.strerror or type(exc).__name__}")
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise problem


def left(until: float) -> float:
    """Seconds until a moment of the monotonic clock.

    Raises:
        TimeoutError: when it has passed.
    """
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _converse(
    sock: socket.socket, target: Target, headers: Mapping[str, str], body: bytes, until: float
) -> Answer:
    talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=READ_MOST)
    own = {"Host": target.authority, "Content-Length": str(len(body)), "Connection": "close"} | dict(headers)
    asked = h11.Request(method="POST", target=target.path, headers=list(own.items()))
    parts = (talk.send(asked), talk.send(h11.Data(data=body)), talk.send(h11.EndOfMessage()))
    sock.settimeout(left(until))
    # A target that answers before it has read everything has answered all the same.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        sock.sendall(b"".join(part or b"" for part in parts))
    seen = 0
    while True:
        event = talk.next_event()
        if isinstance(event, h11.Response):
            return Answer(event.status_code, _retry_after(dict(event.headers)))
        if event is h11.NEED_DATA:
            sock.settimeout(left(until))
            part = sock.recv(4096)
            seen += len(part)
            if seen > READ_MOST:
                raise PushError("protocol", f"{target.host}: the answer does not end")
            talk.receive_data(part)
        elif not isinstance(event, h11.InformationalResponse):
            raise PushError("protocol", f"{target.host}: the connection was closed without an answer")


def _retry_after(headers: Mapping[bytes, bytes]) -> int:
    text = headers.get(b"retry-after", b"")
    return int(text) if text.isdigit() and len(text) < 7 else 0
