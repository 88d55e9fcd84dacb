"""The results as text: one table, the zones and lines behind it, and the verdicts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.counts.summary import flow_of, occupancy_of
from bench.counts.verdict import Verdict

HEAD = ("set", "model", "fps", "occupancy error", "ratio [95 %]", "in/out wrong", "lines wrong", "tuned",
        "bays right", "HOTA", "IDF1", "MOTA")  # fmt: skip
LEGEND = (
    "Each cell: ours / baseline. Occupancy error: mean absolute error of 10 s means, summed over zones, of the true mean"
    " (baseline: the better of tracks t and detections d). In/out, lines: counted too many or too few, summed over"
    " places and directions, of the true number. Tuned: lines wrong of a baseline with thresholds and anchors set by"
    " hand. Bays right: share of bay-seconds outside settle times (pictures: of bays, with its interval)."
)
NONE = "-"


def rows(runs: Sequence[dict[str, Any]], lots: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The table without its head."""
    return [_run_row(run) for run in runs] + [_lot_row(lot) for lot in lots]


def _run_row(run: dict[str, Any]) -> tuple[str, ...]:
    part, lines, tracking, bays = run["occupancy"], run["lines"], run["tracking"], run["bays"]
    best = part.get("baseline")
    theirs = f"{part[best]:.2f} {best[0]}" if best else NONE
    ratio = NONE
    if part.get("ratio") is not None:
        ratio = f"{part['ratio']:.2f}"
        if part["interval"]:
            ratio += " [{:.2f}, {:.2f}]".format(*part["interval"])
    right = [f"{100 * bays[name]['right']:.1f}" if name in bays else NONE for name in ("ours", "detections")]
    return (
        run["set"],
        run["model"],
        f"{run['rate']:g}",
        f"{part['ours']:.2f} / {theirs} of {part['true']:.1f}",
        ratio,
        _pair(run["entries_exits"]),
        _pair(lines),
        str(lines.get("tuned", NONE)),
        " / ".join(right) + " %" if bays else NONE,
        *(_scores(tracking, name) for name in ("HOTA", "IDF1", "MOTA")),
    )


def _lot_row(lot: dict[str, Any]) -> tuple[str, ...]:
    low, high = lot["ours"]["interval"]
    theirs = f"{100 * lot['baseline']['right']:.1f}" if "baseline" in lot else NONE
    right = f"{100 * lot['ours']['right']:.1f} [{100 * low:.1f}, {100 * high:.1f}] / {theirs} %"
    return ("parking", lot["model"], NONE, *[NONE] * 5, f"{right} of {lot['ours']['bays']}", NONE, NONE, NONE)


def _pair(part: dict[str, int]) -> str:
    if not part["true"]:
        return NONE
    return f"{part['ours']} / {part.get('tracks', NONE)} of {part['true']}"


def _scores(tracking: dict[str, dict[str, float]], name: str) -> str:
    return " / ".join(f"{tracking[who][name]:.2f}" if who in tracking else NONE for who in ("ours", "tracks"))


def plain(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Columns lined up."""
    widths = [max(len(row[k]) for row in (head, *body)) for k in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in (head, *body)]  # fmt: skip
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def markdown(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """The same as Markdown."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, *body)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def details(run: dict[str, Any]) -> str:
    """Every zone, line and parking zone of a run."""
    lines = [f"{run['set']} {run['model']} {run['rate']:g} fps: counted by ours / baseline of true"]
    for video in run["videos"]:
        lines += [f"  {video['video']:12} {_zone(zone)}" for zone in video["zones"]]
        for line in video["lines"]:
            ways = ", ".join(f"{way} {_counts(line[way])}" for way in ("in", "out"))
            lines.append(f"  {video['video']:12} line {line['line']:12} {line['class']:8} {ways}")
        for bays in video["bays"]:
            right = ", ".join(
                f"{name} {100 * bays[name]['right']:.2f} % ({100 * bays[name]['right_with_settling']:.2f} %)"
                for name in ("ours", "detections")
                if name in bays
            )
            lines.append(
                f"  {video['video']:12} bays {bays['zone']}: right {right}; in brackets with settle times"
            )
    return "\n".join(lines)


def _zone(zone: dict[str, Any]) -> str:
    errors = []
    for name in ("ours", "tracks", "detections"):
        found = occupancy_of(zone, name)
        errors.append(f"{found['error']:.2f}" if found else NONE)
    own = zone["occupancy"]["ours"]
    share = f"{100 * own['share']:.0f} %" if own["share"] is not None else NONE
    flows = f"entries {_counts(zone['entries'])}, exits {_counts(zone['exits'])}"
    return (
        f"zone {zone['zone']:12} {zone['class']:8} error {' / '.join(errors)} ({share}; mean {own['mean']:.2f} of"
        f" {zone['true_mean']:.2f}); {flows}"
    )


def _counts(way: dict[str, int]) -> str:
    theirs = flow_of(way, "tracks")
    return f"{way['ours']} / {NONE if theirs is None else theirs} of {way['true']}"


def verdicts(found: Sequence[Verdict]) -> str:
    """One line for each goal, and how many are met."""
    lines = [f"{'PASS' if v.met else 'FAIL'}  {v.where}: {v.goal}: {v.found}" for v in found]
    if not found:
        return "no goal is stated for what was measured"
    met = sum(v.met for v in found)
    return "\n".join([*lines, f"{met} of {len(found)} goals met"])
