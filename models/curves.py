"""Precision over recall, recall by size, and AP50 with its interval, as PNG. Colours of Okabe and Ito, told apart by form as well."""

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
    """Two pictures for each size that several models were measured at, else for each size, and one of all; their paths.

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
    return [*paths, _intervals(folder / "ap50.png", document)] if paths else []


def _intervals(path: Path, document: dict[str, Any]) -> Path:
    """AP50 of every column with its interval, a panel for each set and group: the columns from the top in their order."""
    keys = [column["key"] for column in document["columns"]]
    panels = [
        (own["name"], label, document["figures"][own["name"]])
        for own in document["sets"]
        for label in GROUPS
        if label in document["figures"][own["name"]][keys[0]]
    ]
    wide = 3
    rows = -(-len(panels) // wide)
    size = (4 * wide, (0.9 + 0.22 * len(keys)) * rows)
    places = np.arange(len(keys))
    with plt.rc_context(STYLE):
        figure, table = plt.subplots(
            rows, wide, figsize=size, squeeze=False, sharey=True, layout="constrained", dpi=DPI
        )
        for axes, (name, label, figures) in zip(table.flat, panels, strict=False):
            own = [figures[key][label]["ap50"] for key in keys]
            for place, cell in zip(places, own, strict=True):
                axes.plot(cell["interval"] or [cell["value"]] * 2, [place, place], color=LOOKS[0][0], lw=2)
                axes.plot(cell["value"], place, "o", color=LOOKS[0][0], ms=5)
                axes.annotate(
                    f"{cell['value']:.2f}", (cell["value"], place), (0, 5), textcoords="offset points",
                    ha="center", fontsize=7,
                )  # fmt: skip
            axes.set_title(f"{name}: {label}")
            axes.set_xlim(-0.03, 1.03)
        table[0, 0].set_yticks(places, keys)
        table[0, 0].set_ylim(len(keys) - 0.4, -0.7)
        for axes in table.flat[len(panels) :]:
            axes.set_axis_off()
        figure.supxlabel("AP50 with its 95 % interval", fontsize=9)
        figure.savefig(path)
        plt.close(figure)
    return path


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
