"""How the box is: from moments and figures to a verdict with its reasons. Pure.

Rules:
1. Healthy means *delivering*: pictures come, are looked at, intervals close, are stored, and the server confirms them.
   A process that is merely up is none of that. Without a server the spool is where intervals are delivered to.
2. Failing: intervals are not counted, stored or delivered now. Degraded: they are, but worse, late or not for long.
3. All ages are differences of monotonic moments, so no step of the wall clock changes what they say; but for the age of
   the oldest record that waits, which may be older than this boot and never makes a box failing.
4. Every reason has a remedy. Reasons travel as names; their words stay on the box.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from contract.names import UNOBSERVED_FLAGS, Flag, HealthReason, HealthVerdict, TimeQuality
from edge.cases import Sight
from edge.counters import SETTLE_S
from edge.remedies import REMEDIES, length

VERDICTS: Final[tuple[HealthVerdict, ...]] = ("healthy", "degraded", "failing")
# Limits in seconds, 10^6 bytes and degrees Celsius; docs/health.md says why each.
LOOP_S: Final = 30.0
FRAME_S: Final = 30.0
LOOK_S: Final = 60.0
CLOSE_SLACK_S: Final = 60.0
DELIVERY_SLACK_S: Final = 300.0
BACKLOG_S: Final = 900.0
LATELY_S: Final = 3600.0
DISK_FULL_MB: Final = 50
DISK_LOW_MB: Final = 500
HOT_C: Final = 80.0


# Blind: no picture, or none that can be believed.
RoadSight = Literal[Sight, "blind"]


@dataclass(frozen=True, slots=True)
class RoadVitals:
    """A zone that is watched for debris and stopped vehicles: how well it can be judged now, and its open cases."""

    zone: str
    sight: RoadSight
    open_cases: int


@dataclass(frozen=True, slots=True)
class CameraVitals:
    """One camera: ``frame_at`` and ``looked_at`` are the moments of its last frame and of the end of its last look.

    ``coming_at``: since when frames have come without a gap; a look that was before that gap is none that is late.

    ``frame_s``: the age at which a last frame is too old; ``flags``: what is wrong with the picture now.
    """

    camera: str
    state: Literal["starting", "live", "lost", "ended"]
    fps: float
    dropped: int
    reconnects: int
    frame_at: float | None = None
    looked_at: float | None = None
    coming_at: float | None = None
    frame_s: float = FRAME_S
    flags: frozenset[Flag] = frozenset()
    roads: tuple[RoadVitals, ...] = ()


@dataclass(frozen=True, slots=True)
class Backlog:
    """The spool: ``age_s`` is that of the oldest record that waits, the ``…_at`` are the moments of the last loss.

    ``at``: when this was so, monotonic seconds.
    """

    pending: int = 0
    age_s: float | None = None
    at: float | None = None
    dead_letters: int = 0
    bytes: int = 0
    held: int = 0
    degraded: bool = False
    accepted: int = 0
    rejected: int = 0
    dropped: int = 0
    merged: int = 0
    refused_at: float | None = None
    dropped_at: float | None = None
    merged_at: float | None = None
    acknowledged_unix: float | None = None


@dataclass(frozen=True, slots=True)
class Vitals:
    """The box at ``at``, monotonic seconds like every moment here; ``began`` is when it started to count.

    ``closed_at``: the last interval was stored; ``delivered_at``: the server was last seen to confirm one;
    ``excuse``: why the uplink keeps its records, in words, if it does. Null figures: the box cannot tell.
    """

    at: float
    began: float
    interval_s: float
    cameras: tuple[CameraVitals, ...]
    with_server: bool
    backlog: Backlog | None = None
    closed_at: float | None = None
    delivered_at: float | None = None
    excuse: str | None = None
    disk_free_mb: int | None = None
    temperature_c: float | None = None
    throttled: bool | None = None
    clock: TimeQuality | None = None
    clock_skew_s: float | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """One reason: of the whole box, or of one camera. ``message`` and ``remedy`` are for people."""

    reason: HealthReason
    verdict: HealthVerdict
    message: str
    camera: str | None = None
    advice: str | None = None

    @property
    def remedy(self) -> str:
        """What to do."""
        return self.advice or REMEDIES[self.reason]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "reason": self.reason,
            "verdict": self.verdict,
            "camera": self.camera,
            "message": self.message,
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, the worst of its reasons'; the gravest reason first."""

    troubles: tuple[Trouble, ...] = field(default=())

    @property
    def verdict(self) -> HealthVerdict:
        """Healthy when there is no reason to say otherwise."""
        return max((trouble.verdict for trouble in self.troubles), key=VERDICTS.index, default="healthy")

    def of(self, camera: str) -> Judgement:
        """What concerns one camera: its own reasons and the box's."""
        return Judgement(tuple(trouble for trouble in self.troubles if trouble.camera in {None, camera}))

    @property
    def reasons(self) -> tuple[HealthReason, ...]:
        """Each reason once."""
        return tuple(dict.fromkeys(trouble.reason for trouble in self.troubles))


def judge(vitals: Vitals, now: float) -> Judgement:
    """The state of the box at ``now``, monotonic seconds, by the rules above."""
    found = [*_cameras(vitals, now), *_intervals(vitals, now), *_machine(vitals)]
    if vitals.backlog is not None:
        found += _spool(vitals, vitals.backlog, now)
    return Judgement(tuple(sorted(found, key=lambda trouble: -VERDICTS.index(trouble.verdict))))


def frame_limit_s(max_fps: float) -> float:
    """The age at which the last frame of a camera counted ``max_fps`` times a second is too old."""
    return max(FRAME_S, 3 / max_fps)


def close_limit_s(interval_s: float) -> float:
    """The longest time between two moments at which an interval is stored."""
    return interval_s + SETTLE_S + CLOSE_SLACK_S


def delivery_limit_s(interval_s: float) -> float:
    """The longest time between two moments at which the server confirms an interval."""
    return interval_s + SETTLE_S + DELIVERY_SLACK_S


def _cameras(vitals: Vitals, now: float) -> Iterator[Trouble]:
    for camera in vitals.cameras:
        yield from _camera(camera, vitals.began, now)


def _camera(camera: CameraVitals, began: float, now: float) -> Iterator[Trouble]:
    name = camera.camera
    if camera.state == "ended":
        yield Trouble("camera_ended", "degraded", f"camera {name} has come to its end", name)
        return
    silent_s = now - _latest(camera.frame_at, began)
    if silent_s > camera.frame_s:
        yield Trouble("camera_lost", "failing", f"camera {name}: no picture for {length(silent_s)}", name)
    elif (unseen_s := now - max(_latest(camera.looked_at, began), _latest(camera.coming_at, began))) > max(
        LOOK_S, camera.frame_s
    ):
        what = f"camera {name}: pictures come, but none was looked at for {length(unseen_s)}"
        yield Trouble("inference_stalled", "failing", what, name)
    blind = sorted(camera.flags & UNOBSERVED_FLAGS - {"lost"})
    if blind:
        what = f"camera {name} sees nothing to be counted: {', '.join(blind)}"
        yield Trouble("picture_blind", "failing", what, name)
    poor = sorted(camera.flags - UNOBSERVED_FLAGS)
    if poor:
        yield Trouble("picture_poor", "degraded", f"camera {name}: the picture is {', '.join(poor)}", name)


def _intervals(vitals: Vitals, now: float) -> Iterator[Trouble]:
    """The way from the counters over the spool to the server: each link later than the one before it."""
    began = vitals.began
    if now - vitals.at > LOOP_S:
        what = f"the counting has stood still for {length(now - vitals.at)}"
        yield Trouble("loop_stalled", "failing", what)
    closed_s = now - _latest(vitals.closed_at, began)
    late = closed_s > close_limit_s(vitals.interval_s)
    if late:
        yield Trouble("nothing_closed", "failing", f"no interval was stored for {length(closed_s)}")
    elif vitals.closed_at is None:
        yield Trouble("starting", "degraded", "no interval is complete yet")
    if not vitals.with_server:
        return
    kept_s = now - _latest(vitals.delivered_at, began)
    if kept_s > delivery_limit_s(vitals.interval_s):
        what = f"the server has confirmed no interval for {length(kept_s)}"
        yield Trouble("not_delivering", "failing", what, advice=_excused(vitals.excuse))
    elif vitals.delivered_at is None and vitals.closed_at is not None and not late:
        yield Trouble("starting", "degraded", "the server has confirmed no interval yet")


def _spool(vitals: Vitals, backlog: Backlog, now: float) -> Iterator[Trouble]:
    if backlog.degraded:
        what = f"the disk takes no records; {backlog.held} wait in memory"
        yield Trouble("disk_refuses", "failing", what)
    age_s = 0.0 if backlog.age_s is None else backlog.age_s + max(0.0, now - vitals.at)
    if vitals.with_server and age_s > BACKLOG_S:
        what = f"{backlog.pending} records wait for the server, the oldest for {length(age_s)}"
        yield Trouble("backlog", "degraded", what)
    lately: tuple[tuple[HealthReason, float | None, str], ...] = (
        ("records_refused", backlog.refused_at, "the server refused records"),
        ("records_dropped", backlog.dropped_at, "records were lost at the spool's cap"),
        ("records_merged", backlog.merged_at, "old intervals were made coarser at the spool's cap"),
    )
    for reason, at, what in lately:
        if at is not None and now - at < LATELY_S:
            yield Trouble(reason, "degraded", f"{what} {length(now - at)} ago")


def _machine(vitals: Vitals) -> Iterator[Trouble]:
    free_mb = vitals.disk_free_mb
    if free_mb is not None and free_mb < DISK_FULL_MB:
        yield Trouble("disk_full", "failing", f"{free_mb} MB are left on the disk")
    elif free_mb is not None and free_mb < DISK_LOW_MB:
        yield Trouble("disk_low", "degraded", f"{free_mb} MB are left on the disk")
    if vitals.clock == "unsynced":
        yield Trouble("clock_unsynced", "degraded", "the clock is not synchronised")
    if vitals.temperature_c is not None and vitals.temperature_c >= HOT_C:
        yield Trouble("hot", "degraded", f"the processor has {vitals.temperature_c:.0f} °C")
    if vitals.throttled:
        yield Trouble("throttled", "degraded", "heat or weak power slows the processor down")


def _excused(excuse: str | None) -> str | None:
    return None if excuse is None else f"{REMEDIES['not_delivering']} Last: {excuse}."


def _latest(at: float | None, began: float) -> float:
    """A moment of this run; one that never came counts from the start."""
    return began if at is None else max(at, began)


def summary(judgement: Judgement, most: int = 3) -> str:
    """One line: the verdict and its gravest reasons."""
    return f"{judgement.verdict}: {_joined(judgement.troubles, most)}" if judgement.troubles else "healthy"


def _joined(troubles: Iterable[Trouble], most: int) -> str:
    told = [trouble.message for trouble in troubles]
    more = f"; and {len(told) - most} more" if len(told) > most else ""
    return "; ".join(told[:most]) + more
