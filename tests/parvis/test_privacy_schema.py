"""The tables of the messages: every field of every model, none by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from contract.batch import AnomalyRecord, ConfigRecord, LineRecord, Record, ZoneRecord
from parvis.privacy import schema, table
from parvis.privacy.words import LANGUAGES, Words

RECORDS = get_args(Record)
LIMITS = {"fewest": "5"}


def models_in(annotation: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models inside an annotation, with how a path enters them: a walk of its own, not the JSON schema's."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield "", annotation
    origin = getattr(annotation, "__origin__", None)
    into = {tuple: "[]", dict: ".*"}.get(origin, "") if isinstance(origin, type) else ""
    for part in getattr(annotation, "__args__", ()):
        for way, model in models_in(part):
            yield into + way, model


def paths_of(model: type[BaseModel], at: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        path = f"{at}{field.alias or name}"
        found.add(path)
        for into, inner in models_in(field.annotation):
            found |= paths_of(inner, f"{path}{into}.")
    return found


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_every_field_of_every_message_has_its_row(model: type[BaseModel]) -> None:
    shown = [field.path for field in schema.message(model).fields]
    assert set(shown) == paths_of(model)
    assert len(shown) == len(set(shown))


def test_all_messages_of_the_wire_are_shown_and_the_walk_goes_deep() -> None:
    found = {message.type: {field.path for field in message.fields} for message in schema.messages()}
    assert set(found) == {model.model_fields["type"].default for model in RECORDS}
    assert "counts.*.dwell_censored" in found["parvis.zone.v1"]
    assert "counts.*.in" in found["parvis.line.v1"], "by its name on the wire"
    assert "zones[].polygon" in found["parvis.config.v1"]
    assert "ground.lonlat" in found["parvis.config.v1"]


def test_a_field_that_is_added_shows_by_itself() -> None:
    class Wider(ZoneRecord):
        face: str | None

    wider = schema.message(Wider)
    (field,) = [field for field in wider.fields if field.path == "face"]
    assert (field.shape.kind, field.shape.null, field.is_text) == ("word", True, True)
    for language in LANGUAGES:
        words = Words(language)
        (line,) = [line for line in table.lines(wider, words, LIMITS) if line.path == "face"]
        assert line.meaning == words("schema.undescribed")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_is_described_in_both_languages(language: str) -> None:
    words = Words(language)
    for message in schema.messages():
        for line in table.lines(message, words, LIMITS):
            assert line.meaning != words("schema.undescribed"), f"{message.type} {line.path}"
            assert line.type
            assert line.values


def test_a_model_that_takes_unknown_fields_is_not_shown_as_closed() -> None:
    class Open(LineRecord):
        model_config = ConfigDict(extra="allow")

    with pytest.raises(ValueError, match="takes unknown fields"):
        schema.message(Open)
    with pytest.raises(ValueError, match="does not refuse"):
        schema.refusal(Open)

    class Inside(BaseModel):
        model_config = ConfigDict(extra="allow")

    class Hole(LineRecord):
        more: Inside

    with pytest.raises(ValueError, match="more"):
        schema.message(Hole)


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_the_refusal_that_is_shown_is_the_models_own(model: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match=schema.message(model).refusal):
        model.model_validate({"image": "…"})


def test_ranges_units_and_words_are_those_of_the_contract() -> None:
    words = Words("en")
    line = {item.path: item for item in table.lines(schema.message(ZoneRecord), words, LIMITS)}
    assert line["counts.*.object_s"].unit == "object \N{MULTIPLICATION SIGN} s"
    assert line["counts.*.peak"].values == "0 to 10,000,000"
    assert line["counts.*.dwell"].values == "8 values; 0 to 10,000,000"
    assert line["flag_s"].values.startswith("names: dark, degraded, moved")
    assert line["zone"].values == "a\N{EN DASH}z, 0\N{EN DASH}9, - and _, at most 64 characters"
    assert line["run"].values == "16 hexadecimal digits"
    assert line["interval_s"].values == "10, 30, 60, 300, 900, 3600"
    assert line["interval_s"].unit == "s"
    config = {item.path: item for item in table.lines(schema.message(ConfigRecord), words, LIMITS)}
    assert config["zones[].polygon"].type == "list of points, or empty"
    assert config["zones[].polygon"].values == "0 to 1"
    assert config["zones[].bays"].unit == "part of the frame"
    anomaly = {item.path: item for item in table.lines(schema.message(AnomalyRecord), words, LIMITS)}
    assert anomaly["lon"].values == "-180 to 180"
    assert (anomaly["x"].values, anomaly["x"].unit) == ("0 to 1", "part of the frame")


def test_no_field_takes_free_text() -> None:
    shown = schema.messages()
    assert table.longest_name(shown) == 64
    for message in shown:
        for field in message.fields:
            inner = schema.innermost(field.shape)
            assert inner.kind != "word" or inner.pattern, f"{message.type} {field.path} takes any text"
