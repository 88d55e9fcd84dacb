"""The commands round sites: what they print, change and refuse."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.store.sqlite import open_store
from tests.server.build import NOON, line, parking, zone
from tests.server.plans import png
from tests.server.test_store import incoming


@pytest.fixture
def run(tmp_path):
    store = open_store(tmp_path / "parvis.sqlite3")
    store.records.add([incoming(zone(1, NOON)), incoming(line(2, NOON)), incoming(parking(3, NOON))], NOON)
    # A zone that became a car park is two places of one name.
    store.records.add([incoming(parking(4, NOON, zone="lawn"))], NOON)
    store.close()
    runner = CliRunner()
    return lambda *words: runner.invoke(app, ["admin", "site", *words, "--data", str(tmp_path)])


def parsed(answer):
    assert answer.exit_code == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_site_is_made_filled_labelled_and_listed(run, tmp_path):
    made = parsed(run("add", "place", "--fr", "Place", "--zone", "A", "--lon=3.1", "--lat", "45.8", "--json"))
    assert (made["site"], made["school_zone"], made["lon"]) == ("place", "A", 3.1)
    after = parsed(run("assign", "box-a/north/p1", "place", "--json"))
    assert (after["kind"], after["site"]) == ("parking", "place")
    after = parsed(run("label", "box-a/north/p1", "--fr", "Parking nord", "--json"))
    assert (after["label_fr"], after["site"]) == ("Parking nord", "place")
    assert parsed(run("label", "place", "--en", "Square", "--json"))["label_en"] == "Square"
    file = tmp_path / "plan.png"
    file.write_bytes(png())
    assert parsed(run("plan", "place", str(file), "--json"))["plan"] == {
        "type": "image/png", "width": 120, "height": 80,
    }  # fmt: skip
    [row] = parsed(run("list", "--json"))["sites"]
    assert (row["label_fr"], row["label_en"], row["plan"], row["places"]) == ("Place", "Square", "120x80", 1)
    rows = parsed(run("list", "--places", "--json"))["places"]
    assert {row["place"] for row in rows} == {"box-a/north/lawn", "box-a/north/p1", "box-a/north/gate"}
    assert parsed(run("plan", "place", "--remove", "--json"))["plan"] is None
    assert parsed(run("assign", "box-a/north/p1", "none", "--json"))["site"] is None


def test_what_cannot_be_done_is_said_with_its_code(run, tmp_path):
    run("add", "place")
    file = tmp_path / "plan.pdf"
    file.write_bytes(b"%PDF-1.7")
    for words, said in (
        (("add", "place"), "exists already"),
        (("add", "Place Rouge"), "small letters"),
        (("add", "b", "--zone", "Z"), "school_zone must be one of A, B, C"),
        (("assign", "box-a/north/none", "place"), "nothing was delivered"),
        (("assign", "box-a/north", "place"), "nothing was delivered"),
        (("assign", "box-a/north/lawn", "place"), "several kinds (parking, zone)"),
        (("assign", "box-a/north/p1", "nowhere"), "there are: place"),
        (("label", "nowhere", "--fr", "X"), "there is no site 'nowhere'"),
        (("label", "place", "--fr", "x" * 81), "at most 80"),
        (("plan", "place", str(file)), "must be a PNG or JPEG picture (found PDF)"),
        (("plan", "place", str(tmp_path / "none.png")), "cannot be read"),
    ):
        answer = run(*words)
        assert answer.exit_code == 8, words
        assert said in answer.stderr, (words, answer.stderr)
    assert parsed(run("assign", "box-a/north/lawn/zone", "place", "--json"))["kind"] == "zone"
    assert run("plan", "place").exit_code == 2
    assert run("label", "place").exit_code == 2
