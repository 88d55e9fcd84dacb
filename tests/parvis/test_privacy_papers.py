"""The papers' texts: two languages, law with its source and its mark, blanks that are marked and listed."""

from __future__ import annotations

import re
import string
from html import unescape
from pathlib import Path

import pytest

from edge.errors import ConfigError
from parvis.privacy.documents import DOCUMENTS, render
from parvis.privacy.law import RISKS, STATEMENTS
from parvis.privacy.operator_file import ENTRIES, EXAMPLE, Operator, load_operator
from parvis.privacy.paper import PUBLIC
from parvis.privacy.pictures import qr_code
from parvis.privacy.words import CATALOGUES, LANGUAGES, Words
from tests.parvis.privacy_world import OPERATOR, known, operator_of, written

ROOT = Path(__file__).parents[2]
PRIVACY = ROOT / "parvis" / "privacy"
PAGES = [(document, language) for document in DOCUMENTS for language in LANGUAGES]
WHOLE = OPERATOR + "".join(
    f"  {name}: 'the {name}'\n" for name in ("objection", "recipients", "processors", "hosting")
)
WHOLE += "  totals_years: 5\n"


def text_of(html: str) -> str:
    """What a reader reads."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)))


def test_both_languages_say_the_same_things() -> None:
    french, english = CATALOGUES["fr"], CATALOGUES["en"]
    assert french.keys() == english.keys()
    for key in french:
        names = [
            {name for _, name, _, _ in string.Formatter().parse(text) if name}
            for text in (french[key], english[key])
        ]
        assert names[0] == names[1], key
        assert french[key].strip()
        assert english[key].strip()


def test_every_text_is_used() -> None:
    sources = [*PRIVACY.glob("*.py"), *(PRIVACY / "templates").glob("*.html")]
    said = "\n".join(path.read_text() for path in sources)
    words = set(re.findall(r"['\"]([A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)*)['\"]", said))
    stems = set(re.findall(r"['\"]([a-z0-9_.]+\.)(?:['\"]|\{)", said))
    unused = {
        key
        for key in CATALOGUES["fr"]
        if key not in words and not any(key.startswith(stem) for stem in stems)
    }
    assert not unused


def test_law_is_spoken_of_in_statements_only() -> None:
    assert {key.removeprefix("law.") for key in CATALOGUES["fr"] if key.startswith("law.")} == set(STATEMENTS)
    assert all(STATEMENTS.values()), "each names a source"
    law = re.compile(r"\b(art\.|articles?\b|RGPD|GDPR|CNIL|L25[0-9]|directive|règlement)", re.IGNORECASE)
    for language in LANGUAGES:
        for key, text in CATALOGUES[language].items():
            assert key.startswith(("law.", "source.")) or not law.search(text), key


def test_nobody_claims_to_be_in_conformity() -> None:
    claim = re.compile(
        r"complian|conform|certif|garanti|guarantee|légal(e|ement)? \b(et|au)\b", re.IGNORECASE
    )
    for language in LANGUAGES:
        for key, text in CATALOGUES[language].items():
            assert not claim.search(text), key


@pytest.mark.parametrize(("document", "language"), PAGES)
def test_each_statement_carries_its_source_and_its_mark(tmp_path: Path, document: str, language: str) -> None:
    facts, words = known(tmp_path), Words(language)
    paper = render(document, language, facts, also=True)
    statements = re.findall(r'<p class="law">(.*?)</p>', paper.html, re.DOTALL)
    assert len(statements) == len(paper.stated) >= 1
    for statement in statements:
        assert words("sources", names="")[:6] in statement
        assert f'<strong class="mark">{words("mark")}</strong>' in statement
    assert paper.html.count('class="source"') == paper.html.count('class="mark"')
    for name in paper.stated:
        assert " ".join(words(f"law.{name}").split()) in text_of(paper.html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_officer_confirmed_is_marked_in_drafts_alone(tmp_path: Path, language: str) -> None:
    confirmed = operator_of(tmp_path, OPERATOR + "  confirmed: {by: 'Ada Exemple', date: 2026-11-30}\n")
    facts, words = known(tmp_path, confirmed), Words(language)
    for document in DOCUMENTS:
        html = render(document, language, facts, also=True).html
        assert (words("mark") in html) == (document not in PUBLIC), document
        assert ("Ada Exemple" in html) == (document in PUBLIC), document
    assert words("sign.band") not in render("street-sign", language, facts, also=True).html


@pytest.mark.parametrize(("document", "language"), PAGES)
def test_what_is_missing_is_a_marked_blank_and_listed(tmp_path: Path, document: str, language: str) -> None:
    words = Words(language)
    empty = render(document, language, known(tmp_path), also=True)
    shown = set(map(unescape, re.findall(r'<span class="blank">(.*?)</span>', empty.html)))
    listed = {
        words(
            "blank", what=words(key.replace("operator.", "op."), default=words("op.totals_years.value", n=5))
        )
        for key in empty.blanks
        if key != "operator.retention_days"
    }
    assert listed <= shown
    assert len(shown) == len(empty.blanks)
    whole = render(document, language, known(tmp_path, operator_of(tmp_path, WHOLE)), also=True)
    assert all(key.startswith("hand.") for key in whole.blanks)
    assert "None" not in text_of(whole.html).replace("Frame | None", "").replace("None takes free text", "")


def test_every_entry_of_the_operator_is_a_blank_somewhere(tmp_path: Path) -> None:
    facts = known(tmp_path)
    blanks = {key for document in DOCUMENTS for key in render(document, "en", facts, also=True).blanks}
    assert {key for key in blanks if key.startswith("operator.")} == {f"operator.{name}" for name in ENTRIES}
    assert {key for key in CATALOGUES["en"] if key.startswith("hand.")} == {
        key for key in blanks if key.startswith("hand.")
    }


def test_values_of_the_operator_and_of_the_configuration_are_written_in(tmp_path: Path) -> None:
    facts = known(tmp_path, operator_of(tmp_path))
    for document in DOCUMENTS[1:]:
        html = render(document, "fr", facts, also=True).html
        assert "Ville d&#39;Exemple &amp; Cie" in html, document
        assert "arrêté 2026-12 &lt;b&gt;" in html, document
        assert "<b>" not in html
    register = text_of(render("register-entry", "fr", facts, also=True).html)
    assert "60 jours" in register
    assert "lawn, gate" in register
    assert "AIPD-7" in register
    assert "https://counts.ville.example:8443" in register
    assert "zones : lawn" in register.replace("\u00a0", " ")


def test_a_box_of_statistics_alone_speaks_of_no_operation(tmp_path: Path) -> None:
    box = (
        "device: b\ncameras:\n  - id: c\n    source: /dev/video0\n    zones:\n"
        "      - {id: z, kind: area, polygon: [[0, 0], [1, 0], [1, 1]]}\n"
    )
    facts = known(tmp_path, box=box)
    for document in DOCUMENTS:
        paper = render(document, "en", facts, also=True)
        assert "Operation of the place" not in paper.html
        if document != "impact-assessment":
            assert "operational" not in paper.stated, document
    page = text_of(render("box-page", "en", facts, also=True).html)
    assert "No server is configured" in page
    assert "USB camera" in page
    assert "There is none yet" in page


def test_the_tests_named_against_each_risk_exist() -> None:
    for name, tests in RISKS.items():
        assert f"risk.{name}" in CATALOGUES["fr"]
        for test in tests:
            assert (ROOT / test).is_file(), test


def test_the_operators_example_is_one(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    assert load_operator(EXAMPLE) == Operator()
    filled = re.sub(r"^  # (?=[a-z_]+: )", "  ", text, flags=re.MULTILINE)
    found = load_operator(written(tmp_path, "operator.yaml", filled))
    assert all(getattr(found, name) is not None for name in (*ENTRIES, "confirmed")), "each entry is in it"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("operator:\n  nam: x\n", "Did you mean 'name'"),
        ("operator:\n  retention_days: soon\n", "operator.retention_days"),
        ("operator:\n  information_url: town\n", "address of a page"),
        ("operator:\n  information_url: https://a:b@town.example\n", "address of a page"),
        ("name: x\n", "section `operator:` is missing"),
        ("- 1\n", "one section"),
        ("operator: 3\n", "one section"),
        ("operator:\n  confirmed: {by: x}\n", "operator.yaml shows how"),
    ],
)
def test_a_wrong_operators_file_is_told_where_and_how_to_mend_it(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_operator(written(tmp_path, "operator.yaml", text))


def test_a_missing_operators_file_is_told() -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_operator(Path("nowhere.yaml"))


def test_the_code_is_upright_dark_on_white_and_has_its_quiet_zone() -> None:
    segno = pytest.importorskip("segno")
    svg = qr_code("https://town.example/a", "<title>")
    matrix = segno.make_qr("https://town.example/a", error="m").matrix
    dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", svg)}
    assert dark == {(x + 4, y + 4) for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit}
    assert f'viewBox="0 0 {len(matrix) + 8} {len(matrix) + 8}"' in svg
    assert "<title>&lt;title&gt;</title>" in svg
