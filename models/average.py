"""The mean of checkpoints' weights: `python -m models.average A.pt B.pt … --out MEAN.pt`.

Checkpoints that were trained on from the same one often have a mean that errs less than each of them (Wortsman et al.,
Model soups, ICML 2022, section 2: the uniform soup). Whether it does is for `models.evaluate` to say. What is no weight,
such as class names, is the first one's. Needs the extra `models`; see `models.checkpoint` for trust.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, ModelError
from models.checkpoint import check_trust


def _network(opened: dict[str, Any], path: Path) -> Any:
    network = opened.get("ema") or opened.get("model")
    if network is None:
        raise ModelError(
            f"{path}: must hold a network under `model` or `ema`; give a checkpoint of a training"
        )
    return network


def average(checkpoints: Sequence[Path], out: Path) -> None:
    """Write the mean of two or more checkpoints of one architecture.

    Raises:
        ModelError: fewer than two, or of different shapes.
    """
    import torch

    if len(checkpoints) < 2:
        raise ModelError("average: needs two checkpoints or more; one is its own mean")
    opened = [torch.load(path, map_location="cpu", weights_only=False) for path in checkpoints]
    networks = [_network(own, path) for own, path in zip(opened, checkpoints, strict=True)]
    states = [network.float().state_dict() for network in networks]
    for path, state in zip(checkpoints, states, strict=True):
        shapes = {name: value.shape for name, value in state.items()}
        if shapes != {name: value.shape for name, value in states[0].items()}:
            raise ModelError(
                f"{path}: must be of the architecture of {checkpoints[0]}; average only what grew from one"
            )
    mean = {
        name: sum(state[name] for state in states) / len(states) if value.dtype.is_floating_point else value
        for name, value in states[0].items()
    }
    networks[0].load_state_dict(mean)
    torch.save({**opened[0], "model": networks[0].half(), "ema": None}, out)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="models.average", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", type=Path, nargs="+", metavar="A.pt")
    parser.add_argument("--out", type=Path, required=True, metavar="MEAN.pt")
    parser.add_argument("--trust", action="store_true", help="open checkpoints that are not registered")
    asked = parser.parse_args(arguments)
    try:
        for checkpoint in asked.checkpoints:
            check_trust(checkpoint, trust=asked.trust)
        average(asked.checkpoints, asked.out)
    except EdgeError as exc:
        print(exc, file=sys.stderr)
        return exc.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
