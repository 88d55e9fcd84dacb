"""Checkpoints: which may be opened, how one is had by name, and the one place that opens them.

A checkpoint is a pickle: whoever opens it runs its code. So only checkpoints whose SHA-256 is registered below are
opened, unless the caller says that it knows where the file comes from.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Protocol

from edge.errors import ModelError
from edge.records import FloatArray

# Those of Ultralytics' releases are as four and more unrelated public projects recorded them; their files were not
# at hand here. A wrong entry does no harm: it fits no file.
KNOWN: Final = {
    "5dd07789a69451735255167d602223d1aca48591a8d43d10523f073741daa627": "starter.pt, before the rendered pictures",
    "04b200bb0d698f45806da4acf729ed65def35fbf8cd0dbf7bb206619b9482bcc": "starter.pt, release 0.1",
    "4090c5f668cd0181341d38737680c7d78667d20fb317a14cfc084fe9c282518b": "starter.pt, release 0.2",
    "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1": "yolo11n.pt, Ultralytics' release",
    "85a76fe86dd8afe384648546b56a7a78580c7cb7b404fc595f97969322d502d5": "yolo11s.pt, Ultralytics' release",
    "9b09cc8bf347f0fc8a5f7657480587f25db09b34bf33b0652110fb03a8ad4fef": "yolo26n.pt, Ultralytics' release",
}
OPSET: Final = 17
DOWNLOAD_S: Final = 900
_NAME: Final = re.compile(r"yolo[a-z0-9_-]*(\.pt)?")
_FETCH: Final = (
    "import sys; from ultralytics.utils.downloads import attempt_download_asset as f; f(sys.argv[1])"
)


class MissingPackageError(ModelError):
    """A package of the extra `models` is not installed."""

    exit_code = 1

    def __init__(self, what: str) -> None:
        super().__init__(
            f"export: {what} must be installed; run pip install 'parvis[models]' on a workstation, never on a box"
        )


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def check_trust(checkpoint: Path, *, trust: bool) -> str:
    """The checkpoint's SHA-256.

    Raises:
        ModelError: it is missing, no .pt, or neither registered nor trusted.
    """
    if checkpoint.suffix != ".pt" or not checkpoint.is_file():
        raise ModelError(f"{checkpoint}: must be an existing .pt checkpoint; check the path")
    found = sha256_of(checkpoint)
    if found not in KNOWN and not trust:
        raise ModelError(
            f"{checkpoint}: its SHA-256 must be registered in models/checkpoint.py (got {found}), because opening a "
            "checkpoint runs the code inside it; if you trained it yourself, or got this sum from its makers over "
            "another way, add --trust"
        )
    return found


def offline() -> None:
    """Before ultralytics is imported: it shall neither install packages nor fetch or send anything."""
    for name, value in (("YOLO_AUTOINSTALL", "false"), ("YOLO_OFFLINE", "true")):
        os.environ.setdefault(name, value)


def obtain(asked: str, folder: Path, *, trust: bool) -> tuple[Path, str]:
    """A local checkpoint and its SHA-256: ``asked`` is a file, or a name such as ``yolo11n``.

    What is had by name comes from where ultralytics gets it and is put into ``folder``, where it is found the next
    time; it is checked like any other, and removed again if it is refused.

    Raises:
        ModelError: see `check_trust`; or it cannot be had by that name.
    """
    path = Path(asked)
    if path.is_file() or path.parent != Path() or not _NAME.fullmatch(asked):
        return path, check_trust(path, trust=trust)
    path = folder / f"{asked.removesuffix('.pt')}.pt"
    fresh = not path.is_file()
    if fresh:
        print(f"fetching {path.name} by ultralytics", file=sys.stderr)
        fetch(path)
    try:
        return path, check_trust(path, trust=trust)
    except ModelError:
        if fresh:
            path.unlink(missing_ok=True)
        raise


def fetch(path: Path) -> None:
    """Let ultralytics download the checkpoint that it publishes under this file name, without opening it.

    It runs in a process of its own, because ours shall import ultralytics offline.

    Raises:
        ModelError: ultralytics is missing, there is no network, or it publishes nothing of that name.
    """
    if find_spec("ultralytics") is None:
        raise MissingPackageError("ultralytics and torch")
    path.parent.mkdir(parents=True, exist_ok=True)
    surroundings = {name: value for name, value in os.environ.items() if name != "YOLO_OFFLINE"}
    surroundings["YOLO_AUTOINSTALL"] = "false"
    try:
        done = subprocess.run(
            [sys.executable, "-c", _FETCH, str(path)],
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOWNLOAD_S,
            check=False,
        )
        said = done.stdout.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    except subprocess.TimeoutExpired:
        said = [f"no end after {DOWNLOAD_S} s"]
    if not path.is_file():
        raise ModelError(
            f"{path.stem}: must be a checkpoint that ultralytics publishes, and the network must be there "
            f"({said[0][:300]}); check the name, or fetch the file elsewhere and give its path"
        )


class Opened(Protocol):
    """A checkpoint that has been opened."""

    def export(self, folder: Path, size: tuple[int, int], *, dynamic: bool) -> Path:
        """Write an .onnx file into ``folder``."""

    def run(self, blob: FloatArray) -> FloatArray:
        """The raw output without its batch axis, float32, for an input (1, 3, H, W) float32."""


class UltralyticsCheckpoint:
    """A detection checkpoint in ultralytics. Its messages go to stderr; it neither installs nor fetches anything.

    Raises:
        ModelError: ultralytics is missing, or the checkpoint holds no detector.
    """

    def __init__(self, path: Path) -> None:
        offline()
        try:
            with redirect_stdout(sys.stderr):
                from ultralytics import YOLO
                from ultralytics.utils import LOGGER
        except ImportError as exc:
            raise MissingPackageError(f"ultralytics and torch ({exc})") from exc
        LOGGER.setLevel("WARNING")  # its hints name files that are gone a moment later
        self._path = path
        try:
            self._yolo: Any = YOLO(str(path))
        except Exception as exc:  # whatever unpickling may raise
            raise ModelError(
                f"{path}: ultralytics must be able to open it ({' '.join(str(exc).split())[:300]}); it may be damaged, "
                "or made by another version"
            ) from exc
        if self._yolo.task != "detect":
            raise ModelError(f"{path}: must be a detection model (got {self._yolo.task}); choose another")
        self._network = self._yolo.model.float().eval()

    def export(self, folder: Path, size: tuple[int, int], *, dynamic: bool) -> Path:
        """By ultralytics, on a copy, since it writes next to the checkpoint and changes the network it exports."""
        copy = folder / self._path.name
        shutil.copyfile(self._path, copy)
        settings = {
            "imgsz": list(size),
            "dynamic": dynamic,
            "simplify": False,
            "opset": OPSET,
            "device": "cpu",
        }
        with redirect_stdout(sys.stderr):
            return Path(type(self._yolo)(str(copy)).export(format="onnx", **settings))

    def run(self, blob: FloatArray) -> FloatArray:
        """The network as it was trained, without the fusing of layers that the export does."""
        import torch

        with torch.no_grad():
            output = self._network(torch.from_numpy(blob.copy()))
        result: FloatArray = (output[0] if isinstance(output, (tuple, list)) else output)[0].numpy()
        return result
