"""Gathers what a support bundle is made of, uncleaned: nothing of it is shown or written here. Composition root.

Reads beside a running box and changes nothing; what cannot be had is said to be missing.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from contract.version import VERSION
from edge.config import BoxConfig, load_config
from edge.doctor import Doctor
from edge.doctor_line import Line
from edge.errors import ConfigError, EdgeError
from edge.health import HealthProbe
from edge.redaction import Secrets, secrets_in
from edge.spool_repair import owner
from edge.spool_view import figures, letters, newest
from edge.status_page import ask
from edge.support import MOST_LINES, Facts, Letter
from edge.yaml_errors import load_yaml

UNIT: Final = "parvis-edge"
_LIBRARIES: Final = ("numpy", "onnxruntime", "opencv-python", "opencv-python-headless", "av", "pydantic", "typer", "httpx", "PyYAML", "psutil")  # fmt: skip
_RECENT_S: Final = 900.0
_WAIT_S: Final = 20.0
_TAIL_BYTES: Final = 1_000_000


def gather(config: Path, state: Path, log: Path | None, seconds: float) -> tuple[Facts, Secrets]:
    """Facts of the box of a configuration file, and its secrets. Never raises for what a broken box may lack."""
    data, trouble = _configuration(config)
    box = _valid(config)
    trouble = trouble or ("" if isinstance(box, BoxConfig) else str(box))
    valid = box if isinstance(box, BoxConfig) else None
    spool = state / "spool.db"
    lines, origin = _log(log)
    facts = Facts(
        versions=_versions(),
        system=_system(state),
        configuration=data,
        trouble=trouble,
        health=_told(lambda: tuple(item.payload for item in newest(spool, _RECENT_S) if '"parvis.health.v1"' in item.payload), ()),
        status={"running": _told(lambda: owner(spool) is not None, None), "page": _page(valid), "outbox": _outbox(spool)},
        letters=_told(lambda: tuple(Letter(one.key, one.reason, one.at, one.payload) for one in letters(spool)), ()),
        doctor=() if valid is None else _doctor(valid, config.parent, state, seconds),
        log=tuple(lines),
        log_from=origin,
    )  # fmt: skip
    return facts, _secrets(config, data)


def _told(look: Any, otherwise: Any) -> Any:
    try:
        return look()
    except (EdgeError, OSError, ValueError):
        return otherwise


def _configuration(path: Path) -> tuple[Any | None, str]:
    try:
        return load_yaml(path)[0], ""
    except ConfigError as exc:
        return None, str(exc)


def _valid(path: Path) -> BoxConfig | ConfigError:
    try:
        return load_config(path)
    except ConfigError as exc:
        return exc


def _secrets(path: Path, data: Any) -> Secrets:
    """The token, and every password and user name in an address, as the file spells them and as YAML reads them."""
    try:
        raw = path.read_text("utf-8", "replace")
    except OSError:
        raw = ""
    texts = [raw, *_texts(data)]
    hidden, names = [], []
    for text in texts:
        found = secrets_in(text)
        hidden += found[0]
        names += found[1]
    for place in {path.parent / "token", *_token_files(path.parent, data)}:
        hidden += _token(place)
    return Secrets(hidden, names)


def _token_files(base: Path, data: Any) -> Iterable[Path]:
    server = data.get("server") if isinstance(data, dict) else None
    named = server.get("token_file") if isinstance(server, dict) else None
    return [base / str(named)] if named else []


def _token(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace")[:4096].split()
    except OSError:
        return []


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _versions() -> dict[str, str | None]:
    def version(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return {"parvis": VERSION, "python": platform.python_version()} | {
        name: version(name) for name in _LIBRARIES
    }


def _system(state: Path) -> dict[str, Any]:
    """Of the machine, without its name, its addresses or its serial number."""
    folder = next((place for place in (state, *state.parents) if place.exists()), Path("/"))
    probe, disk = HealthProbe(folder), shutil.disk_usage(folder)
    try:
        release = platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        release = None
    return {
        "system": release,
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "processor": _line("/proc/cpuinfo", "Model") or _line("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "load": [round(value, 2) for value in os.getloadavg()],
        "memory_total": _line("/proc/meminfo", "MemTotal"),
        "memory_available": _line("/proc/meminfo", "MemAvailable"),
        "disk_total_mb": disk.total // 10**6,
        "disk_free_mb": probe.disk_free_mb(),
        "temperature_c": probe.temperature_c(),
        "throttled": probe.throttled(),
        "clock": probe.clock(),
        "utc": datetime.now(UTC).replace(microsecond=0).isoformat(),
        "up_for_s": round(probe.boot_s()),
    }


def _line(path: str, name: str) -> str | None:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return None
    return next(
        (line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == name), None
    )


def _page(box: BoxConfig | None) -> Any:
    """What the running box answers; why not, if it does not."""
    if box is None or not box.status.port:
        return "there is no status page"
    try:
        code, text = ask(box.status.host, box.status.port, "/healthz")
        return {"code": code, "said": json.loads(text)}
    except (OSError, ValueError) as exc:
        return f"no answer ({type(exc).__name__})"


def _outbox(spool: Path) -> Any:
    try:
        found = figures(spool)
    except EdgeError as exc:
        return str(exc)
    if found is None:
        return "nothing was ever stored"
    totals, oldest = found
    told = {name: getattr(totals, name) for name in ("pending", "bytes", "accepted", "rejected", "merged", "dropped", "acknowledged")}  # fmt: skip
    return told | {"waiting_since": None if oldest is None else oldest.isoformat()}


def _doctor(box: BoxConfig, base: Path, state: Path, seconds: float) -> tuple[Line, ...]:
    lines: list[Line] = []
    try:
        lines.extend(Doctor(box, base, state, seconds).lines())
    except Exception as exc:  # a check that breaks must not keep the rest from support
        lines.append(Line("doctor", "red", f"it broke off: {type(exc).__name__}"))
    return tuple(lines)


def _log(path: Path | None) -> tuple[list[str], str]:
    """The last lines of the log, each entry one line, and where they are from."""
    if path is not None:
        return _tail(path), "of a file"
    program = shutil.which("journalctl")
    if program is None:
        return [], "none: this machine keeps no journal; name the log's file with --log"
    words = [program, "--unit", UNIT, "--lines", str(MOST_LINES), "--no-pager", "--output", "json"]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return [], "none: the journal did not answer"
    found = [line for entry in done.stdout.splitlines() for line in _entry(entry)]
    return (
        found,
        "of the journal"
        if found
        else f"none: the journal has nothing of {UNIT}, or may not be read: use sudo",
    )


def _entry(entry: bytes) -> list[str]:
    """The lines of one entry of the journal, with its time; one that is no text comes as numbers and says nothing."""
    try:
        told = json.loads(entry)
        at = datetime.fromtimestamp(int(told["__REALTIME_TIMESTAMP"]) / 1e6, UTC)
        message = told["MESSAGE"]
    except (ValueError, KeyError, TypeError):
        return []
    if not isinstance(message, str):
        return []
    return [f"{at:%Y-%m-%dT%H:%M:%SZ} {line}" for line in message.splitlines()]


def _tail(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError as exc:
        raise ConfigError(
            f"--log {path}: cannot be read ({exc.strerror}). Name the file that holds the box's log."
        ) from exc
