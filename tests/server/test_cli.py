"""The command line: results on stdout, one paragraph on stderr, documented exit codes."""

from __future__ import annotations

import json
import stat

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.credentials import check_password, token_hash
from server.store.sqlite import open_store

PASSWORD = "trois petits chats"


@pytest.fixture
def run(tmp_path):
    runner = CliRunner()

    def call(*words: str, stdin: str | None = None, data: str = "data"):
        return runner.invoke(app, [*words, "--data", str(tmp_path / data)], input=stdin)

    return call


@pytest.fixture
def stored(tmp_path):
    made = []

    def opened():
        store = open_store(tmp_path / "data" / "parvis.sqlite3")
        made.append(store)
        return store

    yield opened
    for store in made:
        store.close()


def test_a_device_is_added_listed_rotated_and_revoked(run, stored):
    added = run("admin", "device", "add", "box-a")
    assert added.exit_code == 0
    token = added.stdout.strip()
    assert token.startswith("pv1_")
    assert "not shown again" in added.stderr
    assert stored().accounts.device_by_token(token_hash(token)).id == "box-a"
    fresh = json.loads(run("admin", "device", "rotate", "box-a", "--json").stdout)["token"]
    assert stored().accounts.device_by_token(token_hash(token)) is None
    assert json.loads(run("admin", "device", "revoke", "box-a", "--json").stdout)["revoked"]
    assert stored().accounts.device_by_token(token_hash(fresh)) is None
    [listed] = json.loads(run("admin", "device", "list", "--json").stdout)
    assert listed["device"] == "box-a"
    assert listed["revoked"]
    assert token not in run("admin", "device", "list").output
    actions = [entry.action for entry in stored().accounts.audit(10)]
    assert actions == ["device.revoke", "device.rotate", "device.add"]


def test_a_user_is_added_changed_and_disabled(run, stored):
    words = ("admin", "user", "add", "anne", "--role", "planner", "--password-stdin")
    assert run(*words, stdin=PASSWORD + "\n").exit_code == 0
    assert check_password(PASSWORD, stored().accounts.password_hash("anne"))
    assert (
        run("admin", "user", "passwd", "anne", "--password-stdin", stdin="quatre petits chats\n").exit_code
        == 0
    )
    assert not check_password(PASSWORD, stored().accounts.password_hash("anne"))
    assert run("admin", "user", "disable", "anne").exit_code == 0
    [listed] = json.loads(run("admin", "user", "list", "--json").stdout)
    assert (listed["user"], listed["role"], listed["disabled"]) == ("anne", "planner", True)


def test_a_password_is_prompted_for_twice(run):
    answer = run("admin", "user", "add", "bob", "--role", "viewer", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert answer.exit_code == 0
    assert PASSWORD not in answer.output


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        (("admin", "device", "add", "Box A"), None, "must match"),
        (("admin", "device", "revoke", "nobody"), None, "no device 'nobody'"),
        (("admin", "device", "rotate", "nobody"), None, "no device 'nobody'"),
        (("admin", "user", "add", "x", "--role", "god", "--password-stdin"), PASSWORD, "role must be one of"),
        (("admin", "user", "add", "x", "--role", "viewer", "--password-stdin"), "short", "12 to 256"),
        (("admin", "user", "passwd", "x", "--password-stdin"), PASSWORD, "no user 'x'"),
        (("admin", "user", "disable", "x"), None, "no user 'x'"),
    ],
)
def test_a_refusal_is_one_paragraph_and_code_8(run, words, stdin, message):
    answer = run(*words, stdin=stdin)
    assert answer.exit_code == 8
    assert answer.stdout == ""
    assert message in answer.stderr
    assert answer.stderr.startswith("error: ")
    assert answer.stderr.count("\n") == 1
    assert "Traceback" not in answer.output


def test_the_same_device_twice_is_refused(run):
    run("admin", "device", "add", "box-a")
    assert run("admin", "device", "add", "box-a").exit_code == 8


def test_a_file_that_is_no_database_is_code_8(run, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "parvis.sqlite3").write_bytes(b"x" * 4096)
    for words in (("admin", "device", "list"), ("run",)):
        answer = run(*words)
        assert answer.exit_code == 8
        assert "not a database" in answer.stderr


@pytest.mark.parametrize(
    "words",
    [("admin", "user", "add", "x"), ("run", "--port", "70000"), ("nonsense",), ("admin", "device", "add")],
)
def test_wrong_use_is_code_2(run, words):
    assert run(*words).exit_code == 2


def test_no_option_takes_a_password(run):
    answer = run("admin", "user", "add", "x", "--role", "viewer", "--password", PASSWORD)
    assert answer.exit_code == 2


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_binding_to_the_network_warns(run, monkeypatch, host, warned):
    import uvicorn

    served = {}

    def serve(application, **options):
        served.update(options)
        application.state.store.close()

    monkeypatch.setattr(uvicorn, "run", serve)
    answer = run("run", "--host", host)
    assert answer.exit_code == 0
    assert ("warning:" in answer.stderr) == warned
    assert (served["host"], served["access_log"], served["server_header"]) == (host, False, False)


def test_by_default_only_this_machine_can_reach_it(run, monkeypatch):
    import uvicorn

    served = {}
    monkeypatch.setattr(uvicorn, "run", lambda a, **o: (served.update(o), a.state.store.close()))
    run("run")
    assert (served["host"], served["port"]) == ("127.0.0.1", 8000)


def test_a_listing_of_nothing_says_so(run, tmp_path):
    answer = run("admin", "user", "list")
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert "no user yet" in answer.stderr
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
