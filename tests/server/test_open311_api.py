"""/open311/v2 as a crew's tool sees it: what is official, with a key, in both formats; and what it may tell us."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from server.api.open311 import BURST
from server.credentials import new_token, token_hash
from server.open311_client import GeoReport, Refused, Target, Trouble
from server.open311_http import Answer
from server.open311_telling import KNOWN_S
from tests.server.build import NOON, config, zone_config
from tests.server.open311_stub import Town, serving
from tests.server.open311_town import (
    LANE,
    LANES,
    LAT,
    LON,
    audit,
    confirmed,
    connect,
    links,
    moved,
    office,
    reported,
    run,
    square,
)

__all__ = ["square"]

DAY = 86400
BASE = "/open311/v2"


def tool(site, *, may_write=False, name="crew tool") -> str:
    token = new_token("pvo")
    site.store.tools.add_key(name, token_hash(token), audit(site), may_write=may_write)
    return token


@pytest.fixture
def ask(square):
    """GET as JSON with a key; the rows."""
    client, key = square.client(), tool(square)

    def call(path="requests.json", **query):
        return client.get(f"{BASE}/{path}", params=query, headers={"Authorization": f"Bearer {key}"})

    return call


def ids(answer):
    return [row["service_request_id"] for row in answer.json()]


def test_discovery_and_services_are_for_anyone_in_both_forms(square):
    client = square.client()
    found = client.get(f"{BASE}/discovery.json").json()
    assert found["endpoints"][0]["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert found["endpoints"][0]["url"] == "http://127.0.0.1:8000/open311/v2"
    xml = client.get(f"{BASE}/discovery.xml")
    assert xml.headers["content-type"] == "text/xml; charset=utf-8"
    assert [own.text for own in ET.fromstring(xml.content).iter("format")] == ["text/xml", "application/json"]
    services = client.get(f"{BASE}/services.json", headers={"Accept-Language": "en"}).json()
    assert [own["service_code"] for own in services] == ["debris", "stopped_vehicle", "obstruction"]
    assert services[0]["service_name"] == "Object on the road"
    assert services[0]["metadata"] is True
    assert ET.fromstring(client.get(f"{BASE}/services.xml").content).findtext("service/type") == "realtime"
    definition = client.get(f"{BASE}/services/debris.json").json()
    assert [own["code"] for own in definition["attributes"]] == ["severity", "size_m", "zone"]
    assert not any(own["required"] for own in definition["attributes"])


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("services/none", 404),
        ("requests/n999", 404),
        ("requests/x'--", 404),
        ("tokens/123", 404),
        ("requests?status=acknowledged", 400),
        ("requests?service_code=none", 404),
        ("requests?start_date=2026-01-01", 400),
        ("requests?start_date=2026-01-01T00:00:00Z&end_date=2026-11-01T00:00:00Z", 400),
        ("requests?start_date=2026-11-02T00:00:00Z&end_date=2026-11-01T00:00:00Z", 400),
        ("requests?page=0", 400),
        ("requests?page_size=1001", 400),
        ("requests?page=6", 400),
        ("requests?service_request_id=" + ",".join(["n1"] * 101), 400),
    ],
)
def test_errors_are_those_of_the_specification(square, form, path, status):
    where, _, query = path.partition("?")
    key = tool(square)
    answer = square.client().get(f"{BASE}/{where}.{form}?api_key={key}&{query}")
    assert answer.status_code == status
    if form == "json":
        (fault,) = answer.json()
        assert fault["code"] == str(status)
        assert fault["description"]
    else:
        assert ET.fromstring(answer.content).findtext("error/code") == str(status)


def test_without_a_right_key_nothing_is_told(square):
    confirmed(square)
    client = square.client("administrator")
    for headers, query in (
        ({}, ""),
        ({}, "?api_key=guess"),
        ({"Authorization": "Bearer guess"}, ""),
        ({"Authorization": f"Bearer {square.token}"}, ""),
    ):
        for path in ("requests.json", "requests.xml", "requests/n1.json"):
            answer = client.get(f"{BASE}/{path}{query}", headers=headers)
            assert answer.status_code == 403
            assert b"n1" not in answer.content


def test_a_revoked_key_is_refused_from_then_on(square):
    key = tool(square)
    client = square.client()
    assert client.get(f"{BASE}/requests.json?api_key={key}").status_code == 200
    square.store.tools.revoke(1, audit(square))
    assert client.get(f"{BASE}/requests.json?api_key={key}").status_code == 403


def test_only_what_a_person_confirmed_is_told(square, ask):
    waiting = reported(square)
    assert ids(ask()) == []
    moved(square, waiting, "cleared")
    assert ids(ask()) == []
    own = confirmed(square, 2, zone=LANES[0], x=0.9, lat=LAT + 1)
    (row,) = ask().json()
    assert row["service_request_id"] == f"n{own.id}"
    assert (row["status"], row["status_notes"], row["service_code"]) == ("open", "confirmed", "debris")
    assert (row["lat"], row["long"]) == (LAT + 1, LON)
    assert row["requested_datetime"] == "2026-11-22T12:00:00Z"
    assert row["address"] == "lane-0, Place du marché"
    assert "Taille\u00a0: environ 0,6 m." in row["description"]
    assert row["media_url"] is None


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("assigned", "open"),
        ("in_work", "open"),
        ("cleared", "closed"),
        ("nothing_there", "closed"),
        ("not_ours", "closed"),
    ],
)
def test_states_are_told_as_open_or_closed_with_notes(square, ask, state, status):
    own = confirmed(square)
    assert ids(ask(status="open")) == [f"n{own.id}"]
    square.clock.now += 60
    moved(square, own, state)
    (row,) = ask().json()
    assert (row["status"], row["status_notes"]) == (status, state)
    assert row["updated_datetime"] == "2026-11-22T12:01:00Z"
    assert ids(ask(status=status)) == [f"n{own.id}"]
    assert ids(ask(status="closed" if status == "open" else "open")) == []


def test_zones_that_are_not_operational_are_never_told(square, ask):
    own = confirmed(square)
    assert len(ids(ask())) == 1
    zones = [zone_config("lane", "road", purpose="statistics", polygon=LANE)]
    square.post([config(900, int(square.clock()), zones)])
    assert ids(ask()) == []
    assert ask(f"requests/n{own.id}.json").status_code == 404
    assert ids(ask(service_request_id=f"n{own.id}")) == []


def test_filters_and_pages(square, ask):
    made = []
    for number in range(6):
        kind = "debris" if number % 2 else "stopped_vehicle"
        made.append(
            confirmed(
                square,
                number + 1,
                zone=LANES[number],
                x=0.1 + number / 8,
                w=0.01,
                lat=LAT + number,
                kind=kind,
            )
        )
        square.clock.now += 3600
    newest = [f"n{own.id}" for own in reversed(made)]
    assert ids(ask()) == newest
    assert ids(ask(page_size=4)) == newest[:4]
    assert ids(ask(page_size=4, page=2)) == newest[4:]
    assert ids(ask(service_code="debris")) == newest[::2]
    assert ids(ask(service_code="debris,stopped_vehicle", status="open,closed")) == newest
    assert ids(ask(start_date="2026-11-22T14:30:00+01:00", end_date="2026-11-22T15:30:00Z")) == newest[2:4]
    assert ids(ask(service_request_id=f"{newest[3]},{newest[0]},n99,nonsense", status="closed")) == [
        newest[3],
        newest[0],
    ]
    square.clock.now += 91 * DAY
    assert ids(ask()) == []
    assert ids(ask(start_date="2026-11-22T00:00:00Z")) == newest


def test_attributes_come_with_the_extension(square, ask):
    own = confirmed(square)
    assert "attributes" not in ask().json()[0]
    row = ask(f"requests/n{own.id}.json", extensions="true").json()[0]
    assert {each["code"]: each["value"] for each in row["attributes"]} == {
        "severity": own.severity, "size_m": "0.6", "zone": "lane",
    }  # fmt: skip


def test_both_forms_say_the_same(square):
    confirmed(square)
    key, client = tool(square), square.client()
    row = client.get(f"{BASE}/requests.json?api_key={key}").json()[0]
    root = ET.fromstring(client.get(f"{BASE}/requests.xml?api_key={key}").content)
    assert {own.tag: own.text for own in root[0]} == {
        k: None if v is None else str(v) for k, v in row.items()
    }


def test_an_unchanged_answer_is_not_sent_again(square, ask):
    confirmed(square)
    key = tool(square)
    client = square.client()
    first = client.get(f"{BASE}/requests.json?api_key={key}")
    again = client.get(
        f"{BASE}/requests.json?api_key={key}", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert "access-control-allow-origin" not in first.headers


def report(site, key, **changes):
    fields = {"api_key": key, "service_code": "debris", "lat": str(LAT), "long": str(LON)} | changes
    return site.client().post(
        f"{BASE}/requests.json", data={k: v for k, v in fields.items() if v is not None}
    )


def test_a_report_is_kept_without_anything_of_a_person(square, ask):
    key = tool(square, may_write=True)
    answer = report(square, key, email="eve@b.fr", first_name="Eve", last_name="Martin", phone="0612345678",
                    description="Canape devant chez Mme Durand", device_id="imei-42", account_id="7",
                    address_string="3 rue des Lilas", media_url="https://p.example/eve.jpg")  # fmt: skip
    assert answer.json() == [{"service_request_id": "r1", "service_notice": None, "account_id": None}]
    (row,) = ask().json()
    assert (row["service_request_id"], row["status"], row["status_notes"]) == ("r1", "open", "reported")
    assert (row["lat"], row["long"], row["description"]) == (LAT, LON, None)
    square.store.close()
    folder = square.app.state.settings.data_dir
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    for word in (b"eve@b.fr", b"Martin", b"0612345678", b"Durand", b"imei-42", b"Lilas", b"eve.jpg"):
        assert word not in kept


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"service_code": None}, 400),
        ({"service_code": "pothole"}, 404),
        ({"lat": None, "address_string": "3 rue des Lilas"}, 400),
        ({"lat": "91"}, 400),
        ({"long": "nan"}, 400),
        ({"lat": "x" * 5000}, 400),
        ({"api_key": "guess"}, 403),
        ({"api_key": None}, 403),
    ],
)
def test_reports_that_cannot_be_taken(square, changes, status):
    answer = report(square, tool(square, may_write=True), **changes)
    assert answer.status_code == status
    assert answer.json()[0]["code"] == str(status)
    assert square.store.tools.known(0) == []


def test_a_key_that_may_read_may_not_write(square):
    assert report(square, tool(square)).status_code == 403


def test_bodies_are_bounded_and_forms_alone(square):
    key, client = tool(square, may_write=True), square.client()
    assert client.post(f"{BASE}/requests.json", json={"api_key": key}).status_code == 400
    assert (
        client.post(f"{BASE}/requests.json", data={"api_key": key, "description": "x" * 300_000}).status_code
        == 413
    )


def test_a_report_that_is_told_again_is_the_same_one(square):
    key = tool(square, may_write=True)
    assert report(square, key).json()[0]["service_request_id"] == "r1"
    assert report(square, key).json()[0]["service_request_id"] == "r1"
    assert report(square, key, lat=str(LAT + 0.001)).json()[0]["service_request_id"] == "r2"


def test_a_report_and_a_notice_of_the_same_object_are_one_row(square, ask):
    key = tool(square, may_write=True)
    report(square, key, lat=str(LAT + 0.0001))
    report(square, key, lat=str(LAT + 0.01))
    own = confirmed(square)
    assert ids(ask()) in ([f"n{own.id}", "r2"], ["r2", f"n{own.id}"])
    (row,) = ask("requests/r1.json").json()
    assert (row["status"], row["status_notes"]) == ("open", f"duplicate of n{own.id}")
    moved(square, own, "cleared")
    assert ask("requests/r1.json").json()[0]["status"] == "closed"


def test_a_report_of_what_is_official_already_says_so(square):
    own = confirmed(square)
    key = tool(square, may_write=True)
    assert report(square, key).json()[0]["service_notice"] == f"duplicate of n{own.id}"
    assert report(square, key, service_code="obstruction").json()[0]["service_notice"] is None


def test_what_another_system_reported_is_posted_nowhere(square):
    report(square, tool(square, may_write=True))
    town = Town(square.clock)
    with serving(town) as url:
        connect(square, url)
        own = office(square)
        run(square, own)
        confirmed(square)
        run(square, own)
    assert town.posts == []
    assert [link.state for link in links(square)] == ["known"]


def test_a_report_that_nobody_took_over_is_over_after_a_fortnight(square, ask):
    report(square, tool(square, may_write=True))
    square.clock.now += KNOWN_S
    (row,) = ask().json()
    assert (row["status"], row["status_notes"]) == ("closed", "expired")
    confirmed(square)
    assert len(ids(ask(status="open"))) == 1


def test_a_tool_that_asks_too_often_is_told_to_wait(square):
    key, client = tool(square), square.client()
    answers = [client.get(f"{BASE}/services.json") for _ in range(BURST + 1)]
    assert [own.status_code for own in answers] == [200] * BURST + [429]
    assert answers[-1].json()[0]["code"] == "429"
    # Those with a key have a limit of their own.
    assert client.get(f"{BASE}/requests.json?api_key={key}").status_code == 200


def test_events_that_come_twice_change_nothing(square, ask):
    """Two who catch up at once: the slower one tells old news."""
    own = confirmed(square)
    moved(square, own, "cleared")
    ask()
    events = square.store.notices.events_after(0, 100)
    square.store.tools.tell([(event, "debris") for event in events if event.after != "cleared"])
    assert ask().json()[0]["status_notes"] == "cleared"
    assert square.store.tools.followed() == events[-1].id


def test_a_thousand_notices_touch_few_rows_and_none_twice(square, ask):
    """What is official follows the events once; asking again reads no event again."""
    confirmed(square)
    ask()
    before = square.store.tools.followed()
    assert before == square.store.notices.events_after(0, 100)[-1].id
    seen = []
    real = type(square.store.notices).events_after

    def counted(self, event_id, limit):
        seen.append(event_id)
        return real(self, event_id, limit)

    type(square.store.notices).events_after = counted
    try:
        ask()
    finally:
        type(square.store.notices).events_after = real
    assert seen == [before]


class Inside:
    """An `Http` that ends in a server of this process."""

    def __init__(self, client):
        self._client = client

    def __call__(self, method, url, headers, body=None, *, private=False):
        answer = self._client.request(method, url, headers=dict(headers), content=body)
        named = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, named, answer.content)


@pytest.mark.parametrize("form", ["json", "xml"])
def test_our_client_understands_our_server(square, form):
    own = confirmed(square)
    key = tool(square, may_write=True)
    target = Target("http://127.0.0.1:8000/open311/v2", "", key, form, private=True, key_on_get=True)
    server = GeoReport(Inside(square.client()), target)
    assert [each.service_code for each in server.services()] == ["debris", "stopped_vehicle", "obstruction"]
    (row,) = server.requests("debris", NOON - DAY, NOON + DAY, "open")
    assert (row.service_request_id, row.lat, row.long) == (f"n{own.id}", LAT, LON)
    rows, etag = server.by_ids([row.service_request_id])
    assert rows == [row]
    assert server.by_ids([row.service_request_id], etag) == (None, etag)
    assert server.one("n999") is None
    made = server.create({"service_code": "debris", "lat": "10", "long": "10"})
    assert made.service_request_id == "r1"
    assert server.one("r1").status == "open"
    with pytest.raises(Refused, match="service_code was not found"):
        server.create({"service_code": "none", "lat": "10", "long": "10"})
    nobody = GeoReport(
        Inside(square.client()), Target("http://127.0.0.1:8000/open311/v2", "", "x", form, key_on_get=True)
    )
    with pytest.raises(Trouble) as caught:
        nobody.requests("debris", NOON - DAY, NOON)
    assert caught.value.problem == "key"


def test_every_answer_is_json_or_xml_as_asked(square, ask):
    confirmed(square)
    for path in ("requests.json", "services.json", "discovery.json"):
        json.loads(ask(path).content)
    for path in ("requests.xml", "services.xml", "discovery.xml"):
        ET.fromstring(ask(path).content)
