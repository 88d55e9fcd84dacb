"""Forms are read within bounds, and what is no form is refused."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import Request

from server.api.body import Refused
from server.api.forms import MOST_TEXT, Form, read_form

CALM = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

BOUNDARY = "----x7"


def send(body: bytes, kind: str = f"multipart/form-data; boundary={BOUNDARY}", most: int = 0) -> Form:
    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return anyio.run(read_form, Request(scope, receive), most)


def part(head: str, body: bytes) -> bytes:
    return f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + body + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def test_fields_and_files_are_told_apart():
    body = part('name="csrf"', b"abc") + part(
        'name="plan"; filename="a.png"\r\nContent-Type: image/png', b"\r\n--\0"
    )
    form = send(body + END)
    assert (form.fields, form.files) == ({"csrf": "abc"}, {"plan": b"\r\n--\0"})
    assert (form.text("csrf"), form.text("none")) == ("abc", "")


def test_a_plain_form_is_read_too():
    form = send(b"a=1&b=&a=%C3%A9+x", "application/x-www-form-urlencoded; charset=utf-8")
    assert form.fields == {"a": "é x", "b": ""}


@CALM
@given(st.binary(max_size=300))
def test_any_file_comes_back_as_it_was(content):
    assert send(part('name="f"; filename="x"', content) + END, most=1000).files == {"f": content}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b"", "multipart/form-data", 400),
        (b"", f"multipart/form-data; boundary={BOUNDARY}", 400),
        (part('name="a"', b"1"), f"multipart/form-data; boundary={BOUNDARY}", 400),
        (part("nameless", b"1") + END, f"multipart/form-data; boundary={BOUNDARY}", 400),
        (b"&".join(b"a=1" for _ in range(2001)), "application/x-www-form-urlencoded", 400),
        (bytes(MOST_TEXT + 1), f"multipart/form-data; boundary={BOUNDARY}", 413),
    ],
)
def test_what_is_no_form_is_refused(body, kind, status):
    with pytest.raises(Refused) as caught:
        send(body, kind)
    assert caught.value.status == status


@CALM
@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_damage_is_refused_or_harmless(junk, at):
    whole = part('name="csrf"', b"abc") + part('name="f"; filename="x"', b"data") + END
    try:
        form = send(whole[:at] + junk + whole[at + len(junk) :])
    except Refused:
        return
    assert set(form.fields) | set(form.files)
