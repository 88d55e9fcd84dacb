"""Which pictures a training sees: folders, how often each counts, and lists for ultralytics. No torch."""

from __future__ import annotations

import argparse
import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.errors import ModelError

NAMES: Final = ("person", "bicycle", "car", "motorcycle", "bus", "truck")


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of pictures, its labels, and how often its pictures count."""

    folder: Path
    repeat: int = 1

    def pair(self) -> tuple[Path, Path]:
        """The folders of pictures and of labels, absolute.

        Raises:
            ModelError: there is no such pair.
        """
        whole = self.folder.absolute()
        found = (whole / "images", whole / "labels")
        if not found[0].is_dir() and "images" in whole.parts:
            parts = list(whole.parts)
            parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
            found = (whole, Path(*parts))
        if not all(folder.is_dir() for folder in found):
            raise ModelError(
                f"{self.folder}: must hold images/ and labels/, or be an images/… folder with a twin labels/…; check "
                "the path"
            )
        return found


def parse_source(text: str) -> Source:
    """``FOLDER`` or ``FOLDER=TIMES``."""
    folder, _, times = text.rpartition("=")
    if not folder:
        return Source(Path(text))
    if not times.isdecimal() or int(times) < 1:
        raise argparse.ArgumentTypeError(
            f"must be FOLDER or FOLDER=TIMES with TIMES from 1 (got {text}); write e.g. stills=3"
        )
    return Source(Path(folder), int(times))


def link(source: Source, place: Path) -> list[Path]:
    """The labelled pictures of a source, by name, reached through links in ``place``.

    Ultralytics writes its caches next to the labels it reads, and a set of pictures may be read only.

    Raises:
        ModelError: there is none.
    """
    pictures, labels = source.pair()
    for name, target in (("images", pictures), ("labels", labels)):
        here = place / name
        here.parent.mkdir(parents=True, exist_ok=True)
        here.unlink(missing_ok=True)
        here.symlink_to(target, target_is_directory=True)
    files = sorted(
        f for f in pictures.iterdir() if f.suffix in {".jpg", ".png"} and (labels / f"{f.stem}.txt").is_file()
    )
    if not files:
        raise ModelError(
            f"{source.folder}: must hold .jpg or .png pictures with .txt labels of the same names; check the path"
        )
    return [place.absolute() / "images" / f.name for f in files]


def classes_of(picture: Path) -> frozenset[int]:
    """The classes in the label file of a linked picture.

    Raises:
        ModelError: a line is malformed.
    """
    path = picture.parents[1] / "labels" / f"{picture.stem}.txt"
    found = set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        parts = line.split()
        try:
            values = [float(part) for part in parts]
            good = len(values) == 5 and all(0 <= v <= 1 for v in values[1:]) and parts[0].isdecimal()
        except ValueError:
            good = False
        if not good or int(parts[0]) >= len(NAMES):
            raise ModelError(
                f"{path}, line {number}: must be a class below {len(NAMES)} and four fractions from 0 to 1 (got "
                f"{line[:60]!r}); mend or remove it"
            )
        found.add(int(parts[0]))
    return frozenset(found)


def factors(classes: Sequence[frozenset[int]], balance: float) -> list[float]:
    """How often each picture counts: max(1, sqrt(balance / f)) for the rarest of its classes.

    f is the share of pictures that hold the class (Gupta, Dollár, Girshick: LVIS, CVPR 2019, section on repeat
    factor sampling).
    """
    seen = Counter(cls for found in classes for cls in found)
    times = {cls: max(1.0, math.sqrt(balance * len(classes) / n)) for cls, n in seen.items()}
    return [max((times[cls] for cls in found), default=1.0) for found in classes]


def write_mix(
    out: Path, sources: Sequence[Source], valid: Source, balance: float, limit: int | None, seed: int
) -> tuple[Path, dict[str, int]]:
    """Write the lists of pictures under ``out``: the data file for ultralytics, and how many pictures each source shows.

    Raises:
        ModelError: no pictures, or malformed labels.
    """
    if not sources:
        raise ModelError("--pictures: must be given at least once; name a folder with images/ and labels/")
    rng = random.Random(seed)  # noqa: S311
    drawn: list[tuple[Path, int]] = []
    for number, source in enumerate(sources):
        files = link(source, out / "linked" / str(number))
        if limit is not None and limit < len(files):
            files = sorted(rng.sample(files, limit))
        drawn += [(path, number) for path in files]
    shares = factors([classes_of(path) for path, _ in drawn], balance)
    shown: list[str] = []
    counts = dict.fromkeys(range(len(sources)), 0)
    for (path, number), share in zip(drawn, shares, strict=True):
        wanted = share * sources[number].repeat
        times = int(wanted) + (rng.random() < wanted % 1)
        shown += [str(path)] * times
        counts[number] += times
    (out / "train.txt").write_text("\n".join(shown) + "\n")
    checked = [str(path) for path in link(valid, out / "linked" / "valid")]
    (out / "valid.txt").write_text("\n".join(checked) + "\n")
    data = {"path": str(out.resolve()), "train": "train.txt", "val": "valid.txt", "names": list(NAMES)}
    (out / "data.yaml").write_text(json.dumps(data) + "\n")  # JSON is YAML
    return out / "data.yaml", {"/".join(sources[n].folder.parts[-2:]): k for n, k in counts.items()}


def parse_size(text: str) -> tuple[int, int]:
    """``640`` or ``384x640`` (height x width) as (height, width), multiples of 32."""
    height, _, width = text.partition("x")
    try:
        size = int(height), int(width or height)
    except ValueError:
        size = (0, 0)
    if any(side <= 0 or side % 32 for side in size):
        raise argparse.ArgumentTypeError(
            f"must be N or HxW, multiples of 32 (got {text}); write e.g. 640 or 384x640"
        )
    return size
