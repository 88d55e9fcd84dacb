"""The way from a picture to a number, as a table that is held against the code.

The table names, for each stage, the module, the call that takes what comes in and the one that hands on what goes out.
What a stage holds (pixels, positions, track numbers, counts) is not written here: it is read from the types of those
calls, down to their fields. A field that holds pixels, added to a type on the way, shows on the page by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from parvis.privacy.source import Source, SourceError, words

Content = Literal["pixels", "masked", "positions", "ids", "numbers"]
ORDER: Final[tuple[Content, ...]] = ("pixels", "masked", "positions", "ids", "numbers")

_IMAGE: Final = "edge.records.ImageArray"
_MASKED: Final = "edge.privacy_blur.BlurredImage"
# Texts of records: what is in them no type says, so tests open them.
_TEXTS_OF_RECORDS: Final = frozenset(
    {"contract.batch.pack", "server.api.body.inflate", "edge.spool_rows.Spooled"}
)
_FIELDS: Final[Mapping[str, Content]] = {"xyxy": "positions", "track_id": "ids"}
_CONTAINERS: Final = frozenset({"list", "tuple", "dict", "Sequence", "Iterable", "Mapping", "None"})
# Import one of these and a module can speak to a network.
NETWORK: Final = frozenset({
    "aiohttp", "ftplib", "http.client", "http.server", "httpx", "imaplib", "paho", "requests", "smtplib", "socket",
    "socketserver", "ssl", "telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage. ``takes`` is a call and its parameter, ``hands_on`` a call, a class or a field of one.

    ``limits`` are numbers of the text about what is kept and for how long: each names a constant, or a call and its
    parameter, whose default it is.
    """

    key: str
    place: Literal["box", "server"]
    module: str
    hands_on: str
    takes: tuple[str, str] | None = None
    limits: Mapping[str, str | tuple[str, str]] = field(default_factory=dict)


STAGES: Final = (
    Stage("camera", "box", "edge.camera", "edge.camera.LiveCamera.latest"),
    Stage(
        "frame", "box", "edge.pipeline", "edge.records.Frame.image", ("edge.pipeline.Pipeline.step", "frame")
    ),
    Stage(
        "detector",
        "box",
        "edge.detect",
        "edge.detect.OnnxDetector.detect",
        ("edge.detect.OnnxDetector.detect", "image"),
    ),
    Stage(
        "tracker",
        "box",
        "edge.track",
        "edge.track.Tracker.update",
        ("edge.track.Tracker.update", "detections"),
        {"remember_s": "edge.track_state.TrackerSettings.remember_s"},
    ),
    Stage(
        "counters",
        "box",
        "edge.counters",
        "edge.counters.CameraCounters.observe",
        ("edge.counters.CameraCounters.observe", "tracks"),
        {"settle_s": "edge.counters.SETTLE_S", "fewest": "edge.grid.FEWEST_TRACKS"},
    ),
    Stage("record", "box", "contract.batch", "contract.batch.stamp", ("contract.batch.stamp", "body")),
    Stage(
        "spool",
        "box",
        "edge.spool",
        "edge.spool.Spool.peek",
        ("edge.spool_rows.store", "records"),
        {"max_bytes": ("edge.spool.Spool.__init__", "max_bytes"), "sent_s": "edge.spool_settle.SENT_S"},
    ),
    Stage("uplink", "box", "edge.uplink", "contract.batch.pack", ("edge.uplink.Uplink._post", "items")),
    Stage(
        "server",
        "server",
        "server.api.ingest",
        "server.store.base.Records.rows",
        ("server.api.body.inflate", "data"),
        {
            name: f"server.retention.Retention.{name}"
            for name in ("intervals_days", "rollups_years", "grids_days", "health_days")
        },
    ),
    Stage(
        "reports",
        "server",
        "server.reports",
        "server.reports.report",
        ("server.reports.report", "rows"),
        {"delay_s": "server.settings.STATISTICS_DELAY_S", "k": "server.suppression.K"},
    ),
)
# Beside the way: the one use of a picture, and only when a technician asks for it.
PREVIEW: Final = Stage("preview", "box", "edge.encode", _MASKED, ("edge.encode.write_picture", "picture"))


@dataclass(frozen=True, slots=True)
class Read:
    """A stage as the code has it: the types it takes and hands on, what they hold, the values of its limits."""

    stage: Stage
    taken: str | None
    handed: str
    holds: tuple[Content, ...]
    hands: tuple[Content, ...]
    limits: Mapping[str, int | float]


def read(stage: Stage, source: Source) -> Read:
    """Read a stage from the code.

    Raises:
        SourceError: when the code no longer has what the table names.
    """
    taken = None if stage.takes is None else source.takes(*stage.takes)
    handed = source.returns(stage.hands_on)
    inside = _held(source, stage.takes[0], taken) if stage.takes and taken else frozenset()
    hands = _held(source, stage.hands_on, handed)
    if not source.imports(stage.module):
        raise SourceError(f"{stage.module} is empty")
    limits = {
        name: source.constant(place) if isinstance(place, str) else source.default(*place)
        for name, place in stage.limits.items()
    }
    return Read(stage, taken, handed, _ordered(inside | hands), _ordered(hands), limits)


def agree(source: Source, first: Stage, then: Stage) -> bool:
    """Whether what one stage hands on is what the next one takes: a type in common, or a protocol that it fits."""
    if then.takes is None:
        return False
    given = _types(source, first.hands_on, source.returns(first.hands_on))
    wanted = _types(source, then.takes[0], source.takes(*then.takes))
    if given & wanted:
        return True
    return any(
        source.protocol(want) and source.protocol(want) <= set(source.fields(have))
        for want in wanted
        for have in given
        if "." in want and "." in have
    )


def network_modules(source: Source, package: str = "edge") -> dict[str, tuple[str, ...]]:
    """The modules of a package that import something which can speak to a network, and what they import."""
    found = {module: tuple(sorted(source.imports(module) & NETWORK)) for module in source.modules(package)}
    return {module: names for module, names in found.items() if names}


def _held(source: Source, call: str, annotation: str) -> frozenset[Content]:
    return frozenset(_contents(source, source.module_of(call), annotation, call, frozenset()))


def _contents(
    source: Source, module: str, annotation: str, call: str, seen: frozenset[str]
) -> Iterator[Content]:
    if call in _TEXTS_OF_RECORDS:
        yield "numbers"
        return
    for word in words(annotation):
        home = source.home(module, word)
        if home is None or home in seen:
            continue
        at = home.rpartition(".")[0]
        if home == _IMAGE:
            yield "pixels"
        elif home == _MASKED:
            yield "masked"
        elif source.is_class(home):
            if home in _TEXTS_OF_RECORDS or at.startswith(("contract", "server")):
                yield "numbers"
            for name, inner in source.fields(home).items():
                if name in _FIELDS:
                    yield _FIELDS[name]
                yield from _contents(source, at, inner, home, seen | {home})
        elif (alias := source.value(at, word)) is not None:
            yield from _contents(source, at, alias, home, seen | {home})


def _types(source: Source, call: str, annotation: str) -> set[str]:
    """The types in an annotation, dotted where they are ours, without what only contains them."""
    module = source.module_of(call)
    found = {word: source.home(module, word) for word in words(annotation)}
    return {home or word for word, home in found.items() if word not in _CONTAINERS}


def _ordered(contents: frozenset[Content]) -> tuple[Content, ...]:
    return tuple(content for content in ORDER if content in contents)
