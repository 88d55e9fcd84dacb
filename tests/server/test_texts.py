"""Two languages that say the same things."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from contract.names import GROUPS, Flag
from server.access import ROLES
from server.pages.texts import CATALOGUES, Texts, choose

SERVER = Path(__file__).parents[2] / "server"


@pytest.mark.parametrize(
    ("cookie", "accept", "expected"),
    [
        ("", "", "fr"),
        ("", "en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("", "fr;q=0.3, en;q=0.7", "en"),
        ("", "de, es", "fr"),
        ("", "en;q=0", "fr"),
        ("fr", "en", "fr"),
        ("xx", "en", "en"),
        ("", ";;q=,,\x00", "fr"),
    ],
)
def test_choosing_a_language(cookie, accept, expected):
    assert choose(cookie, accept) == expected


def test_both_catalogues_say_the_same_things():
    french, english = CATALOGUES["fr"], CATALOGUES["en"]
    assert french.keys() == english.keys()
    fields = lambda text: {name for _, name, _, _ in string.Formatter().parse(text) if name}  # noqa: E731
    for key in french:
        assert fields(french[key]) == fields(english[key]), key
        assert french[key].strip()
        assert english[key].strip()


def test_every_text_that_is_asked_for_exists_and_none_is_left_over():
    sources = [
        *(SERVER / "templates").glob("*.html"),
        *(SERVER / "pages").glob("*.py"),
        *(SERVER / "api").glob("*.py"),
        *SERVER.glob("report*.py"),  # reports name their texts and leave the words to the pages
    ]
    text = "\n".join(path.read_text() for path in sources)
    words = set(re.findall(r"['\"]([a-z0-9_]+(?:\.[a-z0-9_]+)*)['\"]", text))
    stems = set(re.findall(r"['\"]([a-z0-9_.]+\.)(?:['\"]|\{)", text))
    keys = CATALOGUES["fr"].keys()
    for key in keys:
        assert key in words or any(key.startswith(stem) for stem in stems), f"{key} is used nowhere"
    for group in GROUPS:
        assert f"group.{group}" in keys
        assert f"mean.zone.{group}" in keys
        assert f"card.line.{group}" in keys
    assert {f"flag.{flag}" for flag in get_args(Flag)} <= keys
    assert {f"role.{role}" for role in ROLES} <= keys
    dotted = {word for word in words if "." in word and word.split(".")[0] in {k.split(".")[0] for k in keys}}
    unknown = {
        word for word in dotted if word not in keys and not word.endswith((".html", ".css", ".js", ".svg"))
    }
    assert unknown <= {"login.ok", "login.failed"}  # these are audit actions


def test_hundred_percent_is_said_only_of_the_whole():
    texts = Texts("en", ZoneInfo("Europe/Paris"))
    shares = [0, 0.001, 0.5, 0.996, 1]
    assert [texts.percent(share) for share in shares] == ["0%", "1%", "50%", "99%", "100%"]
    assert texts.percent(None) == texts.number(None) == "\N{EN DASH}"


def test_no_french_line_begins_with_a_sign():
    """The space before : ; ? ! % » and after « does not break."""
    wrong = [key for key, text in CATALOGUES["fr"].items() if re.search(r" [:;?!%»]|« ", text)]
    assert wrong == []
