"""Reports as pages and files: what a planner opens, prints and takes along."""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import zipfile
import zlib
from xml.etree import ElementTree as ET

import pypdfium2
import pypdfium2.raw as pdfium
import pytest

from server.pages.report_files import sheets
from server.pages.texts import Texts
from server.pdf import NoPdfError, pdf_of
from server.reading import Reader
from server.report_parts import Cell, name
from server.reporting import build
from server.schedule import named
from server.workbook import Sheet, french_csv, workbook
from tests.server.build import NOON, config, counts, line, parking, zone, zone_config

DAY_S = 86400
MONTH = "2026-10"
# 2026-10-06, a Tuesday, 10:00 UTC.
OCTOBER = NOON - 47 * DAY_S - 7200
NS = {"x": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def feed(site) -> None:
    zones = [
        zone_config("lawn", purpose="operational", classes=["person", "bicycle"], capacity=20),
        zone_config("p1", "parking", purpose="operational", capacity=10),
    ]
    site.post([config(0, OCTOBER - 40 * DAY_S, zones, software="parvis-0.3.0")])
    records, seq = [], 1
    for day in range(-28, 21):
        for hour in range(4):
            at = OCTOBER + day * DAY_S + 3600 * hour
            people = {"person": counts(60.0 * 12, 14, 5, 4) | {"dwell": [0, 0, 3, 0, 0, 0, 0, 0]}}
            records.append(zone(seq, at, counts=people))
            records.append(parking(seq + 1, at))
            records.append(line(seq + 2, at))
            seq += 3
    for start in range(0, len(records), 400):
        site.post(records[start : start + 400])


def get(site, path: str, language: str = "en", role: str = "planner"):
    return site.client(role).get(path, headers={"Accept-Language": language})


def document(site, scope="box-a", period=MONTH):
    settings = site.app.state.settings
    reader = Reader(site.store, settings)
    return build(reader, site.store, scope, named(period), now=settings.clock(), tz=settings.zone_info)


def test_a_place_can_be_chosen_and_its_report_read(site):
    feed(site)
    page = get(site, "/reports").text
    assert '<option value="box-a/north/lawn">box-a / north / lawn</option>' in page
    assert f'<option value="{MONTH}" selected>' in page
    report = get(site, f"/reports/document?of=box-a/north/lawn&period={MONTH}")
    assert report.status_code == 200
    assert "On average, at any one time: 12.0 people present." in report.text
    assert "parvis-0.3.0" in report.text
    assert "starter (000000000000)" in report.text
    french = get(site, f"/reports/document?of=box-a/north/lawn&period={MONTH}", "fr").text
    assert "En moyenne, à un instant donné : 12,0 personnes présentes." in french.replace("\u00a0", " ")


def test_a_group_of_places_has_a_section_for_each_and_one_class_each(site):
    feed(site)
    found = document(site)
    kinds = [(s.measured.label, s.measured.group) for s in found.sections]
    assert kinds == [("lawn", "person"), ("lawn", "bicycle"), ("p1", "vehicle"), ("gate", "person")]
    assert [row[0].value for row in found.origins.rows] == ["lawn", "p1", "gate"]


def test_gaps_are_hatched_and_days_that_have_not_come_are_not_drawn(site):
    feed(site)
    site.clock.now = OCTOBER + 2 * DAY_S
    text = get(site, f"/reports/document?of=box-a/north/lawn&period={MONTH}").text
    assert "This period is not over" in text
    days = re.search(r'<table class="report-table days">(.*?)</table>', text, re.DOTALL)
    assert days is not None
    rows = re.findall(r'<th scope="row">([^<]*)</th><td>([^<]*)</td>', days[1])
    assert rows[0] == ("1 Oct 2026", "12.0")
    assert rows[-1][0] == "8 Oct 2026"
    site.clock.now = NOON
    curve = re.search(r'<figure class="report-figure" tabindex="0"><svg.*?</svg>', get(
        site, f"/reports/document?of=box-a/north/lawn&period={MONTH}").text, re.DOTALL)  # fmt: skip
    assert curve is not None
    assert curve[0].count("#eef1f4") >= 31


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("of=box-a/north/none&period=2026-10", 404),
        ("of=box-a/north/lawn&period=2026-13", 400),
        ("of=box-a/north/lawn&period=2031-10", 400),
        ("of=%3Cscript%3E&period=2026-10", 400),
        ("of=box-a/north/lawn", 400),
        ("", 400),
    ],
)
def test_what_cannot_be_reported_is_refused(site, query, status):
    feed(site)
    assert get(site, f"/reports/document?{query}").status_code == status
    assert get(site, f"/reports/file?{query}&as=csv").status_code == status
    assert get(site, f"/reports/file?of=box-a&period={MONTH}&as=exe").status_code == 400


def test_a_month_with_no_data_is_told_and_its_files_hold_no_zero(site):
    feed(site)
    text = get(site, "/reports/document?of=box-a/north/lawn&period=2026-07").text
    assert "From 1 Jul 2026 to 31 Jul 2026 nothing was observed here" in text
    csv = get(site, "/reports/file?of=box-a/north/lawn&period=2026-07&as=csv", "fr").text
    row = csv.splitlines()[1].split(";")
    assert row[5:12] == ["", "", "", "", "", "0", "0"]


def test_only_those_who_read_reports_may(site):
    feed(site)
    path = f"/reports/document?of=box-a/north/lawn&period={MONTH}"
    assert get(site, path, role="crew").status_code == 403
    assert site.client().get(path).status_code == 303


def struct_roles(element, depth=0) -> list[tuple[str, str]]:
    """Role and alternative text of every element of a structure tree."""

    def text(read) -> str:
        size = read(element, None, 0)
        buffer = ctypes.create_string_buffer(max(2, size))
        read(element, buffer, size)
        return buffer.raw[: max(0, size - 2)].decode("utf-16-le")

    found = [(text(pdfium.FPDF_StructElement_GetType), text(pdfium.FPDF_StructElement_GetAltText))]
    for index in range(pdfium.FPDF_StructElement_CountChildren(element)):
        child = pdfium.FPDF_StructElement_GetChildAtIndex(element, index)
        if child:
            found += struct_roles(child, depth + 1)
    return found


def inflated(content: bytes) -> bytes:
    """A PDF with its streams unpacked."""
    parts = [content]
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompress(found[1]))
    return b"".join(parts)


def can_make_pdf() -> bool:
    try:
        pdf_of("<html lang='en'><title>t</title></html>")
    except NoPdfError:
        return False
    return True


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_pdf_is_tagged_titled_and_says_what_the_page_says(site, language):
    if not can_make_pdf():
        pytest.skip("WeasyPrint needs Pango: apt-get install libpango-1.0-0 libpangoft2-1.0-0")
    feed(site)
    answer = get(site, f"/reports/file?of=box-a/north/lawn&period={MONTH}&as=pdf", language)
    assert answer.headers["content-type"] == "application/pdf"
    assert 'filename="parvis-box-a-north-lawn-2026-10.pdf"' in answer.headers["content-disposition"]
    with pypdfium2.PdfDocument(answer.content) as pdf:
        assert pdfium.FPDFCatalog_IsTagged(pdf)
        assert MONTH in pdf.get_metadata_dict()["Title"]
        text = "\n".join(page.get_textpage().get_text_range() for page in pdf)
        width, height = pdf[0].get_size()
        roles: list[tuple[str, str]] = []
        for page in pdf:
            tree = pdfium.FPDF_StructTree_GetForPage(page)
            for index in range(pdfium.FPDF_StructTree_CountChildren(tree)):
                roles += struct_roles(pdfium.FPDF_StructTree_GetChildAtIndex(tree, index))
            pdfium.FPDF_StructTree_Close(tree)
    assert (round(width), round(height)) == (595, 842)
    kinds = {role for role, _ in roles}
    assert {"H1", "H2", "H3", "Table", "TH", "TD", "Figure", "P"} <= kinds
    assert all(alt for role, alt in roles if role == "Figure")
    plain = inflated(answer.content)
    assert f"/Lang ({language})".encode() in plain
    assert b"pdfuaid:part" in plain
    for said in ("parvis-0.3.0", "12,0" if language == "fr" else "12.0"):
        assert said in text


def cells_of(content: bytes) -> dict[str, list[list[str | float | None]]]:
    """Every sheet of a workbook as its file says: numbers as floats, texts as they are."""
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        names = [
            n.get("name") for n in ET.fromstring(book.read("xl/workbook.xml")).iter(f"{{{NS['x']}}}sheet")
        ]
        strings = ET.fromstring(book.read("xl/sharedStrings.xml"))
        texts = [
            "".join(t.text or "" for t in one.iter(f"{{{NS['x']}}}t")) for one in strings.findall("x:si", NS)
        ]
        found = {}
        for number, own in enumerate(names, start=1):
            raw = book.read(f"xl/worksheets/sheet{number}.xml")
            assert b"<f>" not in raw
            assert b"hyperlink" not in raw
            rows = []
            for row in ET.fromstring(raw).iter(f"{{{NS['x']}}}row"):
                values = [(c.get("t"), c.findtext("x:v", namespaces=NS)) for c in row.findall("x:c", NS)]
                rows.append(
                    [texts[int(v)] if t == "s" else None if v is None else float(v) for t, v in values]
                )
            found[str(own)] = rows
    return found


def test_the_workbook_holds_figures_days_hours_provenance_and_definitions(site):
    feed(site)
    answer = get(site, f"/reports/file?of=box-a&period={MONTH}&as=xlsx", "fr")
    assert answer.status_code == 200
    book = cells_of(answer.content)
    assert list(book) == ["En bref", "Chiffres", "Jours", "Heures", "Provenance", "Définitions"]
    mean = next(
        row for row in book["Chiffres"] if row[0] == "box-a/north/lawn" and row[2] == "Occupation moyenne"
    )
    assert mean[3] == 12.0
    assert len(book["Heures"]) == 1 + 4 * (31 * 24 + 1)
    assert book["Provenance"][1][0] == "lawn"


EVIL = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    'a";=1+1',
    "x\r\n=1+1",
    '=HYPERLINK("http://a")',
]


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_becomes_a_formula(evil, site):
    tz = site.app.state.settings.zone_info
    content = workbook([Sheet("a", [evil], [[name(evil)]])], title=evil, made_at=NOON, tz=tz)
    assert [row[0].replace("_x000D_", "\r") for row in cells_of(content)["a"]] == [evil] * 2
    text = french_csv([evil], [[name(evil)]], tz).removeprefix("\ufeff")
    first = re.split(r'[;\r\n](?=(?:[^"]*"[^"]*")*[^"]*$)', text)
    assert all(cell.strip('"')[:1] not in {"=", "+", "-", "@", "\t", "\r"} for cell in first if cell)


def test_french_excel_reads_the_csv_as_it_is(site):
    tz = site.app.state.settings.zone_info
    row = [Cell(NOON, "time"), Cell(NOON, "day"), Cell(0.125, "share"), Cell(-1.25, "decimal"), Cell(None, "count"),
           Cell(1234567, "count"), Cell(-0.0001, "decimal"), name("Rue de l'Église")]  # fmt: skip
    text = french_csv(["début"], [row], tz)
    assert text.encode().startswith(b"\xef\xbb\xbf")
    line_ = text.splitlines()[1]
    assert line_ == "22/11/2026 13:00;22/11/2026;12,5;-1,25;;1234567;0;Rue de l'Église"


def test_an_hour_that_comes_twice_can_be_told_apart(site):
    feed(site)
    rows = sheets(document(site, "box-a/north/lawn"), Texts("fr", site.app.state.settings.zone_info))[3].rows
    people = [row for row in rows if row[2].value == "personnes"]
    assert len({row[4].value for row in people}) == len(people) == 31 * 24 + 1


def test_a_places_own_csv_can_be_had_for_a_french_spreadsheet(site):
    feed(site)
    query = "from=2026-10-06T00:00:00Z&to=2026-10-07T00:00:00Z&step=3600"
    plain = get(site, f"/zones/box-a/north/lawn/csv?{query}")
    french = get(site, f"/zones/box-a/north/lawn/csv?{query}&for=excel")
    assert plain.text.splitlines()[0].startswith("device,camera,name,class,start,")
    head, *rows = french.text.removeprefix("\ufeff").splitlines()
    assert head.startswith("Place;Class")
    assert len(rows) == len(plain.text.splitlines()) - 1
    assert any(";12;" in row for row in rows)
