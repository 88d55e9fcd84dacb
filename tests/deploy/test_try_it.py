"""The installer on a whole Debian: a fresh root, booted with systemd, without a network (deploy/raspberry-pi/try_it.sh)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.stick import HERE


@pytest.mark.nightly
def test_install_count_roll_back_and_uninstall_in_a_booted_debian(tmp_path: Path) -> None:
    """Downloads Debian and the wheels of this Python, so it is no test of every day."""
    missing = [tool for tool in ("debootstrap", "systemd-nspawn") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"needs root and {', '.join(missing) or 'nothing more'}")
    build = [sys.executable, HERE / "build_wheelhouse.py", "--arch", os.uname().machine, "--python", "3.11"]
    subprocess.run([*build, "--out", tmp_path], check=True)
    (archive,) = tmp_path.glob("parvis-box-*.tar.gz")
    done = subprocess.run(
        ["sh", HERE / "try_it.sh", archive, "--work", tmp_path], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "== done" in done.stdout
    assert "nothing: " in done.stdout
