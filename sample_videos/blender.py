"""Starts Blender without a screen and watches what it draws."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

APT = "apt-get install --no-install-recommends blender python3-numpy xvfb xauth libgl1-mesa-dri ffmpeg"
DRAW = Path(__file__).with_name("draw.py")


def require(*tools: str) -> None:
    """Exit with the line to type when a tool is missing."""
    missing = [t for t in tools if shutil.which(t) is None]
    if missing:
        sys.exit(f"render: {', '.join(missing)} not found. On Debian or Ubuntu:\n  {APT}")


def _start(scene: str, seed: int, times: Path, log: Path) -> subprocess.Popen[bytes]:
    """A Blender that draws the moments in `times` into their folder and writes its chatter to `log`."""
    command = ["blender", "-b", "-P", str(DRAW), "--", scene, str(seed), str(times.parent), str(times)]
    if "DISPLAY" not in os.environ:
        command = ["xvfb-run", "-a", "-s", "-screen 0 1024x768x24", *command]
    env = {
        **os.environ,
        "LP_NUM_THREADS": os.environ.get("LP_NUM_THREADS", "1"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    with log.open("wb") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=env)


def draw(
    scene: str, seed: int, moments: Sequence[tuple[int, float]], folder: Path, processes: int = 1
) -> None:
    """Draw moments (number, seconds) into NNNNNN.jpg and NNNNNN.id.png; those that are there already are kept."""

    def drawn(number: int) -> bool:
        return all((folder / f"{number:06d}{ending}").exists() for ending in (".jpg", ".id.png"))

    folder.mkdir(parents=True, exist_ok=True)
    todo = [m for m in moments if not drawn(m[0])]
    if not todo:
        return
    require("blender", "xvfb-run")
    running = {}
    for k in range(min(processes, len(todo))):
        times, log = folder / f"times-{k}.json", folder / f"blender-{k}.log"
        times.write_text(json.dumps(todo[k::processes]))
        running[log] = _start(scene, seed, times, log)
    began = time.monotonic()
    while any(p.poll() is None for p in running.values()):
        time.sleep(1)
        done = sum(drawn(n) for n, _ in todo)
        pace = (time.monotonic() - began) / max(done, 1)
        print(
            f"\r{scene}: {done} of {len(todo)} frames, {pace:.1f} s each ",
            end="",
            file=sys.stderr,
            flush=True,
        )
    print(file=sys.stderr)
    lacking = [n for n, _ in todo if not drawn(n)]
    if lacking:
        tail = "".join(log.read_text(errors="replace")[-1500:] for log, p in running.items() if p.returncode)
        sys.exit(
            f"{tail}\nrender: Blender left out {len(lacking)} frames, first {lacking[0]}; run again to resume"
        )
