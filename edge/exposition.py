"""The text in which Prometheus reads figures: exposition format 0.0.4. Pure.

A family is one name with its help, its type and its samples; names and labels follow Prometheus' conventions (base
units, ``_total`` for what only grows).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; ``suffix`` is ``_sum`` or ``_count`` in a summary, else nothing."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """All samples of one name."""

    name: str
    kind: Literal["gauge", "counter", "summary"]
    help: str
    samples: Sequence[Sample]


def sample(value: float | None, suffix: str = "", /, **labels: str) -> list[Sample]:
    """The sample of a figure; nothing where the figure is not known: no figure is better than a wrong 0.

    A label that is a word of Python takes an underscore behind it: ``class_``.
    """
    if value is None:
        return []
    named = tuple((name.removesuffix("_"), text) for name, text in labels.items())
    return [Sample(float(value), named, suffix)]


def expose(families: Iterable[Family]) -> str:
    """The whole page; families without a sample are left out."""
    lines: list[str] = []
    for family in families:
        if not family.samples:
            continue
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [_line(family.name, item) for item in family.samples]
    return "".join(f"{line}\n" for line in lines)


def _line(name: str, item: Sample) -> str:
    inner = ",".join(f'{label}="{_escaped(text, quote=True)}"' for label, text in item.labels)
    return f"{name}{item.suffix}{{{inner}}} {_number(item.value)}" if inner else (
        f"{name}{item.suffix} {_number(item.value)}"
    )  # fmt: skip


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
