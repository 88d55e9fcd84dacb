"""The steps from a checkpoint, or an ONNX file, to the file the box loads; each compared before the next is taken."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import onnx

from edge.detect import OnnxDetector
from edge.errors import ModelError
from edge.records import ImageArray
from models import frames, manifest, parity, quantize
from models.checkpoint import MissingPackageError, Opened

CALIBRATION_FRAMES: Final = 64


@dataclass(frozen=True, slots=True)
class Job:
    """What is wanted of an export."""

    out: Path
    size: tuple[int, int]  # height, width of the input that everything is compared at
    pictures: Sequence[ImageArray]
    dynamic: bool = False
    simplify: bool = True
    precision: str = "fp32"
    calibrate: Path | None = None
    weight_bits: int = 7
    origin: dict[str, Any] = field(default_factory=dict)  # of the manifest: where the network comes from


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def export(source: Opened | Path, job: Job) -> dict[str, Any]:
    """Write the model, its manifest and its checksum; the manifest is returned.

    ``source``: an opened checkpoint, or an .onnx file.

    Raises:
        ModelError: the box cannot use the result, or it lies beyond a limit; then nothing is written.
    """
    compared: dict[str, Any] = {}
    told: dict[str, Any] | None = None
    with tempfile.TemporaryDirectory() as name:
        folder, last = Path(name), Path(name) / "last.onnx"
        here = _in_float32(source, job, folder, compared)
        original = model = onnx.load(here, load_external_data=False)
        if job.precision != "fp32":
            model, told = _converted(here, job)
        extra = {"precision": job.precision, "source_sha256": job.origin.get("checkpoint_sha256")}
        extra["onnx_sha256"] = job.origin.get("from_onnx_sha256")
        manifest.annotate(model, original, {key: value for key, value in extra.items() if value})
        del model.graph.value_info[
            :
        ]  # runtimes infer these shapes; written out they can take half a megabyte
        onnx.save(model, last)
        OnnxDetector(last, input_size=job.size)
        if told is not None:
            say(f"comparing {job.precision} with fp32 on {len(job.pictures)} pictures")
            agreed = parity.agreement(here, last, job.size, job.pictures)
            limits = parity.LIMITS[job.precision]
            _refuse(job.out, f"find what fp32 finds, {job.precision}", agreed.faults(limits))
            compared[job.precision] = {**parity.figures(agreed), "limits": asdict(limits)}
        settings = {"compared_at": list(job.size), "simplified": job.simplify, "quantised": told}
        return manifest.write(job.out, model, {**job.origin, **settings, "parity": compared})


def _in_float32(source: Opened | Path, job: Job, folder: Path, compared: dict[str, Any]) -> Path:
    """The float32 model, exported and simplified as wanted; what was compared on the way goes into ``compared``."""
    if isinstance(source, Path):
        here = source
        OnnxDetector(here, input_size=job.size)  # refuses files that name other files, before onnx reads them
    else:
        here = source.export(folder, job.size, dynamic=job.dynamic)
        compared["checkpoint"] = _same(source, here, job, parity.EXPORT_LIMITS, "equal its checkpoint")
    if job.simplify:
        before, here = here, _simplified(here, folder)
        rule = "stay as it was when simplified"
        compared["simplified"] = _same(before, here, job, parity.SLIM_LIMITS, rule)
    return here


def _refuse(out: Path, rule: str, fault: str) -> None:
    if fault:
        raise ModelError(
            f"{out}: the export must {rule}: {fault}; nothing was written. For fp32 try another version of torch, "
            "ultralytics or onnxslim, or --no-simplify; for int8 other --calibrate pictures or --weight-bits 8"
        )


def _same(
    first: Opened | Path, second: Path, job: Job, limits: tuple[float, float], rule: str
) -> dict[str, Any]:
    say(f"comparing on {len(job.pictures)} pictures: it must {rule}")
    one = OnnxDetector(first, input_size=job.size) if isinstance(first, Path) else first
    other = OnnxDetector(second, input_size=job.size)
    found = parity.difference(parity.raw_outputs(one, other, job.pictures))
    _refuse(job.out, rule, found.faults(*limits))
    return {
        **parity.figures(found),
        "limits": {"score_difference": limits[0], "box_difference_px": limits[1]},
    }


def _simplified(path: Path, folder: Path) -> Path:
    try:
        import onnxslim
    except ImportError as exc:
        raise MissingPackageError(f"onnxslim, unless --no-simplify is given, ({exc})") from exc
    made = folder / "slim.onnx"
    try:
        with redirect_stdout(sys.stderr):
            onnx.save(onnxslim.slim(str(path)), made)
    except Exception as exc:  # whatever a rewriting of graphs may raise
        raise ModelError(
            f"{path.name}: onnxslim must be able to simplify it ({' '.join(str(exc).split())[:300]}); add --no-simplify"
        ) from exc
    return made


def _converted(path: Path, job: Job) -> tuple[Any, dict[str, Any]]:
    """The model of ``path`` in fewer bits, and what to tell about it."""
    model = onnx.load(path, load_external_data=False)
    if job.precision == "fp16":
        return model, quantize.to_half(model)
    assert job.calibrate is not None  # noqa: S101
    detector = OnnxDetector(path, input_size=job.size)
    seen = frames.read(job.calibrate, CALIBRATION_FRAMES)
    blobs = [detector.preprocess(picture).copy() for picture in seen]
    say(f"calibrating on {len(blobs)} pictures of {job.calibrate.name}")
    made, told = quantize.to_int8(model, blobs, weight_bits=job.weight_bits)
    return made, {**told, "calibrated_on": job.calibrate.name}
