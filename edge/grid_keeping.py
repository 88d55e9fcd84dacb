"""Presence grids over a restart: kept beside the spool's queue, taken up again. Part of the composition root."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping

from contract.messages import Body, canonical
from edge.grid import KeptGrid, PresenceGrid, closed

log = logging.getLogger("parvis.edge")

_PREFIX = "grid/"


def keep(grids: Iterable[PresenceGrid]) -> dict[str, str | None]:
    """What `edge.spool.Spool.append` is to keep of these grids, by name."""
    states = [grid.keep() for grid in grids]
    return {_PREFIX + state.camera: canonical(state) for state in states}


def take_up(
    kept: Mapping[str, str], grids: Iterable[PresenceGrid], unix: float
) -> tuple[list[Body], dict[str, str | None]]:
    """Go on from what an earlier run kept, at ``unix`` seconds.

    Returns:
        The records of hours that cannot go on, and what is to be kept from now on: both for one `append`.
    """
    grids = list(grids)
    by_camera = {grid.camera: grid for grid in grids}
    bodies: list[Body] = []
    found = {name: text for name, text in kept.items() if name.startswith(_PREFIX)}
    for name, text in found.items():
        try:
            state = KeptGrid.model_validate_json(text)
        except ValueError:
            log.warning("the presence grid kept as %s cannot be read; its hour is lost", name)
            continue
        grid = by_camera.get(state.camera)
        bodies += closed(state) if grid is None else grid.resume(state, unix)
    return bodies, {**dict.fromkeys(found), **keep(grids)}
