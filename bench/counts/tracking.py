"""HOTA, IDF1 and MOTA of tracks against true boxes, by the evaluation of the `trackers` package (after TrackEval)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from trackers.eval import (
    aggregate_clear_metrics,
    aggregate_hota_metrics,
    aggregate_identity_metrics,
    compute_clear_metrics,
    compute_hota_metrics,
    compute_identity_metrics,
)

from bench.counts.series import Array, IntArray
from bench.counts.truth import Boxes
from contract.names import GROUPS, ClassGroup
from edge.geometry import iou_matrix

IOU = 0.5
NOBODY = Boxes(np.zeros(0, int), np.zeros((0, 4)))
Frames = Sequence[dict[ClassGroup, Boxes]]


def figures(
    sequences: Sequence[tuple[Frames, Frames]], groups: Sequence[ClassGroup] = GROUPS
) -> dict[str, float]:
    """HOTA, and IDF1 and MOTA at IoU 0.5, over videos of (true, found) frames; groups never match each other."""
    hota, identity, clear = [], [], []
    for true, found in sequences:
        for group in groups:
            pairs = [(a.get(group, NOBODY), b.get(group, NOBODY)) for a, b in zip(true, found, strict=True)]
            if not any(len(a.ids) for a, _ in pairs):
                continue
            overlap: list[Array] = [iou_matrix(a.xyxy, b.xyxy) for a, b in pairs]
            ids = _numbered([a.ids for a, _ in pairs]), _numbered([b.ids for _, b in pairs])
            hota.append(compute_hota_metrics(*ids, overlap))
            identity.append(compute_identity_metrics(*ids, overlap, threshold=IOU))
            clear.append(compute_clear_metrics(*ids, overlap, threshold=IOU))
    return {
        "HOTA": float(aggregate_hota_metrics(hota)["HOTA"]),
        "IDF1": float(aggregate_identity_metrics(identity)["IDF1"]),
        "MOTA": float(aggregate_clear_metrics(clear)["MOTA"]),
        "switches": int(aggregate_clear_metrics(clear)["IDSW"]),
    }


def _numbered(ids: Sequence[IntArray]) -> list[IntArray]:
    """The same objects numbered from 0 without gaps, which is what makes the evaluation's tables small."""
    known = np.unique(np.concatenate([*ids, np.zeros(0, int)]))
    return [np.searchsorted(known, frame) for frame in ids]
