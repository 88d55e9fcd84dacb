"""Threads that the server keeps while it runs: one turn after the other, a failure ends none of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from server.errors import ServerError

log = logging.getLogger("parvis.server")


def turns(
    stop: threading.Event,
    turn: Callable[[Callable[[], bool]], object],
    waits: str,
    *,
    first_s: float,
    every_s: float,
    retry_s: float | None = None,
) -> None:
    """Take a turn every ``every_s`` until ``stop``, ``retry_s`` after one that failed.

    ``turn`` is given what it may ask whether to stop; ``waits`` is what the journal says of a failure, as in "letters wait".
    """
    wait = first_s
    while not stop.wait(wait):
        wait = every_s
        try:
            turn(stop.is_set)
        except ServerError as exc:
            wait = retry_s or every_s
            log.warning("%s: %s", waits, exc)
        except Exception:
            # A thread that died unseen would do nothing for ever.
            wait = retry_s or every_s
            log.exception("%s", waits)


@contextmanager
def in_background(name: str, loop: Callable[[threading.Event], object]) -> Iterator[None]:
    """Run a loop in a thread of its own while the block runs; its event says when to end, and it is waited for."""
    stop = threading.Event()
    thread = threading.Thread(target=loop, args=(stop,), name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
