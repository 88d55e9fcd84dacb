"""A Parvis server on loopback that keeps every byte it is sent, by the connection's port on the other side."""

from __future__ import annotations

import gzip
import socket
from collections import defaultdict
from io import BufferedReader
from typing import Any

from tests.edge.fault_server import FaultServer, Handler


class _Tap(socket.SocketIO):
    """Reads from a socket and keeps what it read."""

    def __init__(self, sock: socket.socket, kept: bytearray) -> None:
        super().__init__(sock, "rb")
        self._kept = kept

    def readinto(self, into: Any) -> int | None:
        count = super().readinto(into)
        self._kept += bytes(into[: count or 0])
        return count


class _Recording(Handler):
    server: Recorder

    def setup(self) -> None:
        super().setup()
        self.rfile = BufferedReader(_Tap(self.connection, self.server.heard[self.client_address[1]]))


class Recorder(FaultServer):
    """`heard` is what came in, by port: requests as sent, headers included."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.heard: defaultdict[int, bytearray] = defaultdict(bytearray)
        self.RequestHandlerClass = _Recording

    @property
    def size(self) -> int:
        """Bytes received so far."""
        return sum(len(kept) for kept in self.heard.values())


def requests(stream: bytes) -> list[tuple[dict[str, str], bytes]]:
    """The requests of one connection: headers (the request line under the empty name) and the body as sent.

    Raises ValueError when anything is left over: a byte that belongs to no request.
    """
    found = []
    while stream:
        head, mark, rest = stream.partition(b"\r\n\r\n")
        if not mark:
            raise ValueError(f"{len(stream)} bytes belong to no request")
        first, *lines = head.decode("ascii").split("\r\n")
        headers = {"": first} | {
            name.lower(): value for name, value in (line.split(": ", 1) for line in lines)
        }
        length = int(headers["content-length"])
        if len(rest) < length:
            raise ValueError(f"a body of {length} bytes has only {len(rest)}")
        found.append((headers, rest[:length]))
        stream = rest[length:]
    return found


def opened(body: bytes) -> bytes:
    """What a body says."""
    return gzip.decompress(body)
