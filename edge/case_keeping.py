"""Open cases over a restart: kept beside the spool's queue, taken up again. Part of the composition root."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from contract.messages import canonical
from edge.cases import KeptCases
from edge.road import Roads

log = logging.getLogger("parvis.edge")

_PREFIX: Final = "cases/"


def keep_cases(roads: Iterable[Roads]) -> dict[str, str | None]:
    """What `edge.spool.Spool.append` is to keep of these cameras' cases, by name."""
    states = [road.keep() for road in roads if road.watches]
    return {_PREFIX + state.camera: canonical(state) if state.cases else None for state in states}


def take_up_cases(kept: Mapping[str, str], roads: Iterable[Roads]) -> None:
    """Go on from what an earlier run kept; a camera that is no longer there is nobody's."""
    by_camera = {road.camera: road for road in roads}
    for name, text in kept.items():
        road = by_camera.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
        if road is None:
            continue
        try:
            road.resume(KeptCases.model_validate_json(text))
        except ValueError:
            log.warning("the cases kept as %s cannot be read; what lies there is not told again", name)
