"""`parvis server admin report` and `mail` as an administrator runs them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from server import desk_cli, scopes
from server.cli import app
from server.pages import report_files
from tests.server.build import config, utc, zone, zone_config
from tests.server.smtp_faults import Postbox, serving
from tests.server.test_post_office import put, write_settings

OCTOBER = 1_791_280_800  # 2026-10-06T10:00:00Z


@pytest.fixture
def run(tmp_path, site):
    site.post([config(0, OCTOBER, [zone_config("lawn")])])
    site.post([zone(n, OCTOBER + 60 * n) for n in range(1, 120)])
    data = site.app.state.settings.data_dir

    def call(*words: str):
        return CliRunner().invoke(app, ["admin", *words, "--data", str(data)])

    return call


@pytest.mark.parametrize("format_", ["html", "xlsx", "csv"])
def test_a_report_is_written_and_told_as_json(run, tmp_path, format_):
    assert utc(OCTOBER) == "2026-10-06T10:00:00Z"
    out = tmp_path / f"r.{format_}"
    words = ("report", "--place", "box-a/north/lawn", "--month", "2026-10", "--out", str(out), "--json")
    answer = run(*words)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["sections"] == [{"place": "box-a/north/lawn", "class": "person", "coverage": 0.0027}]
    assert told["complete"]
    assert out.stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--month", "2026-10", "--out", "r.doc"), "must end with"),
        (("--out", "r.csv"), "either --month"),
        (("--month", "2026-13", "--out", "r.csv"), "period must be written"),
        (("--month", "2026-10", "--place", "box-z", "--out", "r.csv"), "nothing has been delivered"),
        (("--month", "2026-10", "--lang", "de", "--out", "r.csv"), "choose fr or en"),
    ],
)
def test_wrong_use_is_told_with_its_remedy(run, words, told):
    answer = run("report", *words)
    assert answer.exit_code == 2
    plain = " ".join(answer.stderr.replace("│", " ").split())
    assert told in plain


def test_a_place_that_cannot_be_written_is_code_8(run, tmp_path):
    answer = run("report", "--month", "2026-10", "--out", str(tmp_path / "none" / "r.csv"))
    assert answer.exit_code == 8
    assert "cannot be written" in answer.stderr


def test_a_trial_letter_tells_what_the_mail_server_answered(run, site):
    missing = run("mail", "test", "--to", "a@b.fr")
    assert missing.exit_code == 8
    assert "mail.toml: is not there" in missing.stderr
    box = Postbox(at_recipient=[None, "550 no such user"])
    controller = serving(box)
    try:
        write_settings(site, controller.port)
        good = run("mail", "test", "--to", "a@b.fr", "--json")
        bad = run("mail", "test", "--to", "a@b.fr", "--json")
    finally:
        controller.stop()
    assert json.loads(good.stdout) == {"to": "a@b.fr", "accepted": True}
    assert bad.exit_code == 8
    assert json.loads(bad.stdout)["detail"] == "550 no such user"
    assert len(box.letters) == 1
    gone = run("mail", "test", "--to", "a@b.fr", "--lang", "en")
    assert gone.exit_code == 8
    assert "cannot be reached: check host and port" in gone.stderr
    assert run("mail", "test", "--to", "a@b.fr, c@d.fr").exit_code == 2


def test_the_outbox_is_listed(run, site):
    assert "no letter yet" in run("mail", "list").stderr
    put(site)
    [told] = json.loads(run("mail", "list", "--json").stdout)
    assert (told["recipient"], told["state"], told["tries"]) == ("mairie@exemple.fr", "waiting", 0)


def test_what_the_command_knows_without_loading_reports_is_what_reports_have():
    assert tuple(report_files.TYPES) == desk_cli.FORMATS
    assert desk_cli.ALL == scopes.ALL
