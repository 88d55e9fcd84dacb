"""The service's unit: what systemd thinks of its hardening, and that nothing ends it for good."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.stick import HERE

UNIT = HERE / "parvis-edge.service"


def entries() -> dict[str, list[str]]:
    """Every setting of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([tool, *words, str(UNIT)], check=False, capture_output=True, text=True)


def test_r10_what_it_says_goes_to_the_journal_and_has_a_limit() -> None:
    found = entries()
    assert all(
        value[0] in {"journal", "inherit"}
        for name, value in found.items()
        if name in {"StandardOutput", "StandardError"}
    )
    (seconds,), (lines,) = found["LogRateLimitIntervalSec"], found["LogRateLimitBurst"]
    assert int(lines) * 60 / int(seconds) <= 200


def test_the_exposure_is_at_most_three() -> None:
    done = analyze("security", "--offline=true", "--no-pager")
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze is older than 252 and cannot judge a file")
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= 3.0, f"exposure {found[1]}"


def test_systemd_knows_every_setting() -> None:
    done = analyze("verify", "--man=no")
    said = [line for line in done.stderr.splitlines() if "parvis-edge.service" in line]
    assert not [line for line in said if "not executable" not in line], said


def test_it_never_gives_up_and_asks_for_no_network() -> None:
    unit = entries()
    assert unit["Restart"] == ["always"]
    assert unit["StartLimitIntervalSec"] == ["0"]
    assert unit["Type"] == ["notify"]
    assert int(unit["WatchdogSec"][0]) > 0
    assert not any("network-online" in value for values in unit.values() for value in values)


def test_it_may_read_the_clock_but_hold_no_right_to_set_it() -> None:
    unit = entries()
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["SystemCallFilter"][-1].split() == ["adjtimex", "clock_adjtime"]
    assert "ProtectClock" not in unit


def test_the_unit_and_the_installer_speak_of_the_same_places() -> None:
    unit = entries()
    (command,) = unit["ExecStart"]
    assert command.startswith("/opt/parvis/current/bin/parvis edge run --config /etc/parvis/box.yaml")
    assert command.endswith(f"--state /var/lib/{unit['StateDirectory'][0]}")
    for script in ("install.sh", "uninstall.sh"):
        text = (HERE / script).read_text()
        for place in (
            "/opt/parvis",
            "/etc/parvis",
            "/var/lib/parvis",
            "/etc/systemd/system",
            "/usr/local/bin/parvis",
        ):
            assert place in text, (script, place)


@pytest.mark.parametrize("script", sorted(HERE.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path) -> None:
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    tool = shutil.which("shellcheck")
    if tool is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([tool, str(script)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
