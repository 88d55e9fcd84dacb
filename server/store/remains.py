"""Looks for byte strings in files: ``remains.py FILE...``, the strings one a line on stdin; prints the files that hold one.

Runs as a process of its own: on POSIX a process that closes any descriptor of an SQLite file loses the locks that its
connections hold on it, so whoever has a database open must not read it as a file.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

_CHUNK = 8 * 1024 * 1024


def holds(path: Path, markers: Sequence[bytes]) -> bool:
    """Whether any of the markers stands in the file; one that is not there holds nothing."""
    overlap = max(map(len, markers), default=1) - 1
    tail = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                window = tail + chunk
                if any(marker in window for marker in markers):
                    return True
                tail = window[-overlap:] if overlap else b""
    except FileNotFoundError:
        return False
    return False


if __name__ == "__main__":
    wanted = [line for line in sys.stdin.buffer.read().splitlines() if line]
    for name in sys.argv[1:]:
        if holds(Path(name), wanted):
            print(name)
