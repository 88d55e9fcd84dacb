"""`parvis privacy report` as an installer runs it: the files, the PDFs, what is in none of them."""

from __future__ import annotations

import base64
import ctypes
import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from parvis.privacy.documents import DOCUMENTS
from server import pdf
from tests.front_door import Said, parvis
from tests.parvis import privacy_world as world

LANGUAGES = ("fr", "en")
PAPERS = [name for name in DOCUMENTS if name != "box-page"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def pdfs_are_made() -> str | None:
    """Why no PDF can be made here, or None."""
    try:
        pdf.ready()
    except pdf.NoPdfError as exc:
        return str(exc)
    return None


needs_pdf = pytest.mark.skipif(pdfs_are_made() is not None, reason=str(pdfs_are_made()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Said, dict[str, Any]]:
    """A report with everything: both languages, an operator, a spool."""
    folder = tmp_path_factory.mktemp("box")
    config = world.box_file(folder)
    world.written(folder, "operator.yaml", world.OPERATOR)
    world.filled_spool(folder / "state")
    out = folder / "papers"
    words = ("--config", config, "--out", out, "--operator", folder / "operator.yaml", "--json")
    said = parvis("privacy", "report", *words, timeout=600)
    assert said.code == 0, said.err
    return out, said, json.loads(said.out.splitlines()[-1])


def test_every_paper_is_there_in_both_languages(made: tuple[Path, Said, dict[str, Any]]) -> None:
    out, _, answer = made
    wanted = {f"{name}.{language}.html" for name in DOCUMENTS for language in LANGUAGES}
    if answer["no_pdf"] is None:
        wanted |= {f"{name}.{language}.pdf" for name in PAPERS for language in LANGUAGES}
    assert set(answer["files"]) == wanted == {path.name for path in out.iterdir()}
    assert answer["device"] == "box-7f3a"
    minute = answer["minute"]
    assert (minute["source"], minute["records"]) == ("spool", 2)
    assert 0 < minute["sent_bytes"] < minute["json_bytes"]
    assert "operator.processors" in answer["blanks"]
    assert "operator.name" not in answer["blanks"]


def texts(out: Path) -> dict[str, str]:
    """What each file says: HTML as it is, PDF as its pages and metadata read."""
    found = {path.name: path.read_text() for path in out.glob("*.html")}
    pdfium = importlib.import_module("pypdfium2")
    for path in out.glob("*.pdf"):
        with pdfium.PdfDocument(path) as document:
            pages = [page.get_textpage().get_text_range() for page in document]
            found[path.name] = "\n".join([*pages, json.dumps(document.get_metadata_dict())])
    return found


def test_nothing_that_the_box_alone_may_know_is_in_any_of_them(
    made: tuple[Path, Said, dict[str, Any]],
) -> None:
    out, said, _ = made
    for name, text in texts(out).items():
        for secret in world.SECRETS:
            assert secret not in text, f"{secret} in {name}"
        for path in (str(out.parent), str(Path.home()), "/tmp/", "spool.db", "box.yaml"):
            assert path not in text, f"{path} in {name}"
    for path in out.glob("*.pdf"):
        assert not any(secret.encode() in inflated(path) for secret in world.SECRETS)
    assert not any(secret in said.out + said.err for secret in world.SECRETS)


def test_each_page_stands_alone(made: tuple[Path, Said, dict[str, Any]]) -> None:
    out, _, _ = made
    for path in out.glob("*.html"):
        html = path.read_text()
        language = path.name.split(".")[1]
        assert html.startswith(f'<!doctype html>\n<html lang="{language}">')
        assert not re.search(
            r"<(script|link|img|iframe|object|embed|form|base)\b|\bstyle=|\bon\w+=|@import|url\(", html
        )
        assert set(re.findall(r'\b(?:src|srcset|action|data)="([^"]*)"', html)) == set()
        style = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style.group(1).encode()).digest()).decode()
        assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;" in html
        for link in re.findall(r'href="([^"#]+)"', html):
            assert (
                link.startswith(("https://www.cnil.fr/", "http://www.juristes-", "https://archive.nossen"))
                or (out / link).exists()
            )
        for target in re.findall(r'href="#([^"]+)"', html):
            assert f'id="{target}"' in html


def inflated(path: Path) -> bytes:
    """The streams of a PDF, decompressed."""
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", path.read_bytes(), re.DOTALL)
    return b"\n".join(zlib.decompressobj().decompress(stream) for stream in streams if stream[:1] == b"x")


@needs_pdf
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAPERS)
def test_each_pdf_is_tagged_titled_and_says_its_language(
    made: tuple[Path, Said, dict[str, Any]], name: str, language: str
) -> None:
    pdfium, raw = importlib.import_module("pypdfium2"), importlib.import_module("pypdfium2.raw")
    html = (made[0] / f"{name}.{language}.html").read_text()
    with pdfium.PdfDocument(made[0] / f"{name}.{language}.pdf") as document:
        assert document.is_tagged()
        buffer = (ctypes.c_ushort * 32)()
        raw.FPDFCatalog_GetLanguage(document, buffer, ctypes.sizeof(buffer))
        assert bytes(buffer).decode("utf-16-le").rstrip("\0") == language
        title = document.get_metadata_dict()["Title"]
        assert title.endswith("box-7f3a")
        assert f"<title>{title}</title>" in html.replace("&#39;", "'")
        for page in document:
            assert [round(side) for side in page.get_size()] == [595, 842], "A4"
    assert b"pdfuaid:part" in inflated(made[0] / f"{name}.{language}.pdf")


@needs_pdf
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sign_is_one_sheet_whose_code_leads_to_the_page(
    made: tuple[Path, Said, dict[str, Any]], language: str
) -> None:
    pdfium = importlib.import_module("pypdfium2")
    with pdfium.PdfDocument(made[0] / f"street-sign.{language}.pdf") as document:
        assert len(document) == 2, "the sign, and a page for whoever puts it up"
        bitmap = document[0].render(scale=2).to_numpy()
        first, second = (page.get_textpage().get_text_range() for page in document)
    grey = cv2.cvtColor(np.ascontiguousarray(bitmap), cv2.COLOR_BGR2GRAY)
    read, *_ = cv2.QRCodeDetector().detectAndDecode(grey)
    assert read == world.URL
    for value in ("Ville d'Exemple & Cie", "1 place de la Mairie", "dpo@exemple.example", "Place du Marché"):
        assert value in first
    assert "arrêté 2026-12" in first
    assert "37(7)" in second


def test_papers_that_somebody_may_have_filled_in_are_not_overwritten(
    made: tuple[Path, Said, dict[str, Any]],
) -> None:
    out, _, _ = made
    paper = out / "impact-assessment.fr.html"
    before = paper.read_bytes()
    said = parvis("privacy", "report", "--config", out.parent / "box.yaml", "--out", out)
    assert said.code == 3
    assert "--force" in said.err
    assert paper.read_bytes() == before


def test_without_weasyprint_and_segno_the_pages_are_written_and_the_extra_is_named(tmp_path: Path) -> None:
    config = world.box_file(tmp_path)
    world.written(tmp_path, "operator.yaml", world.OPERATOR)
    out = tmp_path / "out"
    words = ["privacy", "report", "--config", config, "--out", out, "--operator", tmp_path / "operator.yaml"]
    done = without(["weasyprint", "segno"], *words, "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert "parvis[documents]" in done.stderr
    assert {path.name for path in out.iterdir()} == {f"{name}.en.html" for name in DOCUMENTS}
    assert "parvis[documents]" in (out / "street-sign.en.html").read_text().replace("&#39;", "'")
    assert 'hreflang="fr"' not in (out / "box-page.en.html").read_text(), "no link to what was not written"


def without(modules: list[str], *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command where these packages cannot be found."""
    code = (
        "import importlib.util as u, sys\n"
        f"gone, find = {modules!r}, u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name in gone else find(name, *more)\n"
        "sys.modules.update(dict.fromkeys(gone))\n"
        f"sys.argv[1:] = {list(map(str, words))!r}\n"
        "from parvis.cli import main; main()"
    )
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("missing", "part"), [(["jinja2"], "documents"), (["yaml"], "edge")], ids=["no templates", "no box"]
)
def test_a_missing_part_is_named(tmp_path: Path, missing: list[str], part: str) -> None:
    config = world.box_file(tmp_path)
    done = without(missing, "privacy", "report", "--config", config, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert f"parvis[{part}]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_box_does_not_load_what_makes_papers() -> None:
    code = (
        "import sys; from parvis.cli import build; build(['privacy']);"
        "print(*sorted(set(sys.modules) & {'numpy', 'yaml', 'cv2'}));"
        "build(['edge']); build(['--help']);"
        "print(*sorted(set(sys.modules) & {'weasyprint', 'segno', 'jinja2', 'cv2'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_missing_library_of_the_system_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pango(name: str) -> Any:
        raise OSError(f"cannot load library 'libpango-1.0-0' ({name})")

    monkeypatch.setattr(pdf.importlib, "import_module", no_pango)
    with pytest.raises(pdf.NoPdfError, match=r"apt-get install libpango-1\.0-0"):
        pdf.ready()


@needs_pdf
def test_a_paper_that_asks_for_something_outside_gets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    html = '<html lang="en"><head><title>t</title></head><body><img src="https://a.example/x.png" alt="x"></body></html>'
    assert pdf.pdf_of(html).startswith(b"%PDF")
    assert "disallowed protocol" in caplog.text


def test_the_example_of_the_operators_file_is_put_beside_the_papers(tmp_path: Path) -> None:
    config = world.box_file(tmp_path)
    done = without(
        ["weasyprint"], "privacy", "report", "--config", config, "--out", tmp_path / "out", "--lang", "fr"
    )
    assert done.returncode == 0, done.stderr
    assert "operator:" in (tmp_path / "out" / "operator.yaml").read_text()
    assert "13 blanks not in the operator's file" in done.stderr
    assert "dpo_contact: street-sign, register-entry, public-information" in done.stderr


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (apt-get install chromium)")
@pytest.mark.parametrize("name", ["box-page", "street-sign"])
def test_a_browser_obeys_the_pages_own_policy_and_shows_it_styled(
    made: tuple[Path, Said, dict[str, Any]], tmp_path: Path, name: str
) -> None:
    assert CHROMIUM is not None
    picture = tmp_path / "page.png"
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--enable-logging=stderr",
    ]
    flags += ["--hide-scrollbars", "--window-size=390,1600", f"--user-data-dir={tmp_path / 'profile'}"]
    page = (made[0] / f"{name}.fr.html").as_uri()
    done = subprocess.run(
        [CHROMIUM, *flags, f"--screenshot={picture}", page],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "Content Security Policy" not in done.stderr
    pixels = cv2.imread(str(picture))
    assert pixels is not None
    assert pixels.shape[1] == 390
    wanted = {"street-sign": (138, 79, 11), "box-page": (248, 246, 244)}[name]  # B, G, R of a styled ground
    assert np.mean(np.all(pixels == wanted, axis=2)) > 0.03, "the style sheet was applied"
