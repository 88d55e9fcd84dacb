"""Our keys to other servers: one file each in the data folder, which nobody else on the machine may read.

Rule: such a key is in no database, backup, page, log or answer; it leaves towards its server alone.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from server.errors import ServerError

FOLDER: Final = "open311"
KEY_MOST: Final = 500


class KeyFileError(ServerError):
    """The file of a key cannot be used."""


def _path(data_dir: Path, endpoint: int) -> Path:
    return data_dir / FOLDER / f"{int(endpoint)}.key"


def keep_key(data_dir: Path, endpoint: int, key: str) -> None:
    """Write a key, whole or not at all; an empty one removes it.

    Raises:
        KeyFileError: when it cannot be written.
    """
    path = _path(data_dir, endpoint)
    try:
        if not key:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as exc:
        raise KeyFileError(f"{path}: the key cannot be kept ({exc.strerror})") from exc


def own_key(data_dir: Path, endpoint: int) -> str:
    """A key; empty where there is none.

    Raises:
        KeyFileError: when it cannot be read, or others may read it.
    """
    path = _path(data_dir, endpoint)
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise KeyFileError(f"{path}: cannot be read ({type(exc).__name__})") from exc
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"{path}: others may read it; run chmod 600 {path}")
    return text
