"""`python -m bench.debris`: how many things on the road are found, how soon, and how often nothing is called something.

Films composed from the sample street and, where present, from real roads, in eleven weathers, each with six things (some are cut-outs
of photographs: these films count as synthetic); `../shared/data/clouds`, in which every case is a false one. Ours next to the plain
recipe (MOG2 and still blobs) with the same persistence on the same pictures and boxes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import numpy as np

from bench.debris.clouds import cloud_run
from bench.debris.run import run
from bench.debris.scenes import films
from bench.debris.score import Score
from edge.detect import OnnxDetector, resolve_model


def main() -> None:
    """Run the films and print the table, or one JSON object as the last line."""
    parser = argparse.ArgumentParser(prog="python -m bench.debris", description=__doc__)
    parser.add_argument(
        "--persistence", type=float, nargs="+", default=[5.0, 30.0], help="seconds, each is run by itself"
    )
    parser.add_argument("--only", default="", help="films whose name holds this, as in street/rain")
    parser.add_argument("--seconds", type=int, default=400, help="length of a film")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--details", action="store_true", help="name what was missed and what was false")
    chosen = parser.parse_args()
    result = {f"{p:g}": measure(p, chosen) for p in chosen.persistence}
    if chosen.json:
        print(json.dumps({"bench": "debris", "persistence_s": result}))


def measure(persistence_s: float, chosen: argparse.Namespace) -> dict[str, Any]:
    """All films at one persistence."""
    detector = OnnxDetector(resolve_model("starter"), confidence=0.1)
    scores = {(way, real): Score() for way in ("ours", "recipe") for real in (False, True)}
    by_weather: dict[str, Any] = {}
    cost, detect, looks, unjudged = 0.0, 0.0, 0, 0.0
    for base, film in films(persistence_s, chosen.seconds):
        name = f"{base.name}/{film.weather}"
        if chosen.only not in name:
            continue
        began = time.monotonic()
        done = run(film.frames(), base.layout, persistence_s, detector)
        row = {}
        for way, told in (("ours", done.ours), ("recipe", done.recipe)):
            own = Score()
            for score in (own, scores[way, base.real]):
                score.add(
                    name,
                    film.things,
                    told,
                    film.seconds,
                    persistence_s,
                    done.stopped if way == "ours" else (),
                )
            row[way] = own.summary()
            if chosen.details and way == "ours":
                for line in [f"  missed {text}" for text in own.missed] + [
                    f"  false  {text}" for text in own.wrong
                ]:
                    print(line, file=sys.stderr)
        by_weather[name] = row | {"unjudged_s": done.unjudged_s, "stopped_vehicles": len(done.stopped)}
        cost, detect, looks, unjudged = (
            cost + done.look_s,
            detect + done.detect_s,
            looks + done.looks,
            unjudged + done.unjudged_s,
        )
        print(
            f"{persistence_s:4.0f} s  {name:20} found {row['ours']['found']}/{row['ours']['things']} false {row['ours']['false']}"
            f"+{row['ours']['doubled']}   recipe {row['recipe']['found']}/{row['recipe']['things']} false {row['recipe']['false']}"
            f"+{row['recipe']['doubled']}   stopped {len(done.stopped)}  unjudged {done.unjudged_s:.0f} s  ({time.monotonic() - began:.0f} s)",
            file=sys.stderr, flush=True,
        )  # fmt: skip
    result: dict[str, Any] = {
        "rendered": {way: scores[way, False].summary() for way in ("ours", "recipe")},
        "real_roads": {way: scores[way, True].summary() for way in ("ours", "recipe")},
        "films": by_weather,
        "unjudged_share": round(unjudged / max(looks, 1), 4),
        "look_of_detector": round(cost / detect, 4) if detect else None,
        "clouds": cloud_run(persistence_s, detector) if chosen.only in "clouds-video" else None,
    }
    _show(persistence_s, result)
    return result


def _show(persistence_s: float, result: dict[str, Any]) -> None:
    print(
        f"\npersistence {persistence_s:g} s; a look costs {result['look_of_detector']} of the detector's time for a picture",
        file=sys.stderr,
    )
    for part in ("rendered", "real_roads"):
        for way, row in result[part].items():
            if row["things"]:
                print(
                    f"{part:11} {way:7} recall {row['recall']:.3f} (any {row['recall_any']:.3f}) of {row['things']:3}  false {row['false']:3} + doubled {row['doubled']:2} in"
                    f" {row['hours']:.2f} h: {row['false_an_hour']:.1f} an hour (at most {row['false_most']:.1f})  late {row['late_median_s']} (most"
                    f" {row['late_most_s']}) s  cleared after {row['clear_median_s']} (most {row['clear_most_s']}) s, never {row['never_cleared']}",
                    file=sys.stderr,
                )  # fmt: skip
    print(f"clouds      {result['clouds']}\n", file=sys.stderr)


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
