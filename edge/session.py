"""Opens ONNX files in ONNX Runtime on the CPU: the only user of onnxruntime on the box."""

from __future__ import annotations

import hashlib
import os
from typing import Any
from weakref import WeakValueDictionary

# From 1.29 on the official wheels tell Microsoft of every session (model, hashes, timings, an id of the machine), and
# keep a file of it under the home. Only this, set before the import, stops all of it; whatever it was set to before.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime as ort

from edge.errors import ModelError

# Cameras that use the same model share one session, and with it its weights and its arena.
_open: WeakValueDictionary[tuple[str, int, bool], Any] = WeakValueDictionary()


def open_session(data: bytes, threads: int, spinning: bool, where: str) -> Any:
    """A session that logs nothing, the same for the same arguments; ``where`` begins the message of a `ModelError`.

    The arena stays on: the input keeps one shape, so it is filled once. Without it the tensors of every frame go
    through malloc, whose fragments made a replay grow from 189 to 307 MB within 300 frames.
    """
    key = (hashlib.sha256(data).hexdigest(), threads, spinning)
    known = _open.get(key)
    if known is not None:
        return known
    ort.set_default_logger_severity(4)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = max(1, threads)
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = True
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    try:
        session = _open[key] = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's own exceptions share no base but this
        raise ModelError(
            f"{where}: onnxruntime must be able to load it ({short(exc)}); export it again"
        ) from exc
    return session


def short(exc: Exception) -> str:
    """One line of an exception's text."""
    return " ".join(str(exc).split())[:300]
