"""What an exported model says of itself: metadata inside the file, and a manifest and a checksum beside it.

`F.onnx` gets `F.json`, for people and for scripts on a workstation: sums, shapes, parity, versions. It gets `F.sha256`
too, one line as `sha256sum -c` reads it: all that the box needs to check the bundled model (`edge.detect`). The three
are written together, so none of them ever speaks of another file. No path of the machine goes into any of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from ast import literal_eval
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import onnx

from edge.errors import ModelError
from models.checkpoint import sha256_of

FORMAT: Final = "parvis.model.v1"
PREFIX: Final = "parvis."
PACKAGES: Final = ("torch", "ultralytics", "onnx", "onnxruntime", "onnxslim", "numpy")
_SHORT_LIST: Final = re.compile(r"\[\s+([^\[\]{}]{1,120}?)\s+\]")


def annotate(model: onnx.ModelProto, source: onnx.ModelProto, extra: dict[str, str]) -> None:
    """Give ``model`` the metadata of ``source`` and ``extra``, whose keys get the prefix `parvis.`; in place."""
    kept = {entry.key: entry.value for entry in source.metadata_props}
    if "description" in kept:  # ultralytics puts the path of the training data there
        kept["description"] = kept["description"].split(" trained on ")[0]
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {**kept, **{PREFIX + key: value for key, value in extra.items()}})


def described(model: onnx.ModelProto) -> dict[str, Any]:
    """Inputs, outputs, opset and what the metadata say, as the manifest lists them."""
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    result: dict[str, Any] = {
        "inputs": [_port(port) for port in model.graph.input],
        "outputs": [_port(port) for port in model.graph.output],
        "opset": next((o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}), None),
    }
    for key in ("names", "imgsz", "stride", "batch"):
        result[key] = _value(metadata.get(key))
    for key in ("precision", "source_sha256"):
        result[key] = metadata.get(PREFIX + key)
    return {**result, "task": metadata.get("task")}


def versions() -> dict[str, str]:
    """Of the packages that took part, those that are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def beside(out: Path) -> tuple[Path, Path]:
    """Where the manifest and the checksum of a model lie."""
    return out.with_suffix(".json"), out.with_suffix(".sha256")


def write(out: Path, model: onnx.ModelProto, record: dict[str, Any]) -> dict[str, Any]:
    """Write the model, its checksum and its manifest, which is returned.

    Each file is replaced as a whole; a crash in between leaves a model whose sum does not fit, which the box refuses.

    Raises:
        ModelError: the folder cannot be written.
    """
    sheet, sums = beside(out)
    fresh = out.with_name(out.name + ".new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(model.SerializeToString())
        found = sha256_of(fresh)
        manifest = {
            "format": FORMAT,
            "file": out.name,
            "sha256": found,
            "bytes": fresh.stat().st_size,
            **described(model),
            **record,
            "versions": versions(),
        }
        _replace(
            sheet, _SHORT_LIST.sub(_on_one_line, json.dumps(manifest, indent=1, ensure_ascii=False)) + "\n"
        )
        _replace(sums, f"{found}  {out.name}\n")
        fresh.replace(out)
    except OSError as exc:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise ModelError(
            f"{out}: its folder must be writable ({exc.strerror}); give another place to --out"
        ) from exc
    return manifest


def verify(out: Path) -> dict[str, Any]:
    """The manifest of a model, after checking that it and the checksum speak of this very file.

    Raises:
        ModelError: one of the three is missing or does not fit.
    """
    sheet, sums = beside(out)
    try:
        found, size = sha256_of(out), out.stat().st_size
        manifest: dict[str, Any] = json.loads(sheet.read_text(encoding="utf-8"))
        stated = manifest["sha256"], sums.read_text(encoding="utf-8").split()[0]
        right = stated == (found, found) and manifest["bytes"] == size and manifest["file"] == out.name
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise ModelError(
            f"{out}: {sheet.name} and {sums.name} must lie beside it ({exc}); export it again"
        ) from exc
    if not right:
        raise ModelError(
            f"{out}: {sheet.name} and {sums.name} must state its name, size and SHA-256 (got {out.name}, {size} bytes, "
            f"{found}); it was changed after its export: export it again"
        )
    return manifest


def _on_one_line(match: re.Match[str]) -> str:
    return "[" + ", ".join(part.strip() for part in match[1].split(",")) + "]"


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)  # noqa: PTH105


def _port(port: onnx.ValueInfoProto) -> dict[str, Any]:
    tensor = port.type.tensor_type
    shape = [dim.dim_param or dim.dim_value or "?" for dim in tensor.shape.dim]
    return {
        "name": port.name,
        "type": onnx.TensorProto.DataType.Name(tensor.elem_type).lower(),
        "shape": shape,
    }


def _value(text: str | None) -> Any:
    """The number, list or mapping that a metadata value spells; the text itself if it spells none."""
    try:
        return literal_eval(text) if text is not None else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text
