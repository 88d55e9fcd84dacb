"""What a support bundle holds: a handful of texts, cleaned, each with a word on what it is. Pure.

Rule 1. A text goes in because it is listed here, never because it lay there.
Rule 2. Everything passes the redactor (`edge.redaction`); figures and names of the wire pass as they are.
Rule 3. What is ready is looked at once more: a text in which a known secret stands, or that is no plain text, is left
        out, and the bundle says so (`checked`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from contract.messages import HealthBody, format_time
from edge.doctor_line import Line
from edge.redaction import GONE, Redactor, Secrets

MOST_LETTERS: Final = 200
MOST_RECORDS: Final = 60
MOST_LINES: Final = 400
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_HEALTH: Final = tuple(name for name in HealthBody.model_fields)
_READ_ME: Final = "README.txt"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without what it would have told."""

    key: str
    reason: str
    at: float
    payload: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was gathered, uncleaned. ``configuration`` None: it could not be read, and ``trouble`` says why."""

    versions: Mapping[str, str | None]
    system: Mapping[str, Any]
    configuration: Any | None
    trouble: str
    health: tuple[str, ...]  # records, canonical JSON, oldest first
    status: Mapping[str, Any]
    letters: tuple[Letter, ...]
    doctor: tuple[Line, ...]
    log: tuple[str, ...]
    log_from: str


@dataclass(frozen=True, slots=True)
class Member:
    """One file of the bundle."""

    name: str
    what: str
    text: str
    left_out: bool = False

    @property
    def data(self) -> bytes:
        """As written."""
        return self.text.encode()


def bundle(facts: Facts, secrets: Secrets, at: datetime) -> tuple[list[Member], dict[str, int]]:
    """The files of a bundle made at ``at`` (UTC), the list of them first; and how much of what was taken out."""
    redactor = Redactor(secrets)
    clean = redactor.value
    made: list[tuple[str, str, Callable[[], str]]] = [
        ("versions.json", "Parvis, Python, its libraries", lambda: _json(clean(dict(facts.versions)))),
        ("system.json", "processor, memory, heat, disk, clock", lambda: _json(clean(dict(facts.system)))),
        ("configuration.json", "the configuration without secrets, or why it cannot be read", lambda: _configuration(facts, redactor)),
        ("status.json", "what the box says of itself, and its outbox in figures", lambda: _json(clean(dict(facts.status)))),
        ("health.jsonl", "the last health records", lambda: _health(facts.health)),
        ("dead_letters.json", "records that the server refused: why, not what", lambda: _letters(facts.letters, redactor)),
        ("doctor.json", "what `parvis edge doctor` finds", lambda: _json([clean(line.as_dict()) for line in facts.doctor])),
        ("log.txt", f"the last lines of the log ({facts.log_from})", lambda: _lines(redactor.log_lines(facts.log[-MOST_LINES:]))),
    ]  # fmt: skip
    members = [checked(Member(name, what, _made(write)), secrets) for name, what, write in made]
    first = Member(_READ_ME, "this list, and what was taken out", _read_me(members, redactor.removed, at))
    return [checked(first, secrets), *members], dict(sorted(redactor.removed.items()))


def checked(member: Member, secrets: Secrets) -> Member:
    """The member, or an empty one in its place if it is no plain text or a secret stands in it."""
    plain = all(char.isprintable() or char == "\n" for char in member.text)
    if plain and not secrets.found_in(member.data):
        return member
    why = "a secret was found in it" if plain else "it is no plain text"
    return replace(member, text=f"left out: {why}\n", left_out=True)


def _made(write: Callable[[], str]) -> str:
    try:
        return write()
    except Exception as exc:  # one part that cannot be told must not keep the others from support
        return f"could not be made: {type(exc).__name__}\n"


def _configuration(facts: Facts, redactor: Redactor) -> str:
    told: dict[str, Any] = {"trouble": [redactor.text(line) for line in facts.trouble.splitlines()] or None}
    return _json(told | {"configuration": redactor.value(facts.configuration)})


def _health(records: Iterable[str]) -> str:
    """Health records by their known fields only; a record of another shape is nothing that is known to be harmless."""
    kept = []
    for text in records:
        record = json.loads(text)
        body = HealthBody.model_validate({name: record[name] for name in _HEALTH if name in record})
        kept.append(body.model_dump_json())
    return _lines(kept[-MOST_RECORDS:])


def _letters(letters: tuple[Letter, ...], redactor: Redactor) -> str:
    told = []
    for letter in letters[-MOST_LETTERS:]:
        record = json.loads(letter.payload)
        names = {name: record.get(name) for name in ("type", "camera", "zone", "line", "start")}
        told.append(
            {
                "key": redactor.text(letter.key),
                "reason": redactor.text(_unquoted(letter.reason)),
                "at": format_time(datetime.fromtimestamp(int(letter.at), UTC)),
                **{name: redactor.text(str(value), 80) for name, value in names.items() if value is not None},
            }
        )
    return _json({"refused": len(letters), "last": told})


def _unquoted(reason: str) -> str:
    """A reason without what it quotes of the record, unless that is a name of the wire."""
    return re.sub(r"(['\"])(.*?)\1", lambda m: m[0] if _NAME.match(m[2]) else f"{m[1]}{GONE}{m[1]}", reason)


def _read_me(members: list[Member], removed: Mapping[str, int], at: datetime) -> str:
    taken = [f"  {count} x {kind}" for kind, count in sorted(removed.items())] or ["  nothing"]
    return _lines(
        [
            f"Support bundle of a Parvis box, made {format_time(at.replace(microsecond=0))}.",
            "It holds no picture, no track and no secret. Every file in it is text: read it before you send it.",
            "",
            *(
                f"  {member.name:<20} {member.what}{' (LEFT OUT)' if member.left_out else ''}"
                for member in members
            ),
            "",
            "Taken out:",
            *taken,
        ]
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
