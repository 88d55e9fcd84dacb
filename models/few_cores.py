"""Ultralytics' trainer made fit for a CPU with few cores, and for the shapes of pictures that a box sees."""

from __future__ import annotations

import copy
import random
import sys
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from models.checkpoint import offline
from models.evening import evening
from models.pictures import NAMES

KEEP_SHARE: Final = 0.4  # an object of which less is left after a cut is no example of it any more
STRIDE: Final = 32
REPORT_S: Final = 60.0
LIT: Final = [NAMES.index(name) for name in ("car", "bus", "truck")]


def cut_boxes(
    xywh: NDArray[np.float32], side: int, top: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Boxes (N, 4), centre and size as fractions of a square, after cutting it to ``height`` rows from ``top``.

    Also (N,) which of them keep at least KEEP_SHARE of their area; the others are to be dropped.
    """
    upper = (xywh[:, 1] - xywh[:, 3] / 2) * side - top
    lower = (xywh[:, 1] + xywh[:, 3] / 2) * side - top
    new_upper, new_lower = upper.clip(0, height), lower.clip(0, height)
    keep = (new_lower - new_upper) >= KEEP_SHARE * (lower - upper)
    cut = xywh.copy()
    cut[:, 1], cut[:, 3] = (new_upper + new_lower) / 2 / height, (new_lower - new_upper) / height
    return cut, keep & (new_lower > new_upper)


def shrunk(size: tuple[int, int], least: int, rng: np.random.Generator) -> tuple[int, int]:
    """A random size of the same shape whose longer side lies between ``least`` and the given one, by the stride.

    Costs fall with the area, so every size takes an equal share of the pictures, not of the time. 0: never shrunk.
    """
    longer = max(size)
    if not 0 < least < longer:
        return size
    steps = np.arange(-(-least // STRIDE), longer // STRIDE + 1) * STRIDE
    factor = float(rng.choice(steps)) / longer
    height, width = (max(STRIDE, round(side * factor / STRIDE) * STRIDE) for side in size)
    return height, width


class Evenings:
    """A step of ultralytics' augmentation that turns a share of the pictures into evenings."""

    def __init__(self, share: float) -> None:
        self.share = share

    def __call__(self, labels: dict[str, Any]) -> dict[str, Any]:
        """The sample with another ``img``; its boxes stay."""
        if random.random() < self.share:  # noqa: S311 - seeded by ultralytics, for each loader
            height, width = labels["img"].shape[:2]
            boxes = labels["instances"]
            boxes.convert_bbox("xyxy")
            boxes.denormalize(width, height)
            lit = boxes.bboxes[np.isin(labels["cls"].ravel(), LIT)]
            labels["img"] = evening(labels["img"], lit, np.random.default_rng(random.getrandbits(64)))
        return labels


def trainer_class(
    size: tuple[int, int], least: int, threads: int, seed: int, device: str, evenings: float = 0.0
) -> Any:
    """A DetectionTrainer; ultralytics is imported only here.

    Raises:
        ModelError: the extra `models` is not installed.
    """
    offline()
    try:
        import torch
        from ultralytics.engine import trainer as engine
        from ultralytics.models.yolo.detect import DetectionTrainer
        from ultralytics.utils.torch_utils import strip_optimizer
    except ImportError as exc:
        raise ModelError(
            f"train: ultralytics and torch are missing ({exc}): pip install 'parvis[models]'"
        ) from exc
    on_cpu = device == "cpu"
    if on_cpu:
        engine.autocast = lambda *_args, **_kwargs: torch.autocast("cpu", dtype=torch.bfloat16)
    height, width = size
    rng = np.random.default_rng(seed)

    class FewCoresTrainer(DetectionTrainer):  # type: ignore[misc]
        pictures = 0
        started = told = 0.0

        def get_dataloader(self, *args: Any, **kwargs: Any) -> Any:
            if on_cpu:
                self.args.workers = 1
            return super().get_dataloader(*args, **kwargs)

        def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
            made = super().build_dataset(img_path, mode, batch)
            if mode == "train" and evenings > 0:
                build = made.build_transforms

                def with_evenings(hyp: Any) -> Any:
                    steps = build(hyp)
                    steps.insert(len(steps.transforms) - 1, Evenings(evenings))  # the last one makes tensors
                    return steps

                made.build_transforms = with_evenings  # also called when the mosaics end
                made.transforms = with_evenings(copy.copy(self.args))
            return made

        def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
            if on_cpu:
                torch.set_num_threads(threads)  # the loader's start resets it
            self._tell(len(batch["img"]))
            side = batch["img"].shape[2]
            if height < width and side == width:
                slack = (side - height) // 2
                top = slack + int(rng.integers(-slack // 3, slack // 3 + 1))
                boxes, keep = cut_boxes(batch["bboxes"].numpy(), side, top, height)
                batch["img"] = batch["img"][:, :, top : top + height].contiguous()
                batch["bboxes"] = torch.from_numpy(boxes[keep])
                for key in ("cls", "batch_idx"):
                    batch[key] = batch[key][torch.from_numpy(keep)]
            ready = dict(super().preprocess_batch(batch))
            now = (int(ready["img"].shape[2]), int(ready["img"].shape[3]))
            wanted = shrunk(now, least, rng)
            if wanted != now:
                ready["img"] = torch.nn.functional.interpolate(
                    ready["img"], wanted, mode="bilinear", antialias=True
                )
            return ready

        def final_eval(self) -> None:
            """Ultralytics measures the last weights even when told not to measure; that takes minutes on a CPU."""
            if self.args.val:
                super().final_eval()
                return
            for path in (self.last, self.best):
                if path.exists():
                    strip_optimizer(path)

        def _tell(self, more: int) -> None:
            """How fast it goes, once a minute."""
            now = time.monotonic()
            self.started, self.told = self.started or now, self.told or now
            self.pictures += more
            if now - self.told >= REPORT_S:
                self.told = now
                rate = self.pictures / (now - self.started)
                loss = " ".join(f"{float(v):.3f}" for v in self.tloss.values()) if isinstance(self.tloss, dict) else self.tloss  # fmt: skip
                print(
                    f"epoch {self.epoch + 1} of {self.epochs}: {rate:.1f} pictures/s, loss {loss}",
                    file=sys.stderr,
                    flush=True,
                )

    return FewCoresTrainer
