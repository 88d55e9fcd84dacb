"""The two networks we train: the starter's, and one of a quarter of its cost.

Both are ultralytics' YOLO11 with our six classes. `small` has half the starter's channels everywhere, and predicts each
side of a box as one number instead of a distribution over sixteen: with so few channels that head cost too much.
Their description is written next to the run, from the one inside ultralytics, whose names of modules may change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from edge.errors import ModelError
from models.pictures import NAMES

# depth, width, most channels
SCALES: Final[dict[str, tuple[float, float, int]]] = {
    "starter": (0.5, 0.25, 1024),
    "small": (0.5, 0.125, 1024),
}
EXTRAS: Final[dict[str, dict[str, Any]]] = {"starter": {}, "small": {"reg_max": 1}}


def described(name: str, original: dict[str, Any]) -> dict[str, Any]:
    """The description of one of our networks, from ultralytics' description of YOLO11.

    Raises:
        ModelError: the original lacks the parts that all of its kind have.
    """
    missing = {"backbone", "head"} - set(original)
    if missing:
        raise ModelError(
            f"architecture {name}: ultralytics' yolo11.yaml must have a {' and a '.join(sorted(missing))}; install the "
            "version that the extra `models` asks for"
        )
    kept = {key: value for key, value in original.items() if key in ("backbone", "head")}
    return {**kept, "nc": len(NAMES), "scales": {"n": list(SCALES[name])}, "scale": "n", **EXTRAS[name]}


def write_architecture(name: str, folder: Path) -> Path:
    """Write the description for ultralytics as FOLDER/NAME.yaml; ``folder`` is made if need be.

    Raises:
        ModelError: ultralytics is not installed.
    """
    try:
        import ultralytics
        import yaml
    except ImportError as exc:
        raise ModelError(
            f"architecture {name}: ultralytics is missing ({exc}): pip install 'parvis[models]'"
        ) from exc
    source = Path(ultralytics.__file__).parent / "cfg" / "models" / "11" / "yolo11.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(described(name, yaml.safe_load(source.read_text()))) + "\n")
    return path
