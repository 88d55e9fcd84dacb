"""GeoReport documents: what is written is read as the same, in both forms; what comes from elsewhere is read with care."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.notices import Notice
from server.open311 import (
    Attribute,
    Created,
    Fault,
    Service,
    ServiceRequest,
    created_of,
    definition_tree,
    errors_of,
    errors_tree,
    request_of,
    request_tree,
    requests_of,
    service_tree,
    services_of,
    time_of,
    time_text,
)
from server.open311_documents import CHILD, DocumentError, clean, read, write
from server.open311_place import Position, distance_m, nearest, position
from server.sites import PlaceDetail, Site

# The machine that runs this is shared: how long an example takes says nothing.
CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FORMS = pytest.mark.parametrize("form", ["json", "xml"])
# What a field may hold: readers strip, and XML has no control characters.
texts = st.text("aéß<>&\"'\r\n\t ]\U0001f6a7\x00", max_size=12).map(lambda text: clean(text).strip())
ids = texts.filter(bool)
times = st.none() | st.integers(0, 4_000_000_000)
places = st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@st.composite
def service_requests(draw):
    where = draw(places)
    names = ("status_notes", "service_name", "service_code", "description", "agency_responsible", "service_notice",
             "address", "address_id", "zipcode", "media_url")  # fmt: skip
    dates = ("requested_datetime", "updated_datetime", "expected_datetime")
    return ServiceRequest(
        draw(ids),
        draw(st.sampled_from(["open", "closed"])),
        **{name: draw(texts) for name in names},
        **{name: draw(times) for name in dates},
        lat=where[0] if where else None,
        long=where[1] if where else None,
    )


@FORMS
@CALM
@given(rows=st.lists(service_requests(), max_size=4))
def test_service_requests_come_back_as_they_were(form, rows):
    body = write("service_requests", [request_tree(row) for row in rows], form)
    assert requests_of(read(body)) == rows


@FORMS
@CALM
@given(rows=st.lists(st.builds(Service, ids, texts, texts, st.booleans(), st.sampled_from(["realtime", "batch"]),
                               texts, texts), max_size=4))  # fmt: skip
def test_services_come_back_as_they_were(form, rows):
    assert services_of(read(write("services", [service_tree(row) for row in rows], form))) == rows


@FORMS
@CALM
@given(faults=st.lists(st.builds(Fault, ids, ids), max_size=3))
def test_errors_come_back_as_they_were(form, faults):
    assert errors_of(read(write("errors", errors_tree(faults), form))) == faults


@CALM
@given(text=st.text(max_size=80))
def test_any_text_makes_a_whole_xml_document(text):
    assert ET.fromstring(write("errors", [{"code": "400", "description": text}], "xml")).tag == "errors"


def test_xml_looks_as_the_specification_shows_it():
    tree = definition_tree(
        "debris", (Attribute("severity", "singlevaluelist", "How bad?", values=(("high", "High"),)),)
    )
    root = ET.fromstring(write("service_definition", tree, "xml"))
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute/values/value/key") == "high"
    assert root.findtext("attributes/attribute/variable") == "true"
    body = write(
        "service_requests", [request_tree(ServiceRequest("n1", "open", "", lat=48.5, long=2.25))], "xml"
    )
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    assert ET.fromstring(body).findtext("request/lat") == "48.5"
    assert b"<status_notes/>" in body
    assert b"xmlns" not in body


def test_json_is_the_same_tree_without_its_root():
    body = json.loads(write("service_requests", [request_tree(ServiceRequest("n1", "open"))], "json"))
    assert body[0]["service_request_id"] == "n1"
    assert body[0]["lat"] is None
    assert list(body[0])[:3] == ["service_request_id", "status", "status_notes"]


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe<\x00",
        b"not a document",
        b"<a><b></a>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<?xml version="1.0"?><!doctype a SYSTEM "file:///etc/passwd"><a/>',
        b"[" * 40 + b"]" * 40,
        b"[" * 100_000,
        b"<a>" * 40 + b"</a>" * 40,
        b"",
    ],
)
def test_what_is_no_document_is_refused(body):
    with pytest.raises(DocumentError):
        requests_of(read(body))


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE service_requests><service_requests/>",
        b'<?xml version="1.0"?>\n<!doctype x [<!ENTITY a "b">]><service_requests/>',
    ],
)
def test_a_document_type_is_refused_before_anything_is_parsed(body):
    with pytest.raises(DocumentError, match="document type"):
        read(body)


def test_numbers_namespaces_and_wrappers_of_other_servers_are_read():
    one = b'[{"service_request_id": 638344, "status": "OPEN", "lat": 48.5, "long": "2.5", "zipcode": 94122, "x": {}}]'
    (row,) = requests_of(read(one))
    assert (row.service_request_id, row.status, row.lat, row.long, row.zipcode) == (
        "638344",
        "open",
        48.5,
        2.5,
        "94122",
    )
    assert requests_of(read(b'{"service_requests": ' + one + b"}")) == [row]
    xml = b"<service_requests xmlns='http://wiki.open311.org/GeoReport_v2'><request><service_request_id> 7\n"
    xml += b"</service_request_id><status>closed</status></request></service_requests>"
    assert requests_of(read(xml)) == [ServiceRequest("7", "closed")]


def test_rows_without_id_or_status_are_left_out_and_half_a_place_is_none():
    assert (
        requests_of([{"status": "open"}, {"service_request_id": "1", "status": "acknowledged"}, 5, None])
        == []
    )
    row = request_of({"service_request_id": "1", "status": "open", "lat": "91", "long": "2"})
    assert row is not None
    assert (row.lat, row.long) == (None, None)
    assert request_of({"service_request_id": "1", "status": "open", "lat": "nan", "long": "2"}).long is None


@pytest.mark.parametrize("tree", [{}, "x", [{}, {}], [[]], 5])
def test_an_answer_to_a_post_that_is_not_one_row_is_refused(tree):
    with pytest.raises(DocumentError):
        created_of(tree)


def test_an_answer_to_a_post_has_an_id_or_a_token_or_neither():
    assert created_of([{"service_request_id": 293944, "account_id": None}]) == Created("293944")
    assert created_of([{"token": "12345"}]) == Created("", "12345")
    assert created_of([{"service_notice": "thank you"}]) == Created()


@CALM
@given(st.integers(0, 4_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_times_are_w3c_date_times(at, minutes):
    zone = timezone(timedelta(minutes=minutes))
    assert time_of(datetime.fromtimestamp(at, zone).isoformat()) == at
    assert time_of(time_text(at)) == at
    assert time_text(at) == datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    "text", ["", "2010-01-01T00:00:00", "2010-01-01", "yesterday", "9999-99-99T00:00:00Z"]
)
def test_a_time_without_its_offset_is_not_known(text):
    assert time_of(text) is None


def test_every_container_names_its_children():
    assert all(name != child for name, child in CHILD.items())


# One degree of latitude is 111.2 km everywhere on a sphere.
def test_distances_are_metres():
    assert distance_m(2.0, 48.0, 2.0, 49.0) == pytest.approx(111_195, rel=1e-3)
    assert distance_m(179.9999, 0, -179.9999, 0) == pytest.approx(22.2, rel=1e-2)


@CALM
@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90))
def test_distance_is_symmetric_and_zero_only_where_one_is(lon, lat, lon2, lat2):
    there, back = distance_m(lon, lat, lon2, lat2), distance_m(lon2, lat2, lon, lat)
    assert there == pytest.approx(back, abs=1e-3)
    assert 0 <= there <= 20_015_200
    assert distance_m(lon, lat, lon, lat) == 0


def notice(**changes) -> Notice:
    values = {"id": 1, "version": 1, "site": "square", "device": "box-a", "camera": "north", "zone": "lane",
              "kind": "debris", "state": "confirmed", "held": None, "severity": "high", "opened_at": 0, "changed_at": 0,
              "first_seen": 0, "last_seen": 0, "x": 0.5, "y": 0.5, "w": 0.1, "h": 0.1, "lon": None, "lat": None,
              "size_m": None, "confidence": 0.9, "cases": 1} | changes  # fmt: skip
    return Notice(**values)


def test_the_best_known_position_is_taken_and_none_is_made_up():
    detail = PlaceDetail("box-a", "north", "lane", "zone", lon=2.1, lat=48.1)
    details, site = {detail.key: detail}, Site("square", lon=2.2, lat=48.2)
    assert position(notice(lon=2.0, lat=48.0), details, site).source == "object"
    assert position(notice(), details, site) == Position(2.1, 48.1, 50.0, "zone")
    assert position(notice(), {}, site) == Position(2.2, 48.2, 150.0, "site")
    assert position(notice(), {}, Site("square")) is None
    assert position(notice(site=None), {}, None) is None


def test_the_nearest_within_radius_and_uncertainty_is_found():
    here = Position(2.0, 48.0, 10.0, "object")
    rows = [(2.0, 48.0002), (2.0, 48.0001), (2.0, 49.0), None]
    found = nearest(here, 25, rows, lambda row: row)
    assert found is not None
    assert found[0] == (2.0, 48.0001)
    # 34.9 m: within 25 m and 10 m of uncertainty; 35.6 m is not.
    assert nearest(here, 25, [(2.0, 48.000314)], lambda row: row) is not None
    assert nearest(here, 25, [(2.0, 48.00032)], lambda row: row) is None
