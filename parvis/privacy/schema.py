"""Every field that a message can hold, read from the contract's own models: nothing here lists them by hand.

Paths are spelt as in the JSON: ``counts.*.dwell`` is the ``dwell`` of each class in ``counts``, ``zones[].id`` the
``id`` of each item of ``zones``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ValidationError

from contract import batch
from contract.messages import Envelope

Kind = Literal["integer", "number", "boolean", "time", "word", "choice", "object", "mapping", "list"]

_UNITS: Final[Mapping[str, str]] = {
    "object_s": "object_seconds",
    "occupied_bay_s": "bay_seconds",
    "observed_bay_s": "bay_seconds",
    "inference_ms": "milliseconds",
    "disk_free_mb": "megabytes",
    "temperature_c": "celsius",
    "size_m": "metres",
    "metres": "metres",
    "fps": "per_second",
    "lon": "degrees",
    "lat": "degrees",
    "lonlat": "degrees",
    **dict.fromkeys(("x", "y", "w", "h", "confidence", "polygon", "points", "image"), "fraction"),
    "zones[].bays": "fraction",
}
_NO_UNIT: Final = frozenset({"seq", "revision"})
_FIRST: Final = ("type", *Envelope.model_fields, "camera")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value may be. Bounds are inclusive; ``of`` is what a list or a mapping holds, ``keys`` its keys."""

    kind: Kind
    null: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    pattern: str | None = None
    fewest: int | None = None
    longest: int | None = None
    of: Shape | None = None
    keys: Shape | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One row: where, what, in which unit (a key of the texts, or None where there is none)."""

    path: str
    shape: Shape
    unit: str | None

    @property
    def name(self) -> str:
        """The last name of the path: ``dwell`` of ``counts.*.dwell``."""
        return self.path.replace("[]", "").rsplit(".", 1)[-1]

    @property
    def is_text(self) -> bool:
        """Whether its values are written as text, in which a picture or a name would have to hide."""
        inner = innermost(self.shape)
        return inner.kind in {"word", "time"} or (inner.kind == "choice" and not is_numeric(inner))


@dataclass(frozen=True, slots=True)
class Message:
    """One message: ``parvis.zone.v1``, its fields, and what its model answers to a field that it does not know."""

    type: str
    fields: tuple[Field, ...]
    refusal: str

    @property
    def name(self) -> str:
        """``zone`` of ``parvis.zone.v1``."""
        return self.type.split(".")[1]


def messages(models: tuple[type[BaseModel], ...] = get_args(batch.Record)) -> tuple[Message, ...]:
    """Each message with all of its fields, the envelope first; by default all that the wire knows."""
    return tuple(message(model) for model in models)


def message(model: type[BaseModel]) -> Message:
    """One message.

    Raises:
        ValueError: when some object in it would take fields that it does not know.
    """
    whole = model.model_json_schema()
    walked = sorted(_walk(whole, whole.get("$defs", {})), key=lambda found: _place(found[0]))
    fields = tuple(Field(path, shape, _unit(path, shape)) for path, shape in walked)
    open_ones = [field.path for field in fields if field.shape.kind == "object" and not field.shape.closed]
    if open_ones or whole.get("additionalProperties") is not False:
        raise ValueError(f"{model.__name__} takes unknown fields at {open_ones or 'its top'}")
    return Message(str(model.model_fields["type"].default), fields, refusal(model))


def refusal(model: type[BaseModel], name: str = "image") -> str:
    """What the model says when it is given a field that it does not know: asked here and now.

    Raises:
        ValueError: when it has nothing against it.
    """
    try:
        model.model_validate({name: ""})
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_input=False):
            if error["loc"] == (name,) and error["type"] == "extra_forbidden":
                return str(error["msg"])
    raise ValueError(f"{model.__name__} does not refuse a field named {name}")


def _walk(node: Mapping[str, Any], known: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, Shape]]:
    for name, raw in node.get("properties", {}).items():
        path = f"{at}.{name}" if at else str(name)
        inner, null = _resolved(raw, known)
        shape = _shape(inner, known, null=null)
        yield path, shape
        if shape.kind == "object":
            yield from _walk(inner, known, path)
        elif shape.kind == "list" and shape.of is not None and shape.of.kind == "object":
            yield from _walk(_resolved(inner["items"], known)[0], known, f"{path}[]")
        elif shape.kind == "mapping":
            value, _ = _resolved(_values(inner)[1], known)
            if _shape(value, known).kind == "object":
                yield from _walk(value, known, f"{path}.*")


def _resolved(node: Mapping[str, Any], known: Mapping[str, Any]) -> tuple[Mapping[str, Any], bool]:
    """A node without its reference and without its null."""
    if "$ref" in node:
        return _resolved(known[node["$ref"].rsplit("/", 1)[1]], known)
    branches = [item for item in node.get("anyOf", ()) if item.get("type") != "null"]
    if not branches:
        return node, False
    if len(branches) > 1:
        raise ValueError(f"a field of {len(branches)} types cannot be shown in one row")
    return _resolved(branches[0], known)[0], len(branches) < len(node["anyOf"])


def _shape(node: Mapping[str, Any], known: Mapping[str, Any], *, null: bool = False) -> Shape:
    node, inner_null = _resolved(node, known)
    null = null or inner_null
    kind = node.get("type")
    choices = node.get("enum", [node["const"]] if "const" in node else [])
    if choices:
        return Shape("choice", null, choices=tuple(str(choice) for choice in choices))
    if kind == "array":
        return _list(node, known, null)
    if kind == "object":
        keys, values = _values(node)
        if values:
            return Shape("mapping", null, of=_shape(values, known), keys=_shape(keys, known))
        return Shape("object", null, closed=node.get("additionalProperties") is False)
    if kind == "string":
        return Shape(
            "time" if node.get("format") == "date-time" else "word", null, pattern=node.get("pattern")
        )
    if kind in {"integer", "number", "boolean"}:
        return Shape(kind, null, least=node.get("minimum"), most=node.get("maximum"))
    raise ValueError(f"a field of type {kind!r} cannot be shown")


def _list(node: Mapping[str, Any], known: Mapping[str, Any], null: bool) -> Shape:
    """An array; one of fixed places has like items in all of them here (points, pairs of numbers)."""
    places = node.get("prefixItems")
    item = places[0] if places else node["items"]
    return Shape(
        "list", null, fewest=node.get("minItems"), longest=node.get("maxItems"), of=_shape(item, known)
    )


def _values(node: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """What the keys and the values of a mapping are; pydantic writes a pattern of keys in one of two ways."""
    for pattern, values in node.get("patternProperties", {}).items():
        return {"type": "string", "pattern": pattern}, values
    values = node.get("additionalProperties")
    return {"type": "string", **node.get("propertyNames", {})}, values if isinstance(values, dict) else {}


def innermost(shape: Shape) -> Shape:
    """What the lists and mappings hold at last."""
    return shape if shape.of is None else innermost(shape.of)


def is_numeric(shape: Shape) -> bool:
    """Whether the choices are numbers."""
    return all(choice.isdigit() for choice in shape.choices)


def _place(path: str) -> int:
    """Who sends comes first in each table; all else keeps the order of the models."""
    return _FIRST.index(path) if path in _FIRST else len(_FIRST)


def _unit(path: str, shape: Shape) -> str | None:
    inner = innermost(shape)
    name = path.rsplit(".", 1)[-1].removesuffix("[]")
    if path in _UNITS or name in _UNITS:
        return _UNITS.get(path) or _UNITS[name]
    if name in _NO_UNIT:
        return None
    if inner.kind not in {"integer", "number"} and not (inner.kind == "choice" and is_numeric(inner)):
        return None
    if name.endswith("_s"):
        return "seconds"
    return "count" if inner.kind == "integer" else None
