"""/notices/open311 as the administrator uses it."""

from __future__ import annotations

import re
import stat

import pytest

from server.credentials import token_hash
from tests.server.open311_stub import Town, serving
from tests.server.open311_town import (
    confirmed,
    connect,
    links,
    office,
    run,
    square,
)

__all__ = ["square"]

PAGE = "/notices/open311"
NEW = {"site": "square", "url": "https://town.example/open311/v2", "jurisdiction_id": "town.example", "api_key": "s3same-key",
       "code_debris": "001", "code_stopped_vehicle": "", "code_obstruction": "", "radius_m": "30", "days": "7",
       "language": "fr", "not_ours": "pas à nous\r\nautre service", "extra": "attribute[TYPE]=OBJ"}  # fmt: skip


def send(site, path, /, **fields):
    client = site.client("administrator")
    return client.post(
        f"{PAGE}/{path}", data={"csrf": "csrf-administrator", **fields}, headers={"Accept-Language": "en"}
    )


def see(site, query="") -> str:
    return site.client("administrator").get(PAGE + query, headers={"Accept-Language": "en"}).text


def told(site):
    return [(entry.action, entry.subject, entry.detail) for entry in site.store.accounts.audit(20, "open311")]


def test_a_server_is_added_changed_and_removed_each_with_an_audit_line(square):
    assert send(square, "save", **NEW).status_code == 303
    (own,) = square.store.endpoints.active()
    assert (own.url, own.radius_m, own.days, own.codes) == (NEW["url"], 30, 7, {"debris": "001"})
    assert own.not_ours == ("pas à nous", "autre service")
    assert own.extra == {"attribute[TYPE]": "OBJ"}
    assert "https://town.example/open311/v2" in see(square)
    changed = {**NEW, "id": str(own.id), "url": "https://elsewhere.example", "radius_m": "50", "api_key": ""}
    assert send(square, "save", **changed).status_code == 303
    (own,) = square.store.endpoints.active()
    assert (own.url, own.radius_m) == (NEW["url"], 50)
    assert 'value="50"' in see(square, f"?edit={own.id}")
    assert send(square, "end", id=str(own.id)).status_code == 303
    assert square.store.endpoints.active() == []
    assert [action for action, *_ in told(square)] == ["open311.end", "open311.change", "open311.add"]
    assert send(square, "end", id=str(own.id)).status_code == 409


def test_our_key_lies_in_a_file_of_its_own_and_nowhere_else(square):
    send(square, "save", **NEW)
    folder = square.app.state.settings.data_dir
    path = folder / "open311" / "1.key"
    assert path.read_text() == "s3same-key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "s3same-key" not in see(square) + see(square, "?edit=1") + str(told(square))
    others = [own for own in folder.rglob("*") if own.is_file() and own != path]
    assert all(b"s3same-key" not in own.read_bytes() for own in others)
    send(square, "save", **{**NEW, "id": "1", "api_key": ""})
    assert path.read_text() == "s3same-key"
    send(square, "save", **{**NEW, "id": "1", "api_key": "", "forget_key": "1"})
    assert not path.exists()
    send(square, "save", **{**NEW, "id": "1"})
    send(square, "end", id="1")
    assert not path.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"url": "http://town.example/v2"}, "The address must be https"),
        ({"url": "ftp://town.example/v2"}, "The address must be https"),
        ({"url": "https://a:b@town.example"}, "The address must be https"),
        ({"url": "https://town.example/?x=1"}, "The address must be https"),
        ({"url": ""}, "The address must be https"),
        ({"site": "none"}, "Choose a site"),
        ({"code_debris": ""}, "at least one service code"),
        ({"radius_m": "5000"}, "within 5 and 500"),
        ({"radius_m": "-1"}, "within 5 and 500"),
        ({"days": "0"}, "within 1 and 90"),
        ({"extra": "api_key=x"}, "no allowed field: api_key=x"),
        ({"extra": "description=x"}, "no allowed field"),
        ({"not_ours": "x" * 300}, "At most 20 lines"),
        ({"language": "de"}, "cannot be followed"),
        ({"api_key": "x" * 600}, "at most 500"),
        ({"jurisdiction_id": "x" * 200}, "cannot be followed"),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_typed_stays(square, changes, said):
    answer = send(square, "save", **{**NEW, **changes})
    assert answer.status_code == 400
    assert said in answer.text
    assert square.store.endpoints.active() == []
    assert told(square) == []
    assert "s3same-key" not in answer.text


def test_a_site_has_one_server(square):
    send(square, "save", **NEW)
    assert send(square, "save", **NEW).status_code == 400
    assert len(square.store.endpoints.active()) == 1


def test_the_connection_is_tested_and_wrong_codes_are_told(square):
    with serving(Town(square.clock)) as url:
        connect(square, url, codes={"debris": "001", "obstruction": "999"})
        text = send(square, "test", id="1").text
    assert "answers in JSON and knows 2 services" in text
    assert "Objet sur la chaussée" in text
    assert re.search(r"does not know:\s*<code>999</code> \(Obstruction\)", text)
    assert "cannot be reached" in send(square, "test", id="1").text
    assert send(square, "test", id="7").status_code == 409


def test_a_tool_gets_a_key_that_is_shown_once(square):
    answer = send(square, "key", name="Tablettes des équipes", may_write="1")
    (token,) = re.findall(r"pvo_[A-Za-z0-9_-]{43}", answer.text)
    (own,) = square.store.tools.listed()
    assert (own.name, own.may_write, own.created_by) == ("Tablettes des équipes", True, "administrator-1")
    assert square.store.tools.key(token_hash(token), int(square.clock())) is not None
    assert token not in see(square) + str(told(square))
    assert all(
        token.encode() not in path.read_bytes()
        for path in square.app.state.settings.data_dir.rglob("*.sqlite3*")
    )
    assert send(square, "revoke", id="1").status_code == 303
    assert send(square, "revoke", id="1").status_code == 409
    assert "revoked" in see(square)
    assert [action for action, *_ in told(square)] == ["open311.revoke", "open311.key"]


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb"])
def test_a_tool_needs_a_name(square, name):
    assert send(square, "key", name=name).status_code == 400


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({"what": "again"}, ("linked", "1001")),
        ({"what": "leave"}, ("dropped", "")),
        ({"what": "is", "request_id": "5555"}, ("linked", "5555")),
    ],
)
def test_a_person_decides_what_is_not_sure(square, fields, ends):
    town = Town(square.clock)
    with serving(town) as url:
        connect(square, url)
        own = office(square)
        run(square, own)
        town.faults = ["500"]
        confirmed(square)
        for _ in range(6):
            run(square, own, 900)
        assert "Sending it got no sure answer" in see(square)
        assert send(square, "decide", id="1", **fields).status_code == 303
        run(square, own)
    (link,) = links(square)
    assert (link.state, link.request_id) == ends
    assert len(town.posts) == (fields["what"] == "again")
    assert told(square)[0][0] == "open311.decide"
    assert send(square, "decide", id="1", **fields).status_code == 409


def test_sending_again_looks_first_and_finds_what_had_been_hidden(square):
    town = Town(square.clock)
    with serving(town) as url:
        connect(square, url)
        own = office(square)
        run(square, own)
        town.faults, town.hidden = ["accept_500"], True
        confirmed(square)
        for _ in range(6):
            run(square, own, 900)
        town.hidden = False
        send(square, "decide", id="1", what="again")
        run(square, own)
    assert len(town.posts) == 1
    assert [(link.state, link.request_id, link.own) for link in links(square)] == [("linked", "1001", True)]


def test_a_form_of_another_page_is_refused(square):
    client = square.client("administrator")
    for path in ("save", "end", "test", "key", "revoke", "decide"):
        assert client.post(f"{PAGE}/{path}", data={"csrf": "wrong", **NEW}).status_code == 403
    assert square.store.endpoints.active() == []


def test_what_others_write_is_shown_as_text(square):
    town = Town(square.clock)
    town.codes = {"001": "<script>alert(1)</script>"}
    with serving(town) as url:
        connect(square, url)
        text = send(square, "test", id="1").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
