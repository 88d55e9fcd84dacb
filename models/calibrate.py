"""Puts a checkpoint's scores where the box expects them: `python -m models.calibrate IN.pt --out OUT.pt --stills P …`.

Training moves scores: of two networks with the same boxes, one is as sure at .5 as the other at .25. The box has one
default confidence and rules that lean on it, so weights whose scores drifted count what is not there, however well
they rank. Here each kind of object (people, cycles, four-wheelers) gets one shift of its class scores, on the scale of
their logarithmic odds, such that the confidence at which F0.5 is best on the pictures P is `--at` (default 0.25). F0.5
weighs precision twice as much as recall (van Rijsbergen, Information Retrieval, 1979, chapter 7), because a tracker
bridges what is missed now and then, while what is not there is counted for minutes. The order of detections within a kind, hence average precision, stays as it was. (A prior shift: Menon et al., Long-tail
learning via logit adjustment, ICLR 2021, section 3.)

P are folders of pictures with YOLO labels that no training has seen, see `models.evaluate`; the shift is added to the
biases of the network's last layers, so that export, further training and int8 take it along. `--scale` shrinks a shift.
Needs the extra `models`; see `models.checkpoint` for trust.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.detect import OnnxDetector
from edge.errors import EdgeError
from models import figures, truths
from models.average_precision import FALSE, Ranking
from models.checkpoint import UltralyticsCheckpoint, check_trust
from models.pictures import NAMES

KINDS: Final = {
    "person": ("person",),
    "cycle": ("bicycle", "motorcycle"),
    "four-wheeler": ("car", "bus", "truck"),
}
LEAST: Final = 0.02
LEAST_BOXES: Final = 50  # a kind with fewer true boxes keeps its scores
# F0.5 is flat around its best: the middle of what is this near to it is steadier than the best itself.
NEAR: Final = 0.003
BETA: Final = 0.5
# Where the wanted confidence is nearly as good as the best, as for cars on clear renderings, nothing is moved.
KEPT: Final = 0.01
_LEVELS: Final = np.round(np.arange(0.05, 0.951, 0.01), 2)


def best_confidence(ranking: Ranking, at: float) -> tuple[float, float]:
    """The confidence, .05 to .95, at which F0.5 at IoU .5 is best, and that F0.5; ``at`` where it is nearly as good."""
    found = (ranking.finders[None] >= _LEVELS[:, None]).sum(axis=1)
    false = ((ranking.verdicts[0] == FALSE)[None] & (ranking.scores[None] >= _LEVELS[:, None])).sum(axis=1)
    score = (1 + BETA**2) * found / np.maximum(found + false + BETA**2 * ranking.boxes, 1)
    kept = float(np.interp(at, _LEVELS, score)) >= score.max() - KEPT
    return at if kept else float(_LEVELS[score >= score.max() - NEAR].mean()), float(score.max())


def shift(best: float, at: float) -> float:
    """What moves a score of ``best`` to ``at``, on the scale of logarithmic odds."""
    return math.log(at / (1 - at)) - math.log(best / (1 - best))


def measured(model: Path, folders: Sequence[Path], size: int, at: float) -> dict[str, dict[str, float]]:
    """By kind: true boxes, the best confidence, and its F0.5, over all folders together."""
    detector = OnnxDetector(model, confidence=LEAST, input_size=size)
    pictures = [truths.stills(folder) for folder in folders]
    truth = [own for part in pictures for own in part.truths]
    frames = (frame for part in pictures for frame in part.frames())
    seen = [(detector.detect(frame.image), (frame.image.shape[1], frame.image.shape[0])) for frame in frames]
    found = {}
    for kind in KINDS:
        ranking, _ = figures.rank(truth, seen, figures.LABELS[kind])
        best, score = best_confidence(ranking, at)
        found[kind] = {"boxes": ranking.boxes, "best": round(best, 3), "f": round(score, 4)}
    return found


def shifts(found: dict[str, dict[str, float]], at: float, scale: float) -> dict[str, float]:
    """By kind; 0 for one with too few boxes."""
    return {
        kind: round(scale * shift(own["best"], at), 3) if own["boxes"] >= LEAST_BOXES else 0.0
        for kind, own in found.items()
    }


def apply(checkpoint: Path, out: Path, by_kind: dict[str, float]) -> None:
    """Write the checkpoint with its class biases shifted."""
    import torch

    opened: dict[str, Any] = torch.load(checkpoint, map_location="cpu", weights_only=False)
    for network in (opened.get("model"), opened.get("ema")):
        if network is None:
            continue
        head = network.model[-1]
        for layers in (head.cv3, getattr(head, "one2one_cv3", None) or ()):
            for layer in layers:
                with torch.no_grad():
                    for kind, own in by_kind.items():
                        for name in KINDS[kind]:
                            layer[-1].bias[NAMES.index(name)] += own
    torch.save(opened, out)


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure, shift, write, and measure again. Raises EdgeError or ValueError."""
    check_trust(asked.checkpoint, trust=asked.trust)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        height, width = asked.size * 9 // 16 // 32 * 32 + 32, asked.size

        def figures_of(checkpoint: Path) -> dict[str, dict[str, float]]:
            model = UltralyticsCheckpoint(checkpoint).export(folder, (height, width), dynamic=True)
            return measured(model, asked.stills, asked.size, asked.at)

        before = figures_of(asked.checkpoint)
        by_kind = shifts(before, asked.at, asked.scale)
        apply(asked.checkpoint, asked.out, by_kind)
        return {"at": asked.at, "before": before, "shifts": by_kind, "after": figures_of(asked.out)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="models.calibrate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="IN.pt")
    add("--out", type=Path, required=True, metavar="OUT.pt")
    add("--stills", type=Path, action="append", required=True, metavar="P")
    add("--at", type=float, default=0.25, help="confidence at which F0.5 shall be best (default 0.25)")
    add("--scale", type=float, default=1.0, help="share of each shift to apply (default 1)")
    add("--size", type=int, default=640, help="longer side of the input (default 640)")
    add("--trust", action="store_true", help="open a checkpoint that is not registered")
    add("--json", action="store_true")
    asked = parser.parse_args(arguments)
    if not 0.05 <= asked.at <= 0.95:
        parser.error(f"--at must be within 0.05..0.95 (got {asked.at:g})")
    try:
        made = run(asked)
    except (EdgeError, ValueError) as exc:
        print(exc, file=sys.stderr)
        return getattr(exc, "exit_code", 2)
    if asked.json:
        print(json.dumps({"out": str(asked.out), **made}))
        return 0
    print(f"{'kind':14}{'boxes':>7}{'best at':>9}{'F0.5':>7}{'shift':>8}{'then at':>9}{'F0.5':>7}")
    for kind, was in made["before"].items():
        now = made["after"][kind]
        print(
            f"{kind:14}{was['boxes']:7}{was['best']:9.2f}{was['f']:7.3f}{made['shifts'][kind]:8.2f}"
            f"{now['best']:9.2f}{now['f']:7.3f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
