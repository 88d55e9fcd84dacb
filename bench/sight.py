"""Faults of the picture put onto real and rendered films: which are found, how soon, and what is called a fault that is none.

    python -m bench.sight [--shared DIR] [--films N] [--json]

Films: the fixed cameras under DIR/data (default ../shared; not part of the project) and the rendered minutes in sample_videos,
one look a second, to and fro where a film is too short; every look gets a level of fresh sensor noise. After 25 s as they are,
each fault is put on until it is found or its time is up (10 s; moved 60 s), then taken off until it is called over. Calls on
the films as they are, and under what is no fault (light that comes and goes, a switch to night mode, gusts, a lorry before a
third of the view), are false. No detector runs: people are not left out of the reference, which is the harder case.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from contract.names import Flag
from edge.records import ImageArray
from edge.sight import Sight
from edge.view import WIDE, look_at

ROOT: Final = Path(__file__).parent.parent
CLEAN_S: Final = 25
AROUND_S: Final = 45
LIMIT_S: Final[dict[Flag, int]] = {"frozen": 10, "covered": 10, "dark": 10, "degraded": 10, "moved": 60}
NOT_FIXED: Final = {"vid068"}  # it pans and zooms: `moved` is right there
NOBODY: Final = np.zeros((0, 4), np.float32)
Alter = Callable[[ImageArray, int], ImageArray]
_random = np.random.default_rng(6)


def _levels(values: Any) -> ImageArray:
    levels: ImageArray = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return levels


def _soft(image: ImageArray, sigma: float) -> ImageArray:
    """A strong blur, by way of a small picture."""
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(2, round(width / sigma)), max(2, round(height / sigma))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _knocked(
    image: ImageArray, right: float = 0, down: float = 0, turn: float = 0, zoom: float = 1
) -> ImageArray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    matrix[:, 2] += (right * width, down * height)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)


def _painted(image: ImageArray, second: int) -> ImageArray:
    image = image.copy()
    image[: round(0.85 * len(image))] = 190
    return image


def _drops(image: ImageArray, second: int) -> ImageArray:
    """Drops on the lens: two thirds of the view through soft discs that stay."""
    places = np.random.default_rng(3).random((60, 3))
    mask = np.zeros(image.shape[:2], np.uint8)
    for x, y, size in places:
        centre = (round(x * image.shape[1]), round(y * image.shape[0]))
        cv2.circle(mask, centre, round((0.03 + 0.06 * size) * image.shape[1]), 255, -1)
    return np.where(mask[:, :, None] > 0, _soft(image, 6), image)


def _noisy(image: ImageArray, sigma: float) -> ImageArray:
    return _levels(image + _random.normal(0, sigma, (*image.shape[:2], 1)))


def _lorry(image: ImageArray, second: int) -> ImageArray:
    height, width = image.shape[:2]
    image = image.copy()
    image[round(0.2 * height) : round(0.9 * height), round(0.3 * width) : round(0.8 * width)] = (
        170,
        160,
        150,
    )
    return image


FAULTS: Final[dict[str, tuple[Flag, Alter]]] = {
    "the stream repeats its last picture": ("frozen", lambda image, second: image),
    "a bag over the lens": ("covered", lambda image, second: _levels(0.4 * _soft(image, 60) + 20)),
    "85 % painted over": ("covered", _painted),
    "a cap on the lens by day": ("covered", lambda image, second: _levels(0.01 * image)),
    "no light": ("dark", lambda image, second: _noisy(_levels(image * max(0.04, 0.9**second)), 1.5)),
    "out of focus (sigma 1/320 of the width)": (
        "degraded",
        lambda image, second: np.asarray(cv2.GaussianBlur(image, (0, 0), image.shape[1] / 320), np.uint8),
    ),
    "drops on the lens": ("degraded", _drops),
    "noise of 25 levels": ("degraded", lambda image, second: _noisy(image, 25)),
    "knocked right by 3 %": ("moved", lambda image, second: _knocked(image, right=0.03)),
    "sagged by 4 %": ("moved", lambda image, second: _knocked(image, down=-0.04)),
    "turned by 4 degrees": ("moved", lambda image, second: _knocked(image, turn=4)),
    "zoomed by 10 %": ("moved", lambda image, second: _knocked(image, zoom=1.1)),
    "turned away": ("moved", lambda image, second: _knocked(image, 0.4, 0.3)),
}
HARMLESS: Final[dict[str, Alter]] = {
    "as it is": lambda image, second: image,
    "sun and cloud": lambda image, second: _levels(image * (0.65 + 0.35 * np.cos(second / 3))),
    "night mode": lambda image, second: (
        image if second < CLEAN_S else _noisy(_levels(255 * (image / 255) ** 1.6 * 0.5), 4)
    ),
    "gusts": lambda image, second: _knocked(image, *_random.normal(0, 0.005, 2)),
    "a lorry stands before a third of the view": lambda image, second: (
        image if second < CLEAN_S else _lorry(image, second)
    ),
}


def film(path: Path) -> list[ImageArray]:
    """A picture a second, at most `WIDE` across, of a video or of a folder's stills that begin alike; noise put on."""
    stills = []
    if path.suffix == ".mp4":
        source = cv2.VideoCapture(str(path))
        step = max(1, round(source.get(cv2.CAP_PROP_FPS)))
        number = 0
        while source.grab():
            if number % step == 0:
                stills.append(source.retrieve()[1])
            number += 1
    else:
        stills = [cv2.imread(str(still)) for still in sorted(path.parent.glob(f"{path.name}_*"))]
    wide = [
        cv2.resize(still, (WIDE, round(WIDE * still.shape[0] / still.shape[1])), interpolation=cv2.INTER_AREA)
        if still.shape[1] > WIDE
        else still
        for still in stills
    ]
    there_and_back = [*wide, *wide[-2:0:-1]]
    length = max(len(wide), CLEAN_S + AROUND_S)
    return [_grain(there_and_back[place % len(there_and_back)]) for place in range(length)]


def _grain(image: ImageArray) -> ImageArray:
    return _levels(image + _random.integers(-1, 2, image.shape, np.int16))


def find_fault(
    sight: Sight, pictures: list[ImageArray], flag: Flag, alter: Alter
) -> tuple[int | None, int | None, set[str]]:
    """Seconds until a fault is found and, taken off, until it is over (None: not within its time), and what else was called."""
    found, over, others = None, None, set()
    last = pictures[CLEAN_S - 1]
    at = CLEAN_S
    # Where the light fades, time counts from when it is gone.
    fade = 22 if flag == "dark" else 0
    for second in range(LIMIT_S[flag] + fade + 1):
        picture = last if flag == "frozen" else alter(pictures[CLEAN_S + second % AROUND_S], second)
        began = {change.flag for change in sight.see(look_at(picture, NOBODY, at)) if change.began}
        at += 1
        others |= began - {flag}
        if flag in began:
            found = max(second - fade, 0)
            break
    for second in range(LIMIT_S[flag] + 1 if found is not None else 0):
        sight.see(look_at(pictures[CLEAN_S + second % AROUND_S], NOBODY, at))
        at += 1
        if flag not in sight.current:
            over = second
            break
    return found, over, set(others)


def false_calls(pictures: list[ImageArray], alter: Alter) -> list[str]:
    """The faults called on pictures that have none."""
    sight = Sight()
    return [
        change.flag
        for second, picture in enumerate(pictures)
        for change in sight.see(look_at(alter(picture, second), NOBODY, second))
        if change.began
    ]


def cost_ms() -> tuple[float, float]:
    """Milliseconds of processor time of a look and of its judgement, at 640 x 360."""
    images = film(ROOT / "sample_videos" / "street.mp4")
    sight = Sight()
    began = time.process_time()
    looks = [look_at(images[second], NOBODY, second) for second in range(60)]
    middle = time.process_time()
    for look in looks:
        sight.see(look)
    return (middle - began) / 60 * 1000, (time.process_time() - middle) / 60 * 1000


def films(shared: Path, most: int | None) -> list[Path]:
    """The films there are."""
    data = shared / "data"
    found = [
        *sorted(data.glob("clips/*.mp4")),
        data / "clouds/video.mp4",
        data / "sequences/PETS09-S2L1/video.mp4",
    ]
    found = [path for path in found if path.exists()]
    names = sorted({path.name.split("_")[0] for path in data.glob("detect/images/train/vid*")} - NOT_FIXED)
    found += sorted((ROOT / "sample_videos").glob("*.mp4"))
    found += [data / "detect/images/train" / name for name in names]
    return found[:most]


def measured(path: Path) -> dict[str, Any]:
    """Everything about one film."""
    pictures = film(path)
    start = Sight()
    for second, picture in enumerate(pictures[:CLEAN_S]):
        start.see(look_at(picture, NOBODY, second))
    faults = {}
    for name, (flag, alter) in FAULTS.items():
        found, over, others = find_fault(copy.deepcopy(start), pictures, flag, alter)
        faults[name] = {"flag": flag, "found_s": found, "over_s": over, "also": sorted(others)}
    calls = {name: false_calls(pictures, alter) for name, alter in HARMLESS.items()}
    title = path.parent.name if path.stem == "video" else path.stem
    return {"film": title, "seconds": len(pictures), "faults": faults, "false": calls}


def summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Over all films: of each fault how many were found, the median and the longest delay; of all else the false calls."""
    faults = {}
    for name, (flag, _) in FAULTS.items():
        cases = [result["faults"][name] for result in results]
        delays = sorted(case["found_s"] for case in cases if case["found_s"] is not None)
        faults[name] = {
            "flag": flag,
            "films": len(cases),
            "found": len(delays),
            "median_s": delays[len(delays) // 2] if delays else None,
            "longest_s": delays[-1] if delays else None,
            "over": sum(case["over_s"] is not None for case in cases),
            "missed": [r["film"] for r, case in zip(results, cases, strict=True) if case["found_s"] is None],
        }
    false = {
        name: {
            "minutes": round(sum(result["seconds"] for result in results) / 60, 1),
            "calls": {result["film"]: result["false"][name] for result in results if result["false"][name]},
        }
        for name in HARMLESS
    }
    return {"faults": faults, "false": false}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--films", type=int, help="the first N only")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    results = []
    for path in films(asked.shared, asked.films):
        results.append(measured(path))
        print(json.dumps(results[-1]), file=sys.stderr, flush=True)
    told = summary(results)
    look_ms, judge_ms = cost_ms()
    told["look_ms"], told["judge_ms"] = round(look_ms, 2), round(judge_ms, 2)
    if asked.json:
        print(json.dumps(told))
        return
    for name, case in told["faults"].items():
        print(
            f"{case['flag']:9} {name:42} {case['found']:3} of {case['films']}, median {case['median_s']} s, longest"
            f" {case['longest_s']} s, over again {case['over']}; missed: {', '.join(case['missed']) or '-'}"
        )
    for name, case in told["false"].items():
        print(f"no fault  {name:42} {case['minutes']} minutes, false calls: {case['calls'] or 'none'}")
    print(f"a look costs {look_ms:.2f} ms, its judgement {judge_ms:.2f} ms of processor time")


if __name__ == "__main__":
    main()
