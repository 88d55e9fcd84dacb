"""What is known of a box, and the papers made of it as HTML: each self-contained, without script or outside content."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from contract.version import VERSION
from parvis.privacy import law, table
from parvis.privacy.drawing import Captions, draw
from parvis.privacy.minute import REPLAY_START, Minute
from parvis.privacy.operator_file import Operator
from parvis.privacy.paper import Paper
from parvis.privacy.pictures import pictogram, qr_code
from parvis.privacy.schema import Message, messages
from parvis.privacy.site import Site
from parvis.privacy.source import Source
from parvis.privacy.stages import ORDER, PREVIEW, STAGES, Read, network_modules, read
from parvis.privacy.words import Words

DOCUMENTS: Final = (
    "box-page",
    "street-sign",
    "register-entry",
    "impact-assessment",
    "public-information",
)


@dataclass(frozen=True, slots=True)
class Code:
    """What the code and the contract say: messages, stages, modules of the box that can reach a network, of how many."""

    messages: tuple[Message, ...]
    stages: tuple[Read, ...]
    preview: Read
    network: Mapping[str, tuple[str, ...]]
    modules: int

    def limit(self, name: str) -> int | float:
        """A number of the code by the name that a stage gives it."""
        return next(read.limits[name] for read in self.stages if name in read.limits)


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the papers are made of."""

    site: Site
    operator: Operator
    minute: Minute
    code: Code
    made: datetime


@dataclass(frozen=True, slots=True)
class Rendered:
    """One paper: its HTML, the keys of its blanks, the legal statements in it."""

    html: str
    blanks: tuple[str, ...]
    stated: tuple[str, ...]


def facts(site: Site, operator: Operator, minute: Minute, now: datetime) -> Facts:
    """Put together what is known of a box with what the code and the contract say."""
    return Facts(site, operator, minute, _code(), now.astimezone(UTC))


def render(document: str, language: str, known: Facts, *, also: bool) -> Rendered:
    """One paper in one language; ``also``: the other language lies next to it."""
    words = Words(language)
    defaults = {
        "retention_days": known.code.limit("intervals_days"),
        "totals_years": known.code.limit("rollups_years"),
    }
    paper = Paper(document, words, known.operator, defaults)
    style = _style()
    html = (
        _environment()
        .get_template(f"{document}.html")
        .render(
            t=words,
            p=paper,
            lang=words.language,
            other="en" if language == "fr" else "fr",
            also=also,
            document=document,
            style=Markup(style),  # noqa: S704 - our own file
            policy=_policy(style),
            version=VERSION,
            code=known.code,
            made=known.made,
            site=known.site,
            minute=known.minute,
            **_made(known, words, paper),
        )
    )
    return Rendered(html, tuple(paper.blanks), tuple(paper.stated))


@cache
def _code() -> Code:
    source = Source()
    return Code(
        messages=messages(),
        stages=tuple(read(stage, source) for stage in STAGES),
        preview=read(PREVIEW, source),
        network=network_modules(source),
        modules=len(source.modules("edge")),
    )


def limits(known: Facts, words: Words) -> dict[str, str]:
    """The numbers of the code as texts, for what is kept and for how long."""
    numbers: dict[str, float] = {
        name: value for each in known.code.stages for name, value in each.limits.items()
    }
    numbers |= {
        "interval_s": known.site.interval_s,
        "max_mb": numbers["max_bytes"] // (1024 * 1024),
        "sent_min": numbers["sent_s"] / 60,
        "delay_min": numbers["delay_s"] / 60,
        "small": numbers["k"] - 1,
    }
    return {name: words.whole(value) for name, value in numbers.items()}


def _made(known: Facts, words: Words, paper: Paper) -> dict[str, Any]:
    """What templates cannot say themselves, as functions: most papers need a few of them only."""
    numbers = limits(known, words)

    def kept(key: str) -> str:
        return words(f"keeps.{key}", **numbers)

    return {
        "numbers": numbers,
        "kept": kept,
        "shown": [
            each
            for each in (*known.code.stages, known.code.preview)
            if each.stage.place == "box" or known.site.server is not None
        ],
        "way": lambda brief=False: Markup(_drawing(known, words, kept, brief=brief)),  # noqa: S704 - `drawing` escapes what it writes
        "pictogram": lambda: Markup(pictogram(words("sign.pictogram"))),  # noqa: S704 - as above
        "qr": lambda: _qr(known.operator, words),
        "lines": lambda message: table.lines(message, words, numbers),
        "longest": table.longest_name(known.code.messages),
        "readable": _readable,
        "by_type": Counter(json.loads(record.payload)["type"] for record in known.minute.records),
        "replay_start": words.stamp(REPLAY_START),
        "counted": words.listed(words(f"counted.{group}") for group in known.site.groups),
        "classes": lambda place: ", ".join(words(f"class.{name}") for name in place.classes),
        "risks": law.RISKS,
        "register": law.REGISTER,
    }


def _drawing(known: Facts, words: Words, kept: Callable[[str], str], *, brief: bool) -> str:
    stages = [*known.code.stages, known.code.preview]
    server = known.site.server
    sent = next(each.hands for each in known.code.stages if each.stage.key == "uplink")
    contents = {content: words(f"content.{content}") for content in ORDER}
    names = {each.stage.key: words(f"stage.{each.stage.key}") for each in stages}
    border = words("way.border", contents=", ".join(contents[content] for content in sent))
    return draw(
        known.code.stages,
        known.code.preview,
        Captions(
            title=words("way.alt", stages=", ".join(names[each.stage.key] for each in known.code.stages)),
            box=words("way.box"),
            server=None if server is None else words("way.server", server=server),
            border=words("way.end") if server is None else border,
            names=names,
            keeps={key: kept(key) for key in names},
            contents=contents,
        ),
        brief=brief,
    )


def _readable(payload: str) -> str:
    """The same JSON with line breaks; what holds values alone stays on its line."""
    text = json.dumps(json.loads(payload), indent=2)
    flat = None
    while flat != text:
        flat, text = text, re.sub(r"\[\n\s+((?:[^\[\]{}]|\[[^\[\]{}\n]*\])*?)\n\s+\]", _one_line, text)
    return text


def _one_line(found: re.Match[str]) -> str:
    return "[" + re.sub(r"\s*\n\s*", " ", found.group(1)) + "]"


def _qr(operator: Operator, words: Words) -> Markup:
    if operator.information_url is None:
        return Markup('<span class="noqr">{}</span>').format(words("sign.qr.none"))
    url = operator.information_url
    if importlib.util.find_spec("segno") is None:
        return Markup('<span class="noqr">{}</span>').format(words("sign.qr.extra"))
    return Markup(qr_code(url, words("sign.qr", url=url)))  # noqa: S704 - `pictures` escapes its title


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("parvis.privacy", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return resources.files("parvis.privacy").joinpath("templates", "page.css").read_text("utf-8")


def _policy(style: str) -> str:
    """Nothing may be loaded or run; the one style sheet is known by its hash."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
