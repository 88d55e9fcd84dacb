"""What the benches of the spool share: their options, the telling of their figures, a life that ends by SIGKILL.

Rules:
1. With ``--json`` the last line of stdout is one JSON object, and what people read goes to stderr.
2. A child that is to be killed says what it did through a pipe: what it wrote there, it did.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OPENING_S: Final = 0.05
_FIRST_WORD_S: Final = 30.0


def options(prog: str, description: str, **numbers: float) -> argparse.ArgumentParser:
    """A command line of ``numbers`` (name to default, whose type counts) and ``--json``."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help="default %(default)s")
    parser.add_argument("--json", action="store_true", help="last line of stdout is one JSON object")
    return parser


def tell(result: DataclassInstance, *, as_json: bool) -> None:
    """Print a bench's figures."""
    figures = asdict(result)
    width = max(map(len, figures))
    for name, value in figures.items():
        print(f"{name:>{width}} {value}", file=sys.stderr if as_json else sys.stdout)
    if as_json:
        print(json.dumps(figures))


def one_life(work: Callable[[int], None], alive_s: float) -> tuple[str, int]:
    """Fork, let ``work`` write into a pipe, kill it after ``alive_s`` seconds.

    Up to `OPENING_S` they count from the fork, so that it dies while it opens its file; longer ones from its first word,
    so that it dies at work on a busy machine too.

    Returns:
        What it wrote, and its status as `os.waitpid` has it.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            work(writing)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    if alive_s > OPENING_S:
        select.select([reading], [], [], _FIRST_WORD_S)
    time.sleep(alive_s)
    os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as said:
        words = said.read().decode()
    _, how = os.waitpid(child, 0)
    return words, how


def key_of(item: dict[str, Any]) -> str:
    """The key of a record as the wire has it."""
    return f"{item['device']}/{item['run']}/{item['seq']}"


def accepting(keys: Sequence[str]) -> bytes:
    """A server's answer that takes every record."""
    return json.dumps({"accepted": list(keys), "rejected": []}).encode()
