"""Trains the plate network: `python -m models.train_plates --pictures DIR --out FILE.onnx`.

A small convolutional network (100,000 weights, grey in, one map of a quarter of the size out) learns where plates are
in pictures that have rendered plates pasted in (`models.plate_pictures`). DIR holds pictures with YOLO labels in its
twin folder; no plate in them needs a label. A CPU is enough: half an hour of half a core. Needs the extra `models`.
Which plates it finds on real roads: `python -m bench.blur --set plates`.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.plate_pictures import Sample, read, sample

SIDE: Final = 160
HELD_OUT: Final = 0.05  # of the pictures, for the figure printed on the way
KEPT: Final = 64  # pictures at hand
POOL: Final = 256  # samples at hand
LIT: Final = 4.0  # how much more a cell on a plate counts


def network() -> Any:
    """(N, 1, H, W) in 0..1 -> (N, 1, H/4, W/4) logits; H and W multiples of 8."""
    import torch
    from torch import nn

    def layer(before: int, after: int, stride: int = 1, spread: int = 1) -> nn.Module:
        conv = nn.Conv2d(before, after, 3, stride, spread, dilation=spread, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU())

    class Residual(nn.Module):  # type: ignore[misc]
        def __init__(self, width: int, spread: int) -> None:
            super().__init__()
            self.inner = layer(width, width, 1, spread)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.inner(x)

    return nn.Sequential(
        layer(1, 12, 2), layer(12, 24, 2), layer(24, 44, 2),
        Residual(44, 1), Residual(44, 2), Residual(44, 4), Residual(44, 2), Residual(44, 1),
        nn.Conv2d(44, 4, 1), nn.PixelShuffle(2),
    )  # fmt: skip


def batches(pictures: list[Path], size: int, seed: int) -> Iterator[tuple[NDArray[np.float32], ...]]:
    """Image, target and weight (N, 1, …), for ever. A picture serves several samples and a sample three steps: making
    them costs more than learning from them.
    """
    rng = np.random.default_rng(seed)
    kept: list[tuple[Any, Any]] = []
    pool: list[Sample] = []
    while True:
        while len(kept) < KEPT:
            found = read(pictures[rng.integers(len(pictures))])
            if found is not None:
                kept.append(found)
        while len(pool) < POOL:
            pool.append(sample(rng, *kept[rng.integers(len(kept))], SIDE))
        chosen = rng.permutation(POOL)[:size]
        yield stacked([pool[k] for k in chosen])
        gone = set(chosen[: size // 3].tolist())
        pool = [item for k, item in enumerate(pool) if k not in gone]
        del kept[: size // 8]


def stacked(made: list[Sample]) -> tuple[NDArray[np.float32], ...]:
    """Samples as arrays (N, 1, H, W) float32."""
    image = np.stack([item.image for item in made])[:, None].astype(np.float32) / np.float32(255)
    return image, np.stack([s.target for s in made])[:, None], np.stack([s.weight for s in made])[:, None]


def loss_of(logits: Any, target: Any, weight: Any) -> Any:
    """Cross entropy by cell, plates counting more, and one minus the soft Dice coefficient."""
    import torch
    from torch.nn import functional

    each = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    cells = (each * weight * (1 + (LIT - 1) * target)).sum() / weight.sum().clamp(min=1)
    score = torch.sigmoid(logits) * weight
    dice = (2 * (score * target).sum() + 1) / (score.sum() + (target * weight).sum() + 1)
    return cells + 0.5 * (1 - dice)


def train(asked: argparse.Namespace) -> Any:
    """The trained network, after ``minutes`` or ``steps``, whichever comes first."""
    import cv2
    import torch

    cv2.setNumThreads(asked.threads)
    torch.manual_seed(asked.seed)
    torch.set_num_threads(asked.threads)
    pictures = sorted(path for path in asked.pictures.rglob("*") if path.suffix in {".jpg", ".png"})
    held = [p for p in pictures if hashlib.sha256(p.name.encode()).digest()[0] < 256 * HELD_OUT]
    feed = batches(sorted(set(pictures) - set(held)), asked.batch, asked.seed)
    check = [next(batches(held, 64, 1)) for _ in range(3)]
    net = network()
    found = torch.optim.AdamW(net.parameters(), lr=asked.lr, weight_decay=1e-3)
    began, told = time.monotonic(), time.monotonic()
    for step in range(asked.steps):
        share = max(step / asked.steps, (time.monotonic() - began) / (60 * asked.minutes))
        if share >= 1:
            break
        for group in found.param_groups:
            group["lr"] = (
                asked.lr * min(1.0, (step + 1) / 100) * (0.01 + 0.99 * (1 + np.cos(np.pi * share)) / 2)
            )
        net.train()
        image, target, weight = (torch.from_numpy(part) for part in next(feed))
        loss = loss_of(net(image), target, weight)
        found.zero_grad()
        loss.backward()
        found.step()
        if time.monotonic() - told > 60:
            told = time.monotonic()
            print(
                f"step {step}, {share:.0%}: loss {float(loss.detach()):.3f}; {judged(net, check)}",
                file=sys.stderr,
                flush=True,
            )
            export(net, asked.out)
    return net


def judged(net: Any, check: list[tuple[NDArray[np.float32], ...]]) -> str:
    """Recall and precision by cell, at .5, on held-out pictures."""
    import torch

    net.eval()
    hits = said = there = 0.0
    with torch.no_grad():
        for image, target, weight in check:
            score = torch.sigmoid(net(torch.from_numpy(image))).numpy() > 0.5
            known = weight > 0
            hits += float((score & (target > 0) & known).sum())
            said, there = said + float((score & known).sum()), there + float(((target > 0) & known).sum())
    return f"recall {hits / max(1, there):.3f}, precision {hits / max(1, said):.3f}"


def export(net: Any, out: Path) -> None:
    """An .onnx file of free input size, probabilities out, and its SHA-256 beside it."""
    import torch

    whole = torch.nn.Sequential(net, torch.nn.Sigmoid()).eval()
    axes = {"image": {2: "height", 3: "width"}, "plates": {2: "rows", 3: "columns"}}
    torch.onnx.export(
        whole, (torch.zeros(1, 1, 64, 64),), str(out), input_names=["image"], output_names=["plates"],
        dynamic_axes=axes, opset_version=17, dynamo=False,
    )  # fmt: skip
    total = hashlib.sha256(out.read_bytes()).hexdigest()
    out.with_suffix(".sha256").write_text(f"{total}  {out.name}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="models.train_plates", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pictures", type=Path, required=True, help="folder `…/images/…` with its twin `…/labels/…`"
    )
    parser.add_argument("--out", type=Path, required=True, help="the .onnx file to write")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--minutes", type=float, default=30.0, help="ends then, whatever the steps")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.004)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    export(train(asked), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
