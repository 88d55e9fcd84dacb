"""The figures of `bench.blur` as a Markdown table and as pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bench.blur.score import HIDDEN, LEAST

_COLOURS: Final = ("#0072B2", "#009E73", "#D55E00", "#CC79A7")


def cell(share: dict[str, Any]) -> str:
    """A share with its counts and interval."""
    if share["share"] is None:
        return "-"
    return f"{share['share']:.3f} ({share['hits']} of {share['of']}; {share['low']:.3f}-{share['high']:.3f})"


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        f"| set | mask | hidden, ≥ {LEAST} px | tracks ever exposed | < 20 px hidden | area masked | of it in vain |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, systems in found["sets"].items():
        for system, own in systems.items():
            small = own["by_size"].get("0-20")
            moving = (
                cell(own["ever_exposed"]) if name not in {"faces", "plates", "plates, other half"} else "-"
            )
            lines.append(
                f"| {name} | {system} | {cell(own['hidden'])} | {moving} | {cell(small) if small else '-'} | "
                f"{own['masked_area']:.1%} | {_percent(own['masked_in_vain'])} |"
            )
    lines += [
        "",
        f"A box is hidden when {HIDDEN:.0%} of it is.",
        "",
        "| mask | detector, ms | mask adds, ms | share |",
    ]
    lines.append("|---|---|---|---|")
    for system, own in found["times"].items():
        lines.append(f"| {system} | {own['detector_ms']} | {own['mask_ms']} | {own['mask_share']:.0%} |")
    lines += [
        "",
        "Sizes of what showed (longer side, pixels; frames):",
        "",
        "| set | mask | 20-32 | 32-64 | ≥ 64 |",
    ]
    lines.append("|---|---|---|---|---|")
    for name, systems in found["sets"].items():
        for system, own in systems.items():
            missed = [_missed(own["by_size"].get(size)) for size in ("20-32", "32-64", ">=64")]
            lines.append(f"| {name} | {system} | {' | '.join(missed)} |")
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _missed(share: dict[str, Any] | None) -> str:
    return "-" if share is None else f"{share['of'] - share['hits']} of {share['of']}"


def draw(found: dict[str, Any], out: Path) -> None:
    """``hidden.png`` (what is hidden, by size) and ``exposed.png`` (tracks ever exposed), one bar for each mask."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sets = list(found["sets"])
    for kind, title in (("hidden", f"hidden, {LEAST} px and more"), ("ever_exposed", "tracks ever exposed")):
        figure, axis = plt.subplots(figsize=(9, 4), layout="constrained")
        names = list(found["times"])
        for k, system in enumerate(names):
            shares = [found["sets"][name][system][kind] for name in sets]
            values = [share["share"] or 0.0 for share in shares]
            low = [max(0.0, v - s["low"]) for v, s in zip(values, shares, strict=True)]
            high = [max(0.0, s["high"] - v) for v, s in zip(values, shares, strict=True)]
            places = [i + (k - (len(names) - 1) / 2) * 0.8 / len(names) for i in range(len(sets))]
            axis.bar(
                places,
                values,
                0.8 / len(names),
                yerr=(low, high),
                label=system,
                color=_COLOURS[k % 4],
                capsize=2,
            )
        axis.set_xticks(range(len(sets)), sets)
        axis.set_ylim(0, 1)
        axis.set_title(title)
        axis.legend(loc="lower right" if kind == "hidden" else "upper right")
        figure.savefig(out / f"{kind}.png", dpi=110)
        plt.close(figure)
