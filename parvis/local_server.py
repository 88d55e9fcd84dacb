"""A real server on this machine's loopback, for as long as the demonstration runs."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from server.accounts import add_device, add_user
from server.app import create_app
from server.errors import ServerError
from server.settings import Settings

_START_S = 20.0


@dataclass(frozen=True, slots=True)
class LocalServer:
    """Where it listens and how to get in."""

    url: str
    token: str
    user: str
    password: str


@contextmanager
def local_server(data: Path, device: str | None, port: int | None) -> Iterator[LocalServer]:
    """Run the server in a thread; ``port`` None takes 8000, or a free one when that is taken.

    ``device``: a box to enrol, whose token is told; None: none, and no token.

    Raises:
        ServerError: when it does not come up, or the wanted port is taken.
    """
    listener = _listener(port)
    number: int = listener.getsockname()[1]
    app = create_app(Settings(data_dir=data, port=number, demo=True, statistics_delay_s=0))
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    token = add_device(app.state.store, device) if device else ""
    add_user(app.state.store, "demo", "administrator", password)
    uvicorn_server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="on"))
    thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_S
    while not uvicorn_server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise ServerError("the demonstration's server did not start. Run `parvis server run` to see why.")
        time.sleep(0.02)
    try:
        yield LocalServer(f"http://127.0.0.1:{number}", token, "demo", password)
    finally:
        uvicorn_server.should_exit = True
        thread.join(10)
        listener.close()


def _listener(port: int | None) -> socket.socket:
    for number in (8000, 0) if port is None else (port,):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError as exc:
            listener.close()
            if port is not None:
                raise ServerError(
                    f"port {port} of 127.0.0.1 cannot be used ({exc.strerror}). Choose another with --port."
                ) from exc
        else:
            listener.listen()
            return listener
    raise ServerError("no port of 127.0.0.1 is free.")
