"""The schema in words: each field's type, unit, possible values and meaning, in one language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from parvis.privacy.schema import Field, Message, Shape, innermost, is_numeric
from parvis.privacy.words import Words


@dataclass(frozen=True, slots=True)
class Line:
    """One row as it is read."""

    path: str
    type: str
    unit: str
    values: str
    meaning: str


def lines(message: Message, words: Words, limits: Mapping[str, object]) -> list[Line]:
    """The rows of a message; ``limits`` fill the placeholders of meanings."""
    return [
        Line(
            field.path,
            type_of(field.shape, words),
            words(f"unit.{field.unit}") if field.unit else "",
            values_of(field.shape, words),
            meaning(message, field, words, limits),
        )
        for field in message.fields
    ]


def meaning(message: Message, field: Field, words: Words, limits: Mapping[str, object]) -> str:
    """What a field means: as this message uses it, else by its path, else by its name, else that nobody says."""
    for key in (
        f"field.{message.name}.{field.path}",
        f"field.{message.name}.{field.name}",
        f"field.{field.path}",
    ):
        if words.has(key):
            return words(key, **limits)
    key = f"field.{field.name}"
    return words(key, **limits) if words.has(key) else words("schema.undescribed")


def type_of(shape: Shape, words: Words) -> str:
    """``whole number``; ``list (number), or empty``."""
    text = _plain_type(shape, words)
    return words("type.null", type=text) if shape.null else text


def values_of(shape: Shape, words: Words) -> str:
    """``0 to 10,000,000``; the words of a list; how a name is written."""
    parts: list[str] = []
    if shape.kind == "mapping" and shape.keys is not None:
        parts.append(words("range.keys", keys=values_of(shape.keys, words)))
    if shape.fewest is not None and shape.fewest == shape.longest:
        parts.append(words("range.exactly", n=shape.fewest))
    if shape.of is not None:
        # A point is two numbers, which its type says already.
        parts.append(values_of(shape.of.of if shape.of.of is not None else shape.of, words))
    elif shape.kind == "object":
        parts.append(words("range.closed"))
    elif shape.kind in {"integer", "number"} and shape.least is not None and shape.most is not None:
        parts.append(words("range.between", least=words.whole(shape.least), most=words.whole(shape.most)))
    elif shape.kind == "choice":
        parts.append(", ".join(shape.choices))
    elif shape.kind == "time":
        parts.append(words("range.utc"))
    elif shape.kind == "boolean":
        parts.append(words("range.bool"))
    elif shape.pattern is not None:
        parts.append(_spelling(shape.pattern, words))
    return reduce(
        lambda first, then: words("semicolon", first=first, then=then),
        [part for part in parts if part] or [""],
    )


def longest_name(messages: Sequence[Message]) -> int:
    """The most characters that a name or a label may have, over all fields."""
    return max(
        (
            _most(pattern)
            for message in messages
            for field in message.fields
            if (pattern := innermost(field.shape).pattern) is not None and not _hex(pattern)
        ),
        default=0,
    )


def _plain_type(shape: Shape, words: Words) -> str:
    of = shape.of
    if of is None:
        number = shape.kind == "choice" and is_numeric(shape)
        return words("type.choice.number") if number else words(f"type.{shape.kind}")
    if of.kind == "list":
        return words(f"type.{shape.kind}.list")
    return words(f"type.{shape.kind}", of=type_of(of, words))


def _spelling(pattern: str, words: Words) -> str:
    digits = _hex(pattern)
    if digits:
        return words("range.hex", n=digits)
    if pattern == r"^[a-z0-9][a-z0-9_-]{0,63}$":
        return words("range.name", n=_most(pattern))
    if pattern == r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$":
        return words("range.label", n=_most(pattern))
    return pattern


def _hex(pattern: str) -> int:
    found = re.fullmatch(r"\^\[0-9a-f\]\{([0-9]+)\}\$", pattern)
    return int(found.group(1)) if found else 0


def _most(pattern: str) -> int:
    """How long a match may be, of patterns like ours: one class, then up to so many of another."""
    found = re.fullmatch(r"\^\[[^]]+\]\[[^]]+\]\{0,([0-9]+)\}\$", pattern)
    if found is None:
        raise ValueError(f"how long {pattern} may be is not known here; teach parvis.privacy.table")
    return int(found.group(1)) + 1
