"""Mail servers: a real one (aiosmtpd) that can be told to refuse, and a scripted one that breaks the conversation."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass
class Postbox:
    """What a mail server accepted, and what it answers to a recipient and to a letter; None accepts."""

    letters: list[tuple[str, list[str], bytes]] = field(default_factory=list)
    at_recipient: list[str | None] = field(default_factory=list)
    at_data: list[str | None] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - aiosmtpd's name
        answer = self.at_recipient.pop(0) if self.at_recipient else None
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - aiosmtpd's name
        answer = self.at_data.pop(0) if self.at_data else None
        if answer:
            return answer
        self.letters.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.content))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def serving(box: Postbox, **options) -> Controller:
    """A started mail server on a port of its own; ``stop()`` ends it."""
    controller = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    return controller


def only(user: str, password: str):
    """A login that knows one user."""

    def check(server, session, envelope, mechanism, data):
        good = (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=good, handled=False)

    return check


def certificate(folder: Path) -> tuple[Path, Path] | None:
    """A certificate of localhost and its key, or None without the openssl command."""
    if shutil.which("openssl") is None:
        return None
    cert, key = folder / "cert.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]  # fmt: skip
    subprocess.run(words, check=True, capture_output=True)
    return cert, key


def server_context(cert: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


class Breaking:
    """A mail server that answers as usual up to ``at`` and then hangs (``silent``) or hangs up.

    ``at``: hello, recipient, letter (in the middle of it), dot (after the whole of it).
    """

    def __init__(self, at: str, *, silent: bool) -> None:
        self._at, self._silent = at, silent
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.got = b""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self._stop.is_set():
            try:
                own, _ = self._socket.accept()
            except OSError:
                return
            with own:
                own.settimeout(20)
                with contextlib.suppress(OSError):
                    self._talk(own)

    def _break(self) -> None:
        if self._silent:
            self._stop.wait(20)

    def _talk(self, own: socket.socket) -> None:
        if self._at == "hello":
            return self._break()
        own.sendall(b"220 here\r\n")
        reader = own.makefile("rb")
        for raw in reader:
            word = raw[:4].upper()
            if word == b"RCPT" and self._at == "recipient":
                return self._break()
            if word != b"DATA":
                own.sendall(b"250 OK\r\n")
                continue
            own.sendall(b"354 go\r\n")
            if self._at == "letter":
                self.got = reader.read(10)
                return self._break()
            self.got = b""
            while not self.got.endswith(b"\r\n.\r\n"):
                self.got += reader.readline()
            return self._break()
        return None

    def stop(self) -> None:
        self._stop.set()
        # A socket that waits in accept is woken by a caller.
        with socket.socket() as s:
            s.settimeout(1)
            s.connect_ex(("127.0.0.1", self.port))
        self._socket.close()
        self._thread.join(5)
