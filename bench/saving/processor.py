"""What the box takes of the processor and of memory: an empty scene beside a busy one, several cameras beside one.

Each measurement runs in a process of its own. Processor time is user and system time of all its threads, decoding
included, so that neighbours on the machine do not count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
START = datetime(2026, 1, 1, tzinfo=UTC)
WARM = 126  # frames before the clock starts: 21 s at 6 a second, so that whoever is faint has been asked about enough


def measured(*words: object) -> dict[str, Any]:
    """What this module prints as a program of its own."""
    command = [sys.executable, "-m", "bench.saving.processor", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def film(video: Path, config: Path, frames: int, *, skip_still: bool) -> dict[str, Any]:
    """Milliseconds of processor time a frame, with the settings of a live box, and the share of frames spared."""
    from edge.config import load_config
    from edge.replay import Replay, build_detector
    from edge.video_file import VideoFile

    box = load_config(config)
    camera = box.cameras[0]
    detector = build_detector(box, config.parent, camera)
    with VideoFile(video) as source:
        replay = Replay(source, box, camera, detector, START, skip_still=skip_still)
        replay.begin()
        began, count = 0.0, 0
        for number, frame in enumerate(islice(source, WARM + frames)):
            if number == WARM:
                began = time.process_time()
            replay.step(frame)
            count = number + 1 - WARM
        spent = time.process_time() - began
    gate = replay.pipeline.gate
    spared = 0.0 if gate is None else gate.held / max(1, gate.held + gate.looks)
    return {"ms_a_frame": round(1000 * spent / count, 2), "frames": count, "skipped": round(spared, 3)}


def cameras(video: Path, config: Path, count: int, seconds: float, *, shared: bool) -> dict[str, Any]:
    """Frames a second of each of several cameras that play the same film, and the memory of the whole box."""
    import tempfile

    import psutil

    from edge import session
    from edge.config import load_config
    from edge.service import Service

    if not shared:
        session._open = _Forgetful()  # type: ignore[assignment]  # noqa: SLF001 - to see what it saves
    box = load_config(config)
    one = box.cameras[0].model_copy(update={"source": str(video)})
    several = tuple(one.model_copy(update={"id": f"c{number}"}) for number in range(count))
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(box.model_copy(update={"cameras": several}), config.parent, Path(folder))
        running = threading.Thread(target=service.run, args=(stop,))
        running.start()
        time.sleep(5)
        before, began = service.sharing.counted(), time.monotonic()
        time.sleep(seconds)
        after, passed = service.sharing.counted(), time.monotonic() - began
        this = psutil.Process()
        rss = this.memory_info().rss
        children = sum(child.memory_info().rss for child in this.children())
        stop.set()
        running.join()
    return {
        "cameras": count,
        "shared": shared,
        "fps": [round((b - a) / passed, 2) for a, b in zip(before, after, strict=True)],
        "rss_mb": round(rss / 1e6),
        "capture_rss_mb": round(children / 1e6),
    }


class _Forgetful(dict[Any, Any]):
    """Keeps nothing: every camera gets a session of its own."""

    def __setitem__(self, key: Any, value: Any) -> None:
        pass


if __name__ == "__main__":
    kind, a, b, c, d = sys.argv[1:]
    if kind == "film":
        print(json.dumps(film(Path(a), Path(b), int(c), skip_still=d == "True")))
    else:
        print(json.dumps(cameras(Path(a), Path(b), int(c), 30.0, shared=d == "True")))
