"""Receivers of webhooks: real HTTP and HTTPS servers that record what they got and answer as they are told."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field


@dataclass
class Got:
    """One request."""

    head: str
    headers: dict[str, str]
    body: bytes
    sni: str | None = None


@dataclass
class Receiver:
    """A server on a port of its own. ``answers``: raw bytes, taken one a request; 204 when there are none left.

    An answer ``b""`` closes without a word; ``drip`` sends byte after byte until the caller leaves.
    """

    context: ssl.SSLContext | None = None
    answers: list[bytes] = field(default_factory=list)
    usual: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    drip: bool = False
    connections: int = 0
    got: list[Got] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._names: list[str | None] = []
        if self.context:
            self.context.sni_callback = lambda _sock, name, _context: self._names.append(name)
        self._socket = socket.create_server(
            ("0.0.0.0", 0)
        )  # every address of this machine: no form of it goes unseen
        self.port = int(self._socket.getsockname()[1])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                own, _ = self._socket.accept()
            except OSError:
                return
            if self._stop.is_set():
                own.close()
                return
            self.connections += 1
            own.settimeout(20)
            with contextlib.suppress(OSError):
                if self.context:
                    own = self.context.wrap_socket(own, server_side=True)
                self._talk(own)
            own.close()

    def _talk(self, own: socket.socket) -> None:
        reader = own.makefile("rb")
        head = reader.readline().decode().strip()
        if not head:
            return
        headers = {}
        while line := reader.readline().decode().strip():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        body = reader.read(int(headers.get("content-length", 0)))
        sni = self._names[-1] if self._names else None
        self.got.append(Got(head, headers, body, sni))
        if self.drip:
            own.sendall(b"HTTP/1.1 200 OK\r\n")
            while not self._stop.wait(0.02):
                own.sendall(b"X")
            return
        answer = self.answers.pop(0) if self.answers else self.usual
        own.sendall(answer)

    def stop(self) -> None:
        self._stop.set()
        with socket.socket() as s:
            s.settimeout(1)
            s.connect_ex(("127.0.0.1", self.port))
        self._socket.close()
        self._thread.join(5)


def answering(status: int, *headers: str) -> bytes:
    """An answer of that status with those headers."""
    return "\r\n".join([f"HTTP/1.1 {status} X", "Content-Length: 0", *headers, "", ""]).encode()
