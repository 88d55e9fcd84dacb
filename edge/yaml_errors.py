"""YAML with the line of every value, and validation errors a technician can act on.

A message says where (file, line, path), which rule, what was found and how to mend it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from edge.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]

_MAX_BYTES = 1_000_000
_MOST_ERRORS = 8


def load_yaml(path: Path) -> tuple[Any, dict[Place, int]]:
    """The data of a YAML file, and the line (from 1) of each of its keys and items.

    Raises:
        ConfigError: when the file is missing, unreadable, too large, broken, or says one key twice.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ConfigError(f"{path}: a configuration is at most 1 MB. Is this the right file?")
        text = path.read_text("utf-8")
    except FileNotFoundError as exc:
        raise ConfigError(
            f"{path}: there is no such file. Start from the commented example edge/zones.yaml."
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read as UTF-8 text ({_short(exc)}).") from exc
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Place, int] = {}
        if node is not None:
            _lines(node, (), lines, path)
        return yaml.safe_load(text), lines
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        problem = getattr(exc, "problem", None) or str(exc)
        raise ConfigError(
            f"{where}: this is not YAML ({problem}). Look at that line and the one above it: indentation by"
            " spaces, a colon and a space after each key, brackets closed."
        ) from exc


def validated(model: type[Model], path: Path, data: Any, lines: Mapping[Place, int]) -> Model:
    """The data as a model.

    Raises:
        ConfigError: with one line for each broken rule, eight at the most.
    """
    if not isinstance(data, dict):
        raise ConfigError(
            f"{path}: a configuration is a mapping that begins with `device:` (got {_kind(data)})."
            " Start from the commented example edge/zones.yaml."
        )
    try:
        return model.model_validate(data)
    except ValidationError as exc:
        errors = [error for error in exc.errors(include_url=False) if not _follows(error, exc)]
        told = [_told(path, error, model, lines) for error in errors[:_MOST_ERRORS]]
        if len(errors) > _MOST_ERRORS:
            told.append(f"… and {len(errors) - _MOST_ERRORS} more.")
        raise ConfigError("\n".join(told)) from exc


def _follows(error: ErrorDetails, exc: ValidationError) -> bool:
    """A list counts as too short when its only item is broken: the item's own error says it all."""
    deeper = (
        other["loc"][: len(error["loc"])] for other in exc.errors() if len(other["loc"]) > len(error["loc"])
    )
    return error["type"] == "too_short" and error["loc"] in deeper


def _lines(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> None:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            _lines(item, (*place, index), lines, path)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            if here in lines:
                raise ConfigError(
                    f"{path}:{key.start_mark.line + 1}: {spell(here)}: this key stands here twice (first in line"
                    f" {lines[here]}); only one can count. Remove or rename one."
                )
            lines[here] = key.start_mark.line + 1
            _lines(value, here, lines, path)


def _told(path: Path, error: ErrorDetails, model: type[BaseModel], lines: Mapping[Place, int]) -> str:
    place = tuple(part for part in error["loc"] if not _is_tag(part))
    known = place
    while known and known not in lines:
        known = known[:-1]
    where = f"{path}:{lines[known]}" if known in lines else str(path)
    what = spell(place) or "the file"
    return f"{where}: {what}: {_rule(error, place, model)}"


def _is_tag(part: str | int) -> bool:
    """Pydantic names the branch of a union in the path; a technician never wrote it."""
    return isinstance(part, str) and ("[" in part or part in {"int", "str", "float"})


def spell(place: Sequence[str | int]) -> str:
    """``cameras[0].zones[1].polygon``."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


_RULES = {
    "missing": "is required and missing. Add it; edge/zones.yaml shows how.",
    "string_type": "must be text (got {got}). Put it in quotes if it looks like a number.",
    "list_type": "must be a list (got {got}).",
    "tuple_type": "must be a list (got {got}).",
    "dict_type": "must be a mapping of keys to values (got {got}).",
    "model_type": "must be a mapping of keys to values (got {got}).",
    "float_parsing": "must be a number (got {got}).",
    "float_type": "must be a number (got {got}).",
    "int_parsing": "must be a whole number (got {got}).",
    "int_type": "must be a whole number (got {got}).",
    "int_from_float": "must be a whole number (got {got}).",
    "bool_parsing": "must be true or false (got {got}).",
    "bool_type": "must be true or false (got {got}).",
}


def _rule(error: ErrorDetails, place: Place, model: type[BaseModel]) -> str:
    kind, got, context = error["type"], _got(error.get("input")), error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(str(place[-1]), _keys_at(model, place[:-1]))
    if kind in _RULES:
        return _RULES[kind].format(got=got)
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be one of {context['expected'].replace(' or ', ', ')} (got {got})."
    if kind == "string_pattern_mismatch":
        return (
            f"must be a name of small letters, digits, '-' and '_', at most 64, beginning with a letter or digit"
            f" (got {got})."
        )
    return f"{error['msg'][0].lower()}{error['msg'][1:]} (got {got})."


def _unknown_key(key: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f" Did you mean '{near[0]}'?" if near else f" Known here: {', '.join(known)}."
    return f"unknown key '{key}'.{hint}"


def _keys_at(model: type[BaseModel], place: Place) -> list[str]:
    """The keys that the model knows at a place."""
    current: type[BaseModel] = model
    for part in place:
        if isinstance(part, str) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return [field.alias or name for name, field in current.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found is not None:
            return found
    return None


def _kind(value: Any) -> str:
    return {type(None): "nothing", list: "a list", str: "text"}.get(type(value), type(value).__name__)


def _got(value: Any) -> str:
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _short(exc: Exception) -> str:
    return str(exc).splitlines()[0][:200]
