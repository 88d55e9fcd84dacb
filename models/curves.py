"""Precision over recall, and recall by size, as PNG. Colours of Okabe and Ito, told apart by form as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib import pyplot as plt

from bench.counts.pictures import DPI, STYLE
from models.average_precision import curve
from models.card import GROUPS
from models.figures import SIZES, Score

LOOKS: Final = (
    ("#0072B2", "-", "o"), ("#D55E00", "--", "x"), ("#009E73", "-.", "s"), ("#CC79A7", ":", "^"), ("#E69F00", "-", "v"),
    ("#56B4E9", "--", "D"), ("#000000", "-.", "+"),
)  # fmt: skip
Scores = Mapping[str, Mapping[str, Mapping[str, Score]]]


def draw(folder: Path, document: dict[str, Any], scores: Scores) -> list[Path]:
    """Two pictures for each size that several models were measured at, else for each size; their paths.

    A model of fixed input size stands in every picture.
    """
    columns = document["columns"]
    models = list(dict.fromkeys(column["model"] for column in columns))
    look = {name: LOOKS[place % len(LOOKS)] for place, name in enumerate(models)}
    shared = sorted({c["size"] for c in columns if sum(d["size"] == c["size"] for d in columns) > 1})
    paths = []
    for size in shared or sorted({column["size"] for column in columns}):
        own = [c for c in columns if c["size"] == size or not _at(columns, c["model"], shared)]
        shown = {column["key"]: look[column["model"]] for column in own}
        paths.append(_sheet(folder / f"precision-recall-{size}.png", document, scores, shown, _precision))
        paths.append(_sheet(folder / f"recall-by-size-{size}.png", document, scores, shown, _recall))
    return paths


def _at(columns: Sequence[Mapping[str, Any]], model: str, sizes: Sequence[int]) -> bool:
    return any(column["model"] == model and column["size"] in sizes for column in columns)


def _sheet(
    path: Path,
    document: dict[str, Any],
    scores: Scores,
    shown: Mapping[str, tuple[str, str, str]],
    panel: Any,
) -> Path:
    """One panel for each set and group that has a true box."""
    key = next(iter(shown))
    panels = [
        (own, label) for own in document["sets"] for label in GROUPS if label in scores[own["name"]][key]
    ]
    wide = 3
    rows = -(-len(panels) // wide)
    with plt.rc_context(STYLE):
        figure, table = plt.subplots(
            rows, wide, figsize=(4 * wide, 3.1 * rows + 0.5), squeeze=False, layout="constrained", dpi=DPI
        )
        for axes, (own, label) in zip(table.flat, panels, strict=False):
            by_key = scores[own["name"]]
            for name, look in shown.items():
                panel(axes, by_key[name][label], name, look)
            boxes = own["boxes"][label]
            axes.set_title(f"{own['name']}: {label}, {boxes} {'box' if boxes == 1 else 'boxes'}")
            axes.set_ylim(0, 1.02)
        for axes in table.flat[len(panels) :]:
            axes.set_axis_off()
        if panel is _recall:
            handles = table.flat[0].get_legend_handles_labels()
            figure.legend(*handles, loc="outside lower center", ncols=len(shown), frameon=False)
        figure.savefig(path)
        plt.close(figure)
    return path


def _precision(axes: Any, score: Score, name: str, look: tuple[str, str, str]) -> None:
    colour, line, _ = look
    if score.ranking is None:
        return
    recall, precision = curve(score.ranking)
    best = np.maximum.accumulate(precision[::-1])[::-1] if len(precision) else np.zeros(1)
    recall = recall if len(recall) else np.zeros(1)
    label = f"{name}  {score.values['ap50']:.2f}"
    axes.step(
        np.r_[0, recall], np.r_[best[:1], best], where="pre", color=colour, ls=line, lw=1.5, label=label
    )
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("recall")
    axes.set_ylabel("precision, IoU .5")
    axes.legend(loc="lower left", frameon=False, fontsize=8, title="AP50", title_fontsize=8)


def _recall(axes: Any, score: Score, name: str, look: tuple[str, str, str]) -> None:
    colour, line, marker = look
    if score.ranking is None:
        return
    hit = score.ranking.finders >= 0.25
    bands = [(score.heights >= low) & (score.heights < high) for _, low, high in SIZES]
    shares = [hit[inside].mean() if inside.any() else np.nan for inside in bands]
    places = np.arange(len(SIZES))
    axes.plot(places, shares, color=colour, ls=line, lw=1.2, marker=marker, ms=6, label=name)
    names = [f"{text}\n({inside.sum()})" for (text, *_), inside in zip(SIZES, bands, strict=True)]
    axes.set_xticks(places, names)
    axes.set_xlim(-0.4, len(SIZES) - 0.6)
    axes.set_xlabel("height at 640 px (boxes)")
    axes.set_ylabel("recall at confidence .25")
