"""Checkpoint to ONNX, proven equal: `python -m models.export_onnx CHECKPOINT [--out F.onnx] [--size 384x640] …`.

CHECKPOINT is a .pt file, or a name such as `yolo11n` where there is a network; only registered ones are opened, see
`models.checkpoint`. `--from-onnx F.onnx` starts from an exported model instead: nothing is unpickled, no torch needed.

The result is loaded by the very code that runs on the box. Against the checkpoint a score may differ by 0.01, a box
that scores at least 0.05 by one pixel of the input; a simplified graph by a tenth of that; `--precision fp16` and
`int8` must find the same objects within the limits of `models.parity`. Beyond any limit nothing is written.

Beside `F.onnx` come `F.json` and `F.sha256`, see `models.manifest`. Needs the extra `models` (ultralytics and torch;
gigabytes) on a workstation, never on a box; with `--from-onnx` only `onnx` and the edge's packages.
Exit status (docs/exit-codes.md): 0 done, 1 a package is missing, 2 wrong usage, 4 an unreadable video, 5 refused or not
equal, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edge.detect import OnnxDetector
from edge.errors import EdgeError, ModelError
from models import frames
from models.checkpoint import (
    MissingPackageError,
    Opened,
    UltralyticsCheckpoint,
    check_trust,
    obtain,
    offline,
    sha256_of,
)
from models.pictures import parse_size

__all__ = ["check_trust", "main", "offline", "parse_size", "sha256_of"]

PRECISIONS: Final = ("fp32", "fp16", "int8")


def _size_of(path: Path, asked: tuple[int, int] | None) -> tuple[int, int]:
    """The input size to compare an .onnx file at: its own where it is fixed, else as asked or as its metadata say."""
    detector = OnnxDetector(path, input_size=asked)
    if detector.input_hw is not None:
        if asked is not None and detector.input_hw != asked:
            height, width = detector.input_hw
            raise ModelError(
                f"{path}: takes inputs of {height}x{width} only; leave out --size, or export it again"
            )
        return detector.input_hw
    import onnx

    from models.manifest import described

    size = described(onnx.load(path, load_external_data=False))["imgsz"]
    match size:
        case [int() as height, int() as width]:
            return height, width
        case int():
            return size, size
    return 640, 640


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="models.export_onnx", description="Checkpoint to ONNX, proven equal."
    )
    add = parser.add_argument
    add("checkpoint", nargs="?", help=".pt file, or a name such as yolo11n to fetch")
    add("--from-onnx", type=Path, metavar="F.onnx", help="start from an exported model instead")
    add("--out", type=Path, help="default: the source's name with .onnx, -fp16.onnx or -int8.onnx")
    add("--size", type=parse_size, help="N or HxW (default 640, or the size of --from-onnx)")
    add("--dynamic", action="store_true", help="leave height and width open; --size is then advice")
    add("--precision", choices=PRECISIONS, default="fp32")
    add("--calibrate", type=Path, metavar="FOLDER|VIDEO", help="int8: what the camera will see, 64 are taken")
    add("--weight-bits", type=int, choices=(7, 8), default=7, help="int8: 8 for ARM, or x86 with VNNI, only")
    add(
        "--pictures", type=Path, metavar="FOLDER|VIDEO", help="for the comparison; default: the sample videos"
    )
    add(
        "--simplify",
        action=argparse.BooleanOptionalAction,
        help="by onnxslim (default: yes, but not --from-onnx)",
    )
    add("--trust", action="store_true", help="open a checkpoint that is not registered")
    add("--json", action="store_true")
    return parser


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, with every default filled in that needs no file to be read; SystemExit 2 if they clash."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if (asked.checkpoint is None) == (asked.from_onnx is None):
        parser.error("give either a CHECKPOINT or --from-onnx F.onnx")
    if asked.from_onnx and (asked.dynamic or asked.trust):
        parser.error("--dynamic and --trust go with a CHECKPOINT, not with --from-onnx")
    if (asked.precision == "int8") != (asked.calibrate is not None):
        parser.error("--precision int8 needs --calibrate FOLDER|VIDEO, and nothing else takes it")
    if asked.simplify is None:
        asked.simplify = asked.from_onnx is None
    if asked.out is None:
        name = asked.from_onnx or Path(f"{asked.checkpoint.removesuffix('.pt')}.onnx")
        suffix = "" if asked.precision == "fp32" else f"-{asked.precision}"
        asked.out = name.with_name(f"{name.stem}{suffix}.onnx")
    return asked


def _run(asked: argparse.Namespace) -> dict[str, Any]:
    out: Path = asked.out
    if out.suffix != ".onnx":
        raise ModelError(f"{out}: the output must end in .onnx; the box loads nothing else")
    for given in (asked.calibrate, asked.pictures):
        if given is not None and not given.exists():
            raise ModelError(f"{given}: must be a folder of pictures or a video; check the path")
    from models.conversion import Job, export

    source: Opened | Path
    if asked.from_onnx:
        path: Path = asked.from_onnx
        if out.resolve() == path.resolve():
            raise ModelError(f"{out}: the output must not be the source itself; give another --out")
        size = _size_of(path, asked.size)
        origin = {"from_onnx": path.name, "from_onnx_sha256": sha256_of(path)}
        source = path
    else:
        size = asked.size or (640, 640)
        path, found = obtain(asked.checkpoint, out.parent, trust=asked.trust)
        origin = {"checkpoint": path.name, "checkpoint_sha256": found}
        source = UltralyticsCheckpoint(path)
    pictures = frames.for_comparison(asked.pictures, size)
    wanted = ("out", "dynamic", "simplify", "precision", "calibrate", "weight_bits")
    return export(
        source, Job(size=size, pictures=pictures, origin=origin, **{k: getattr(asked, k) for k in wanted})
    )


def _table(out: Path, made: dict[str, Any]) -> dict[str, str]:
    """What a person wants to see of the manifest."""
    rows = {"written": f"{out} ({made['bytes'] / 1e6:.2f} MB), .json and .sha256 beside it"}
    rows |= {"sha256": made["sha256"], "precision": f"{made['precision']}, opset {made['opset']}"}
    for port in (*made["inputs"], *made["outputs"]):
        rows[port["name"]] = f"{port['type']} {port['shape']}"
    for against, figures in made["parity"].items():
        limits = figures["limits"]
        for name, value in figures.items():
            if name != "limits":
                rows[f"{against}: {name}"] = (
                    f"{value} (limit {limits[name]})" if name in limits else str(value)
                )
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    asked = _asked(arguments)
    try:
        made = _run(asked)
    except EdgeError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as exc:
        print(MissingPackageError(exc.name or str(exc)), file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps({"out": str(asked.out), **made}))
        return 0
    print("\n".join(f"{name:28} {value}" for name, value in _table(asked.out, made).items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
