"""What is compressed, and what is not because a stranger could read its length."""

from __future__ import annotations

import gzip

import pytest
from starlette.datastructures import Headers

from server.compress import Compress, accepts, harmless
from server.pages.render import CONTENT
from tests.server.build import NOON, zone

OURS = {"Sec-Fetch-Site": "same-origin"}


def encoding(answer):
    return answer.headers.get("content-encoding", "")


@pytest.fixture
def fed(site):
    site.post([zone(1, NOON - 7200)])
    return site


@pytest.mark.parametrize(
    ("header", "packed"),
    [("same-origin", "gzip"), ("none", "gzip"), ("cross-site", ""), ("same-site", ""), ("", "")],
)
def test_a_page_with_a_token_is_compressed_only_where_our_own_page_or_the_person_asked(fed, header, packed):
    answer = fed.client("planner").get("/", headers={"Sec-Fetch-Site": header} if header else {})
    assert encoding(answer) == packed
    # The token it holds is readable either way.
    assert answer.status_code == 200
    assert "csrf" in answer.text


def test_the_language_is_no_secret_and_a_login_is(fed):
    nobody = fed.client()
    assert encoding(nobody.get("/login")) == "gzip"
    # Now the browser has a token for its login.
    assert "parvis_csrf" in nobody.cookies
    assert encoding(nobody.get("/login")) == ""
    assert encoding(nobody.get("/login", headers=OURS)) == "gzip"
    assert harmless(Headers({"cookie": "parvis_lang=fr; other=1"}))
    assert not harmless(Headers({"cookie": "a=b; parvis_session=x"}))


def test_static_files_are_compressed_for_everyone_and_read_the_same(fed):
    client = fed.client("planner")
    for header in ("cross-site", "same-origin"):
        answer = client.get("/static/app.css", headers={"Sec-Fetch-Site": header})
        assert (encoding(answer), answer.headers["vary"]) == ("gzip", "Accept-Encoding")
        assert answer.content == CONTENT["app.css"]
        assert int(answer.headers["content-length"]) < len(CONTENT["app.css"]) / 2
    plain = client.get("/static/app.css", headers={"Accept-Encoding": "br"})
    assert encoding(plain) == ""
    assert plain.content == CONTENT["app.css"]


def test_what_is_small_or_no_text_or_has_a_tag_stays_as_it_is(fed):
    client = fed.client("planner")
    assert encoding(client.get("/healthz", headers=OURS)) == ""
    answer = client.get("/reports/file?of=box-a&period=2026-11&as=xlsx", headers=OURS)
    assert (answer.status_code, encoding(answer)) == (200, "")
    refused = client.get("/api/v1/zones/none/none/none/series", headers=OURS)
    assert (refused.status_code, encoding(refused)) == (404, "")


def test_the_guard_stands_outside_and_every_answer_keeps_its_headers(fed):
    answer = fed.client("planner").get("/", headers=OURS)
    assert encoding(answer) == "gzip"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("value", "yes"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("GZIP", True), ("gzip;q=0", False), ("gzip; q=0.0", False), ("br", False), ("", False)],
)  # fmt: skip
def test_an_encoding_that_is_not_wanted_is_not_sent(value, yes):
    assert accepts(Headers({"accept-encoding": value})) is yes


@pytest.mark.parametrize("parts", [[b"x" * 5000], [b"x" * 3000, b"y" * 3000], [b""], [b"x" * 40_000]])
@pytest.mark.anyio
async def test_every_body_arrives_whole(parts):
    async def app(scope, receive, send):
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % sum(map(len, parts)))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for n, part in enumerate(parts):
            await send({"type": "http.response.body", "body": part, "more_body": n + 1 < len(parts)})

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"accept-encoding", b"gzip")]}
    await Compress(app)(scope, None, send)
    assert [one["type"] for one in sent] == ["http.response.start"] + ["http.response.body"] * len(parts)
    headers = dict(sent[0]["headers"])
    body = b"".join(one["body"] for one in sent[1:])
    assert int(headers[b"content-length"]) == len(body)
    whole = gzip.decompress(body) if b"content-encoding" in headers else body
    assert whole == b"".join(parts)
    assert (b"content-encoding" in headers) == (len(parts) == 1 and len(parts[0]) > 1024)


@pytest.fixture
def anyio_backend():
    return "asyncio"
