"""What ``/healthz`` says: the verdict with its reasons and the figures behind it, as JSON and as text. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from contract.version import VERSION
from edge.remedies import length
from edge.vitals import CameraVitals, Judgement, RoadSight, Vitals

OK, UNAVAILABLE = 200, 503
_MARKS: Final = {"healthy": "ok", "degraded": "!", "failing": "!!"}
_SIGHTS: Final[dict[RoadSight, str]] = {
    "blind": "not judged, the picture is gone or cannot be believed",
    "clear": "judged",
    "learning": "not judged yet, the empty road is being learnt",
    "dark": "too dark to be judged",
    "busy": "too busy to be judged",
    "unsteady": "too unsteady to be judged",
}


def status_of(judgement: Judgement) -> int:
    """200 while intervals are counted, stored and delivered, 503 when they are not."""
    return UNAVAILABLE if judgement.verdict == "failing" else OK


def as_dict(vitals: Vitals, judgement: Judgement, now: float) -> dict[str, Any]:
    """All of it; ages in seconds at ``now``, null where there is nothing to tell."""
    backlog = vitals.backlog
    return {
        "verdict": judgement.verdict,
        "reasons": [trouble.as_dict() for trouble in judgement.troubles],
        "last_turn_s": _age(vitals.at, now),
        "last_interval_stored_s": _age(vitals.closed_at, now),
        "last_interval_confirmed_s": _age(vitals.delivered_at, now) if vitals.with_server else None,
        "server": vitals.with_server,
        "cameras": [_camera(camera, now) for camera in vitals.cameras],
        "spool": None
        if backlog is None
        else {
            "records": backlog.pending,
            "oldest_s": None if backlog.age_s is None else round(backlog.age_s, 1),
            "bytes": backlog.bytes,
            "in_memory": backlog.held,
            "disk_refuses": backlog.degraded,
            "dead_letters": backlog.dead_letters,
            "dropped": backlog.dropped,
            "merged": backlog.merged,
        },
        "disk_free_mb": vitals.disk_free_mb,
        "temperature_c": vitals.temperature_c,
        "throttled": vitals.throttled,
        "clock": vitals.clock,
        "clock_skew_s": None if vitals.clock_skew_s is None else round(vitals.clock_skew_s, 1),
        "counting_s": round(now - vitals.began, 1),
        "software": VERSION,
    }


def as_json(vitals: Vitals, judgement: Judgement, now: float) -> str:
    """`as_dict` as one line."""
    return json.dumps(as_dict(vitals, judgement, now)) + "\n"


def as_text(vitals: Vitals, judgement: Judgement, now: float) -> str:
    """For somebody with curl and little time."""
    return "".join(f"{line}\n" for line in _lines(vitals, judgement, now))


def _lines(vitals: Vitals, judgement: Judgement, now: float) -> Iterator[str]:
    yield judgement.verdict
    for trouble in judgement.troubles:
        yield f"{_MARKS[trouble.verdict]:<2} {trouble.message}"
        yield f"   {trouble.remedy}"
    yield ""
    for camera in vitals.cameras:
        yield f"camera {camera.camera}: {camera.state}, {camera.fps:.1f} pictures a second, last {_ago(camera.frame_at, now)}"
        for road in camera.roads:
            yield f"  road {road.zone}: {_SIGHTS[road.sight]}; {road.open_cases} open cases"
    yield f"last interval stored {_ago(vitals.closed_at, now)}"
    if vitals.with_server:
        yield f"last interval confirmed by the server {_ago(vitals.delivered_at, now)}"
    if vitals.backlog is not None:
        backlog = vitals.backlog
        age = "" if backlog.age_s is None else f", the oldest for {length(backlog.age_s)}"
        yield f"{backlog.pending} records wait{age if backlog.pending else ''}; {backlog.dead_letters} refused"
    yield f"disk {_figure(vitals.disk_free_mb, ' MB free')}, {_figure(vitals.temperature_c, ' °C')}, clock {vitals.clock}{_skew(vitals.clock_skew_s)}"
    yield f"parvis {VERSION}, counting for {length(now - vitals.began)}"


def _skew(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", {abs(seconds):.1f} s {'behind' if seconds > 0 else 'ahead of'} the server's"


def _camera(camera: CameraVitals, now: float) -> dict[str, Any]:
    return {
        "camera": camera.camera,
        "state": camera.state,
        "fps": round(camera.fps, 2),
        "last_frame_s": _age(camera.frame_at, now),
        "last_look_s": _age(camera.looked_at, now),
        "flags": sorted(camera.flags),
        "frames_dropped": camera.dropped,
        "reconnects": camera.reconnects,
        "roads": [asdict(road) for road in camera.roads],
    }


def _age(at: float | None, now: float) -> float | None:
    return None if at is None else round(max(0.0, now - at), 1)


def _ago(at: float | None, now: float) -> str:
    return "never" if at is None else f"{length(max(0.0, now - at))} ago"


def _figure(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:g}{unit}"
