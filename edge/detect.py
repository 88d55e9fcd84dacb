"""The detector: resizes a frame, runs an ONNX model on it, hands out boxes. Runs in `edge.session`.

Per frame nothing is allocated for the picture: it is resized into one buffer, its channels are split into three
more and scaled straight into the model's input, whose grey padding was painted once. Times on two cores in
`bench/detect_speed.py`.

Not safe to call from two threads at once: build one detector per thread.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np

from contract.names import CLASSES, ObjectClass
from edge import letterbox, model_file, session, yolo
from edge.errors import ModelError
from edge.records import Detections, FloatArray, ImageArray, IntArray

BUNDLED: Final = Path(__file__).parent.parent / "models"
_PROBE_HW: Final = (320, 320)  # what a model of free input size is tried with when it is loaded

Look = Callable[[tuple[int, int]], letterbox.Part | None]
Names = Literal["coco"] | Sequence[str] | Mapping[int, str] | None


def resolve_model(name: str | Path) -> Path:
    """The file of a model: ``starter`` is the bundled one, checked against its SHA-256; else a path, unchecked.

    Raises:
        ModelError: the bundled model is missing or is not the one that was released.
    """
    if str(name) != "starter":
        return Path(name)
    path, sums = BUNDLED / "starter.onnx", BUNDLED / "starter.sha256"
    try:
        wanted, found = sums.read_text().split()[0], hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, IndexError) as exc:
        raise ModelError(
            f"model starter: {path} and {sums.name} must be readable ({exc}); install Parvis again"
        ) from exc
    if wanted != found:
        raise ModelError(
            f"model starter: {path} must have the SHA-256 {wanted} (got {found}); it is damaged or was replaced: "
            "install Parvis again, or give the path of your own model instead of 'starter'"
        )
    return path


@dataclass(slots=True)
class _Input:
    """Buffers for frames of one size: the picture's three places in ``blob`` are ``planes``."""

    frame_hw: tuple[int, int]
    box: letterbox.Letterbox
    blob: FloatArray  # (1, 3, H, W), padding painted
    planes: list[FloatArray]  # views of blob, in the order B, G, R
    resized: ImageArray  # (h, w, 3) uint8
    channels: list[ImageArray]  # three (h, w) uint8


class OnnxDetector:
    """A YOLO-family model in ONNX Runtime on the CPU.

    ``classes``: what the configuration counts; the model must know them all, and nothing else comes out. Riders are
    merged into their cycle before that choice, so they are no persons either. None: all classes that the model
    knows; a preview needs None, so that its mask covers more than is counted.
    ``names``: class names for a model without them, ``coco`` or a list or mapping; they win over the metadata.
    ``input_size``: (height, width), or the longer side, the other following the first frame's aspect; default: the
    size in the metadata, or 640. A model of fixed input size keeps its own.
    ``look``: which part of frames of some width and height the model sees (`edge.look`); default: all of them.
    ``spinning``: threads wait busily between operators: 15 % faster, but it more than doubles the processor time of
    a live camera; for replays only.

    Raises:
        ModelError: the file cannot be used, or lacks a class that is asked for.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        confidence: float = 0.25,
        classes: frozenset[ObjectClass] | None = None,
        names: Names = None,
        input_size: int | tuple[int, int] | None = None,
        threads: int = 2,
        iou: float = 0.55,
        spinning: bool = False,
        look: Look | None = None,
    ) -> None:
        self._where = f"model {path}"
        data = model_file.read(Path(path), self._where)
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.label = (re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(path).stem).lstrip("._+-") or "model")[:64]
        self._session = session.open_session(data, threads, spinning, self._where)
        self._metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self._lookup = self._class_lookup(names)
        self.supported = frozenset(CLASSES[i] for i in self._lookup if i >= 0)
        self._wanted = self._wanted_classes(classes)
        self._confidence, self._iou, self._look = confidence, iou, look
        self._input_name, self._fixed_hw = self._input_of_model()
        self._stride, self._size = self._size_of_input(input_size)
        self._full = (self._size,) if isinstance(self._size, int) else self._size
        self._layout = self._probe()
        self._input: _Input | None = None
        self._output: FloatArray | None = None
        self.input_hw = self._fixed_hw or (self._size if isinstance(self._size, tuple) else None)

    def detect(self, image: ImageArray) -> Detections:
        """Objects of one frame (H, W, 3) uint8 BGR, boxes clipped to it; ValueError for other arrays."""
        self._output = self.infer(self.preprocess(image))
        return self.postprocess(self._output)

    def again(self, confidence: float) -> Detections:
        """What the frame of the last `detect` holds from another confidence on, without another look at it."""
        return Detections.empty() if self._output is None else self.postprocess(self._output, confidence)

    @property
    def resizable(self) -> bool:
        """Whether the model takes inputs of several sizes."""
        return self._fixed_hw is None

    def shrink(self, share: float) -> None:
        """From the next frame on, take this share (0..1] of the configured input size, in whole strides."""
        if self._fixed_hw is None:
            sides = [
                max(self._stride, round(side * share / self._stride) * self._stride) for side in self._full
            ]
            self._size = sides[0] if len(sides) == 1 else (sides[0], sides[1])
            self._input, self.input_hw = None, self._size if isinstance(self._size, tuple) else None

    def preprocess(self, image: ImageArray) -> FloatArray:
        """The model's input (1, 3, h, w) float32; the same buffer each time."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"a frame must be (H, W, 3) uint8 (got {image.shape} {image.dtype})")
        to = self._input
        if to is None or to.frame_hw != image.shape[:2]:
            to = self._input = self._buffers((image.shape[0], image.shape[1]))
        x1, y1, x2, y2 = to.box.part
        image = image[y1:y2, x1:x2]
        if to.resized.shape != image.shape:
            cv2.resize(image, to.resized.shape[1::-1], dst=to.resized, interpolation=cv2.INTER_LINEAR)
            image = to.resized
        scale = np.float32(1 if self._layout is yolo.Layout.YOLOX else 1 / 255)
        for channel, plane in zip(
            cv2.split(np.ascontiguousarray(image), to.channels), to.planes, strict=True
        ):
            np.multiply(channel, scale, out=plane)
        return to.blob

    def infer(self, blob: FloatArray) -> FloatArray:
        """The first output, float32, without its batch axis."""
        try:
            output: FloatArray = self._session.run(None, {self._input_name: blob})[0]
        except Exception as exc:  # onnxruntime's own exceptions share no base but this
            raise ModelError(
                f"{self._where}: onnxruntime must be able to run it on an input of {blob.shape} ({session.short(exc)}); "
                "set input_size to a size the model was exported for"
            ) from exc
        return output[0] if output.ndim else output

    def postprocess(self, output: FloatArray, confidence: float | None = None) -> Detections:
        """Boxes in pixels of the frame given to `preprocess` last; ``confidence``: another than the detector's."""
        to = self._input
        if to is None:
            return Detections.empty()
        least = self._confidence if confidence is None else confidence
        found = yolo.decode(output, self._layout, self._lookup, least, to.box.input_hw)
        found = yolo.suppress(found, self._iou)
        low, high = np.array(to.box.part[:2] * 2, np.float32), np.array(to.box.part[2:] * 2, np.float32)
        xyxy = to.box.to_frame(found.xyxy).clip(low, high)
        inside = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        found = yolo.merge_riders(Detections(xyxy, found.confidence, found.class_id).where(inside))
        return found if self._wanted is None else found.where(np.isin(found.class_id, self._wanted))

    @property
    def part(self) -> letterbox.Part | None:
        """What of the frame the model sees, pixels; None before the first frame."""
        return None if self._input is None else self._input.box.part

    @property
    def scale(self) -> float | None:
        """Pixels of the model's input to one of the frame; None before the first frame."""
        return None if self._input is None else self._input.box.scale

    def _buffers(self, frame_hw: tuple[int, int]) -> _Input:
        part = self._look(frame_hw[::-1]) if self._look else None
        part = part or (0, 0, frame_hw[1], frame_hw[0])
        if self.input_hw is None or (self._look and self._fixed_hw is None):
            assert isinstance(self._size, int)  # noqa: S101
            self.input_hw = letterbox.fitted_part(frame_hw, part, self._size, self._stride)
        yolox = self._layout is yolo.Layout.YOLOX
        box = letterbox.Letterbox.fit(frame_hw, self.input_hw, centred=not yolox, part=part)
        (height, width), (top, left) = box.inner_hw, (box.pad_y, box.pad_x)
        padding = np.float32(letterbox.PADDING if yolox else letterbox.PADDING / 255)
        blob = np.full((1, 3, *self.input_hw), padding, np.float32)
        inner = blob[0, :, top : top + height, left : left + width]
        order = (0, 1, 2) if yolox else (2, 1, 0)  # frames are BGR; YOLOX was trained so, the others on RGB
        channels = [np.empty((height, width), np.uint8) for _ in range(3)]
        resized = np.empty((height, width, 3), np.uint8)
        return _Input(frame_hw, box, blob, [inner[i] for i in order], resized, channels)

    def _class_lookup(self, names: Names) -> IntArray:
        given = model_file.checked_names(model_file.COCO if names == "coco" else names)
        if given is None and names is not None:
            raise ModelError(
                f"{self._where}: names must be 'coco', a list of class names or number: name pairs (got {names!r:.80})"
            )
        known = given or model_file.parse_names(self._metadata.get("names", ""))
        if known is None:
            raise ModelError(
                f"{self._where}: the class names must be known (the file has no readable metadata 'names'); if it was "
                "trained on COCO add 'names: coco' to the model's configuration, else list its names there"
            )
        return model_file.class_lookup(known)

    def _wanted_classes(self, classes: frozenset[ObjectClass] | None) -> IntArray | None:
        missing = sorted((classes or frozenset()) - self.supported)
        if missing or not self.supported:
            has = ", ".join(n for n in CLASSES if n in self.supported) or "none of " + ", ".join(CLASSES)
            raise ModelError(
                f"{self._where}: must know every class the configuration counts ({', '.join(missing) or 'any'} is "
                f"missing, it has {has}); count other classes or use another model"
            )
        return None if classes is None else np.array([CLASSES.index(n) for n in sorted(classes)], np.int64)

    def _input_of_model(self) -> tuple[str, tuple[int, int] | None]:
        """Name of the one input, and its height and width where both are fixed."""
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if inputs else []
        batch, channels, *sides = shape if len(shape) == 4 else (0, 0)
        free = (int, str, type(None))
        if (
            len(inputs) != 1
            or inputs[0].type != "tensor(float)"
            or channels != 3
            or batch in {0, *range(2, 65)}
        ):
            found = "; ".join(f"{i.type} {i.shape}" for i in inputs)
            raise ModelError(
                f"{self._where}: must take one float32 input [1, 3, height, width] (got {found}); export the detector "
                "without half precision and with batch 1"
            )
        assert all(isinstance(side, free) for side in sides)  # noqa: S101
        fixed = all(isinstance(side, int) for side in sides)
        return inputs[0].name, (sides[0], sides[1]) if fixed else None

    def _size_of_input(self, asked: int | tuple[int, int] | None) -> tuple[int, int | tuple[int, int]]:
        """The stride, and the input size for a model that leaves it free."""
        stride = model_file.number(self._metadata.get("stride")) or max(yolo.STRIDES)
        if asked is None:
            asked = model_file.number(self._metadata.get("imgsz")) or 640
        if not all(stride <= side <= 4096 for side in ((asked,) if isinstance(asked, int) else asked)):
            raise ModelError(
                f"{self._where}: input_size must be within {stride}..4096 (got {asked}); write e.g. 640"
            )
        return stride, asked if isinstance(asked, int) else letterbox.fitted_input(asked, max(asked), stride)

    def _probe(self) -> yolo.Layout:
        """One run on a blank input: symbolic shapes are resolved, and a model that cannot run says so at once."""
        hw = self._fixed_hw or (self._size if isinstance(self._size, tuple) else _PROBE_HW)
        output = self.infer(np.zeros((1, 3, *hw), np.float32))
        layout = yolo.layout_of(output.shape, len(self._lookup), hw)
        if layout is None:
            n = len(self._lookup)
            raise ModelError(
                f"{self._where}: the output must be [1, {4 + n}, N], [1, N, 6] or [1, N, {5 + n}] for its {n} classes "
                f"(got {[1, *output.shape]} for an input of {hw}); export a detection model, and check its names"
            )
        return layout
