"""Bodies of requests: bounded before they are held, strict before they are believed."""

from __future__ import annotations

import gzip
import json
import tracemalloc

import pytest

from contract.batch import MAX_BYTES, MAX_ITEMS
from tests.server.build import NOON, zone

PATH = "/api/v1/records"
OLD = NOON - 7200


def raw(site, body: bytes, **headers: str):
    default = {"Authorization": f"Bearer {site.token}", "Content-Type": "application/json"}
    client = site.clients[0] if site.clients else site.client()
    return client.post(PATH, content=body, headers=default | headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"records": 1}',
        b'{"records": [], "more": 1}',
        b'{"records": [NaN]}',
        b'{"records": [Infinity]}',
        b'{"records": [-Infinity]}',
        b'{"records": [' + b"9" * 5000 + b"]}",
        b'\xff\xfe{"records": []}',
        b'{"records": [[[[[[[[0]]]]]]]]}',
        b"[" * 100_000,
        b'{"a":' * 40_000,
        b'"' + b'\\"' * 100_000,
    ],
)
def test_a_body_of_another_shape_is_refused_as_a_whole(site, body):
    answer = raw(site, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {"error", "detail"}
    assert site.store.records.count() == 0


def test_brackets_inside_strings_are_no_depth(site):
    answer = raw(site, json.dumps({"records": ['[[[[[[[[[[\\"[[[']}).encode())
    assert answer.status_code == 200


def test_a_number_too_large_for_a_float_is_that_items_fault(site):
    text = json.dumps({"records": [zone(1, OLD), zone(2, OLD)]}).replace(
        '"observed_s": 60.0', '"observed_s": 1e999', 1
    )
    answer = raw(site, text.encode()).json()
    assert len(answer["accepted"]) == 1
    assert len(answer["rejected"]) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "gzip, gzip"},
    ],
)
def test_other_types_and_encodings_are_refused(site, headers):
    assert raw(site, b'{"records": []}', **headers).status_code == 415


def test_gzip_is_accepted(site):
    body = gzip.compress(json.dumps({"records": [zone(n, OLD + 60 * n) for n in range(100)]}).encode())
    answer = raw(site, body, **{"Content-Encoding": "gzip"})
    assert len(answer.json()["accepted"]) == 100


def test_a_zip_bomb_is_cut_off(site):
    bomb = gzip.compress(b'{"records": ["' + b"a" * 60_000_000 + b'"]}', 9)
    assert len(bomb) < MAX_BYTES
    tracemalloc.start()
    answer = raw(site, bomb, **{"Content-Encoding": "gzip"})
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert answer.status_code == 413
    assert most < 10 * 1024 * 1024


@pytest.mark.parametrize(
    "spoil", [lambda b: b[:-5], lambda b: b + b"x", lambda b: b + b, lambda b: b"no" + b]
)
def test_a_broken_gzip_is_refused(site, spoil):
    body = spoil(gzip.compress(b'{"records": []}'))
    assert raw(site, body, **{"Content-Encoding": "gzip"}).status_code == 400


def test_a_declared_length_beyond_the_limit_is_refused_unread(site):
    read = []

    def body():
        read.append(1)
        yield b"x"

    answer = raw(site, body(), **{"Content-Length": str(MAX_BYTES + 1)})
    assert answer.status_code == 413
    assert raw(site, b"{}", **{"Content-Length": "-1"}).status_code == 400


def test_a_chunked_body_is_cut_off_at_the_limit(site):
    sent = []

    def body():
        for _ in range(10_000):
            sent.append(1)
            yield b"x" * 4096

    answer = raw(site, body())
    assert answer.status_code == 413


def test_too_many_items_are_refused_so_that_the_box_halves(site):
    assert raw(site, json.dumps({"records": [0] * (MAX_ITEMS + 1)}).encode()).status_code == 413
