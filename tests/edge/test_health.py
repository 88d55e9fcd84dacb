"""Health: what a box says about itself, and that not knowing is said as such."""

from __future__ import annotations

import os
import socket
import stat
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.health import HealthProbe, kernel_clock_synced, notify, parse_throttled, temperature_c

AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)


@dataclass
class Source:
    state: str = "live"
    fps: float = 24.987
    dropped: int = 12
    reconnects: int = 1


@dataclass
class Queue:
    pending: int = 3
    oldest_at: float | None = AT.timestamp() - 90
    dead_letters: int = 0
    last_acknowledged: datetime | None = AT


def zone(root: Path, number: int, kind: str, temp: str) -> None:
    folder = root / "sys/class/thermal" / f"thermal_zone{number}"
    folder.mkdir(parents=True)
    (folder / "type").write_text(kind + "\n")
    (folder / "temp").write_text(temp + "\n")


def tool(folder: Path, script: str) -> str:
    path = folder / "vcgencmd"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def probe(root: Path, *, synced: bool | None = True, vcgencmd: str | None = None) -> HealthProbe:
    return HealthProbe(root, root=root, vcgencmd=vcgencmd, kernel_clock=lambda: synced)


def body(of: HealthProbe, source: Source | None = None, queue: Queue | None = None):
    return of.body(
        camera="north",
        at=AT,
        source=source or Source(),
        spool=queue or Queue(),
        inference_ms=41.237,
        model="starter",
        software="0.1.0",
    )


def test_a_box_in_order(tmp_path: Path) -> None:
    zone(tmp_path, 0, "cpu-thermal", "48312")
    said = body(probe(tmp_path, vcgencmd=tool(tmp_path, "echo throttled=0x50000")))
    assert (said.state, said.fps, said.frames_dropped, said.reconnects) == ("live", 24.99, 12, 1)
    assert (said.spool_depth, said.spool_age_s, said.dead_letters) == (3, 90.0, 0)
    assert (said.last_acknowledged, said.inference_ms) == (AT, 41.24)
    assert (said.temperature_c, said.throttled, said.clock) == (48.3, False, "synced")
    assert said.disk_free_mb is not None
    assert said.disk_free_mb > 0


def test_a_box_that_knows_nothing(tmp_path: Path) -> None:
    blind = HealthProbe(tmp_path / "gone", root=tmp_path, vcgencmd=None, kernel_clock=lambda: None)
    said = body(blind, Source(state="lost", fps=0.0), Queue(0, None, 0, None))
    assert (said.disk_free_mb, said.temperature_c, said.throttled) == (None, None, None)
    assert (said.spool_age_s, said.last_acknowledged, said.clock) == (None, None, "unsynced")


def test_figures_out_of_bounds_still_fit_the_wire(tmp_path: Path) -> None:
    said = body(probe(tmp_path), Source(fps=1e6, dropped=10**9), Queue(oldest_at=AT.timestamp() + 60))
    assert (said.fps, said.frames_dropped, said.spool_age_s) == (1000.0, 10_000_000, 0.0)


@pytest.mark.parametrize(
    ("zones", "expected"),
    [
        ([("cpu-thermal", "48312")], 48.3),
        ([("cpu-thermal", "48312"), ("gpu-thermal", "60000")], 48.3),
        ([("CPU-therm", "40000"), ("SOC0-therm", "45000"), ("PMIC-Die", "100000")], 45.0),
        ([("x86_pkg_temp", "51000"), ("acpitz", "27800")], 51.0),
        ([("acpitz", "27800"), ("iwlwifi", "30000")], 30.0),
        ([("cpu-thermal", "-5250")], -5.2),
        ([("cpu-thermal", "-274000"), ("acpitz", "oops")], None),
        ([], None),
    ],
)
def test_temperature(tmp_path: Path, zones: list[tuple[str, str]], expected: float | None) -> None:
    for number, (kind, temp) in enumerate(zones):
        zone(tmp_path, number, kind, temp)
    assert temperature_c(tmp_path / "sys/class/thermal") == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("throttled=0x0\n", False),
        ("throttled=0x50005\n", True),
        ("throttled=0x50000\n", False),
        ("throttled=0x8", True),
        ("throttled=0x10", False),
        ("", None),
        ('error=1 error_msg="Command not registered"', None),
        ("throttled=0xzz", None),
        ("throttled=0x0\nmore", None),
    ],
)
def test_throttled(answer: str, expected: bool | None) -> None:
    assert parse_throttled(answer) is expected


def test_a_tool_that_hangs_or_is_missing_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe(tmp_path, vcgencmd="/nowhere/vcgencmd").throttled() is None
    monkeypatch.setattr("edge.health._TIMEOUT_S", 0.2)
    began = time.monotonic()
    assert probe(tmp_path, vcgencmd=tool(tmp_path, "exec sleep 20")).throttled() is None
    assert time.monotonic() - began < 5


def test_the_kernels_word_on_the_clock_wins(tmp_path: Path) -> None:
    assert probe(tmp_path, synced=None).clock() == "unsynced"
    mark = tmp_path / "run/systemd/timesync/synchronized"
    mark.parent.mkdir(parents=True)
    mark.touch()
    assert probe(tmp_path, synced=None).clock() == "synced"
    assert probe(tmp_path, synced=False).clock() == "unsynced"
    assert probe(tmp_path, synced=True).clock() == "synced"


def test_the_kernel_can_be_asked() -> None:
    assert kernel_clock_synced() in (True, False, None)


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, abstract: bool) -> None:
    name = f"parvis-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name if abstract else name)
        systemd.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        for message in ("READY=1", "WATCHDOG=1", "STOPPING=1"):
            assert notify(message)
            assert systemd.recv(100).decode() == message


def test_no_systemd_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    assert not notify("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", "relative")
    assert not notify("READY=1")


def test_a_full_notify_socket_does_not_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert not all(notify("WATCHDOG=1") for _ in range(5000))
