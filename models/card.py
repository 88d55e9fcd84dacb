"""The results of `models.evaluate` as tables, and the block of a model card that holds them. Pure but for `rewrite`.

The same results give the same text: no date, no path, no host.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.counts.table import markdown, plain
from contract.names import CLASSES
from edge.errors import ModelError
from models.figures import LABELS, MEAN, MEAN_BOXES

BEGIN, END = "<!-- evaluate:begin -->", "<!-- evaluate:end -->"
NONE: Final = "\N{EN DASH}"
GROUPS: Final = ("person", "four-wheeler", "cycle")
HEADLINES: Final = (*GROUPS, MEAN)
_CLASSES_ALONE: Final = (*CLASSES, "four-wheeler", "cycle", MEAN)
WIDTH: Final = 118
COUNT_SETS: Final = {"pets": "PETS09-S2L1", "scenes": "sample videos"}

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """One table under its title."""

    title: str
    head: Row
    rows: tuple[Row, ...]


def tables(document: dict[str, Any]) -> list[Table]:
    """All tables of the results, those without a row left out. One column for each model and size."""
    keys = [column["key"] for column in document["columns"]]
    made = [
        *(_of_set(document, pictures, keys) for pictures in document["sets"]),
        Table(
            "AP50 with its 95 % interval",
            ("pictures", "class", *keys),
            tuple(_headlines(document["figures"], document["sets"], keys, _sure)),
        ),
        Table(
            "AP50 minus that of the reference at the same size, paired, with its 95 % interval",
            ("pictures", "class", *_compared(document)),
            tuple(_headlines(document["differences"], document["sets"], _compared(document), _moved)),
        ),
        Table(
            "Recall at confidence .25 by height at 640 px",
            ("pictures", "class", "height", "boxes", *keys),
            tuple(_sizes(document, keys)),
        ),
        Table(
            "Count error: mean absolute error of 10 s means of the occupancy, summed over zones; ratio to the reference",
            ("video", "frames/s", "true", *keys),
            tuple(_counts(document, keys)),
        ),
        Table("Milliseconds a frame", ("", *keys), tuple(_speed(document, keys))),
    ]
    return [table for table in made if table.rows]


def text(document: dict[str, Any], *, as_markdown: bool) -> str:
    """Introduction and tables."""
    draw = markdown if as_markdown else plain
    parts = [introduction(document)]
    for table in tables(document):
        title = f"**{table.title}**" if as_markdown else table.title
        parts += [title, draw(table.head, table.rows)]
    return "\n\n".join(parts) + "\n"


def introduction(document: dict[str, Any]) -> str:
    """What was measured, on what, and how to read the tables."""
    sums = {column["model"]: column["sha256"][:12] for column in document["columns"]}
    models = ", ".join(f"{name} `{value}`" for name, value in sums.items())
    sets = "; ".join(f"{own['name']}: {_data(own)}" for own in document["sets"])
    setting = document["setting"]
    speed = (
        f" Time: whole frames of 640x360, {setting['threads']} threads of {setting['machine']}, ONNX Runtime "
        f"{setting['onnxruntime']}, the models in turn; the ratio is to {setting['reference']} at the same size."
    )
    parts = (
        f"Written by `{document['command']}`; columns are model@longer side of the input. SHA-256: {models}.",
        f"Pictures: {sets}.",
        "AP as COCO defines it (101 levels; AP50 at IoU .5, AP its mean over .5 to .95), through the box's own decoding, "
        f"suppression and merging of riders, confidence .01. {NONE}: nothing to find. Mean: of classes with "
        f"{MEAN_BOXES} boxes or more. Intervals: {document['samples']} bootstrap samples of blocks of pictures (4 s of a "
        "video, an eighth of a short one); they say how a figure varies within these pictures, nothing about other places."
        + (speed if document["speed"] else ""),
    )
    return "\n\n".join(textwrap.fill(part, WIDTH, break_on_hyphens=False) for part in parts)


def rewrite(card: Path, document: dict[str, Any]) -> None:
    """Put the results between the markers of a card, all else untouched.

    Raises:
        ModelError: the card is no readable text or has not each marker once, BEGIN first; it is left as it is.
    """
    before, after = split(card)
    part = card.with_name(f"{card.name}.{os.getpid()}.part")
    part.write_bytes(f"{before}{BEGIN}\n\n{text(document, as_markdown=True)}\n{END}{after}".encode())
    part.replace(card)


def split(card: Path) -> tuple[str, str]:
    """What stands before BEGIN and after END. Raises ModelError as `rewrite` does."""
    try:
        whole = card.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelError(f"{card}: must be a readable text ({exc}); check --card") from exc
    before, _, rest = whole.partition(BEGIN)
    _, _, after = rest.partition(END)
    if whole.count(BEGIN) != 1 or whole.count(END) != 1 or END not in rest:
        raise ModelError(
            f"{card}: must hold the lines {BEGIN} and {END} once each, in this order (got {whole.count(BEGIN)} and "
            f"{whole.count(END)}); put them where the tables shall stand"
        )
    return before, after


def _data(own: dict[str, Any]) -> str:
    boxes = ", ".join(f"{own['boxes'][name]} {name}" for name in CLASSES if name in own["boxes"])
    return f"{own['pictures']} pictures in {own['blocks']} blocks ({own['about']}), {boxes}"


def _compared(document: dict[str, Any]) -> list[str]:
    return [c["key"] for c in document["columns"] if c["reference"] and c["reference"] != c["key"]]


def number(value: float | None, *, signed: bool = False) -> str:
    """Three digits without the zero before the point: .912, 1.000, +.013."""
    if value is None:
        return NONE
    value = round(value, 3) + 0.0  # no -.000
    shown = f"{value:+.3f}" if signed else f"{value:.3f}"
    return shown.replace("0.", ".", 1) if abs(value) < 1 else shown


def _of_set(document: dict[str, Any], pictures: dict[str, Any], keys: Sequence[str]) -> Table:
    name, rows = pictures["name"], []
    for label in _CLASSES_ALONE:
        found = [document["figures"][name][key].get(label) for key in keys]
        if any(found) and not (label == MEAN and _alone(pictures)):
            boxes = next(own["boxes"] for own in found if own)
            rows.append((label, str(boxes), *map(_measures, found)))
    return Table(f"{name}: AP50 / AP / recall at confidence .25", ("class", "boxes", *keys), tuple(rows))


def _measures(own: dict[str, Any] | None) -> str:
    if own is None:
        return NONE
    return " / ".join(number(own[name]["value"]) for name in ("ap50", "ap", "recall"))


def _headlines(
    figures: dict[str, Any],
    sets: Sequence[dict[str, Any]],
    keys: Sequence[str],
    cell: Callable[[dict[str, Any]], str],
) -> Iterator[Row]:
    for own in sets if keys else ():
        by_key = figures[own["name"]]
        for label in HEADLINES:
            found = [by_key[key].get(label) for key in keys]
            if any(found) and not (label == MEAN and _alone(own)):
                yield (own["name"], label, *(cell(item["ap50"]) if item else NONE for item in found))


def _alone(own: dict[str, Any]) -> bool:
    """Whether one class alone makes the mean."""
    enough = [name for name in CLASSES if own["boxes"].get(name, 0) >= MEAN_BOXES]
    return len(enough) < 2


def _sure(own: dict[str, Any]) -> str:
    return number(own["value"]) + _between(own["interval"])


def _moved(own: dict[str, Any]) -> str:
    return number(own["value"], signed=True) + _between(own["interval"], signed=True)


def _between(interval: Sequence[float] | None, *, signed: bool = False) -> str:
    return "" if interval is None else " [{}, {}]".format(*(number(v, signed=signed) for v in interval))


def _sizes(document: dict[str, Any], keys: Sequence[str]) -> Iterator[Row]:
    for own in document["sets"]:
        by_key = document["figures"][own["name"]]
        for label in (name for name in GROUPS if name in LABELS):
            found = [by_key[key][label]["sizes"] for key in keys if label in by_key[key]]
            for place, band in enumerate(found[0] if found else ()):
                if band["boxes"]:
                    shares = (number(sizes[place]["recall"]) for sizes in found)
                    yield (own["name"], label, f"{band['size']} px", str(band["boxes"]), *shares)


def _counts(document: dict[str, Any], keys: Sequence[str]) -> Iterator[Row]:
    for own in document["counts"]:
        cells = (_count(own["models"].get(key)) for key in keys)
        yield (COUNT_SETS[own["set"]], f"{own['rate']:g}", f"{own['true']:.1f}", *cells)


def _count(own: dict[str, Any] | None) -> str:
    if own is None:
        return NONE
    if own.get("ratio") is None:
        return f"{own['error']:.2f}"
    low_high = own["ratio_interval"]
    sure = "" if low_high is None else " [{:.2f}, {:.2f}]".format(*low_high)
    return f"{own['error']:.2f}, {own['ratio']:.2f}{sure}"


def _speed(document: dict[str, Any], keys: Sequence[str]) -> Iterator[Row]:
    speed = document["speed"]
    if speed:
        yield ("milliseconds", *(f"{speed[key]['ms']:.1f}" for key in keys))
        ratios = (speed[key]["ratio"] for key in keys)
        yield ("ratio", *(NONE if ratio is None else f"{ratio:.2f}" for ratio in ratios))
