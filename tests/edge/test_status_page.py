"""The box's own page from outside: what it answers, and that no client can hurt it."""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from edge import status_page
from edge.status_page import Page, StatusPage, ask, is_local, known_host, open_page

WORDS = Page(200, "text/plain; charset=utf-8", "well\n")


def answer(path: str, accept: str) -> Page | None:
    if path == "/fault":
        raise ValueError("a fault put in by a test")
    if path == "/healthz":
        return Page(503, "application/json", "{}") if "json" in accept else WORDS
    return None


@pytest.fixture
def page() -> Iterator[StatusPage]:
    opened = StatusPage("127.0.0.1", 0, answer)
    yield opened
    opened.close()


def exchange(page: StatusPage, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", page.port), timeout=20) as link:
        link.sendall(sent)
        got = b""
        while part := link.recv(65536):
            got += part
    return got


def get(page: StatusPage, path: str, host: str = "localhost", method: str = "GET") -> tuple[int, bytes]:
    said = exchange(page, f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    head, _, body = said.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def test_it_answers_what_it_is_handed(page: StatusPage) -> None:
    assert get(page, "/healthz") == (200, b"well\n")
    assert get(page, "/healthz", method="HEAD") == (200, b"")
    assert ask("127.0.0.1", page.port, "/healthz") == (503, "{}")
    assert get(page, "/other") == (404, b"Not Found\n")


def test_headers_forbid_storing_sniffing_and_embedding(page: StatusPage) -> None:
    head = exchange(page, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").partition(b"\r\n\r\n")[0]
    for line in (
        b"Cache-Control: no-store",
        b"X-Content-Type-Options: nosniff",
        b"Cross-Origin-Resource-Policy: same-origin",
        b"Server: parvis",
    ):
        assert line in head
    assert b"Python" not in head
    assert b"Access-Control" not in head


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused(page: StatusPage, method: str) -> None:
    assert get(page, "/healthz", method=method) == (405, b"Method Not Allowed\n")


@pytest.mark.parametrize(
    "target",
    [
        "/../etc/passwd",
        "/healthz/",
        "/healthz?x=1",
        "http://evil/healthz",
        "/%68ealthz",
        "*",
        "/metrics\0",
    ],
)
def test_no_other_path_exists(page: StatusPage, target: str) -> None:
    assert get(page, target)[0] in {400, 404}


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("localhost:9109", True),
        ("127.0.0.1", True),
        ("[::1]:9109", True),
        ("192.168.1.7:9109", True),
        (socket.gethostname(), True),
        ("evil.example", False),
        ("evil.example:9109", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_a_name_that_a_stranger_chose_is_refused(page: StatusPage, host: str, taken: bool) -> None:
    assert get(page, "/healthz", host)[0] == (200 if taken else 421)


def test_two_host_headers_are_refused_and_none_is_no_browser(page: StatusPage) -> None:
    assert not known_host(["localhost", "evil.example"], "127.0.0.1")
    assert b" 200 " in exchange(page, b"GET /healthz HTTP/1.0\r\n\r\n")
    assert known_host(["box.town.example:9109"], "box.town.example")


def test_nothing_of_a_request_comes_back_or_is_logged(
    page: StatusPage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "<script>Hunter2-9c41</script>"
    for sent in (
        f"GET /{canary} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"{canary} / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        f"GET /healthz HTTP/1.1\r\nHost: {canary}\r\n\r\n",
        f"GET /healthz HTTP/{canary}\r\n\r\n",
        f"{canary}\r\n\r\n",
    ):
        assert b"Hunter2" not in exchange(page, sent.encode())
    assert "Hunter2" not in caplog.text


def test_a_fault_of_the_answer_is_a_500_and_the_next_is_answered(
    page: StatusPage, caplog: pytest.LogCaptureFixture
) -> None:
    assert get(page, "/fault") == (500, b"Internal Server Error\n")
    assert "could not be made" in caplog.text
    assert get(page, "/healthz")[0] == 200


def test_a_head_without_end_is_cut_off(page: StatusPage) -> None:
    with pytest.raises((ConnectionError, AssertionError, http.client.BadStatusLine, IndexError)):
        get(page, "/" + "a" * 100_000)
    assert get(page, "/healthz")[0] == 200


def test_slow_clients_neither_last_nor_lock_out_others(
    page: StatusPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_page, "EXCHANGE_S", 1.0)
    slow = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(status_page.MOST_AT_ONCE)]
    for link in slow:
        link.sendall(b"GET /hea")
    for _ in range(8):  # a byte now and then keeps no place
        time.sleep(0.2)
        for link in slow:
            try:
                link.sendall(b"l")
            except OSError:
                continue
    deadline = time.monotonic() + 30
    while True:
        try:
            assert get(page, "/healthz")[0] == 200
            break
        except (OSError, IndexError):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for link in slow:
        link.close()


def test_too_many_at_once_are_sent_away_and_no_thread_stays(page: StatusPage) -> None:
    before = threading.active_count()
    links = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(60)]
    time.sleep(0.5)
    assert threading.active_count() <= before + status_page.MOST_AT_ONCE
    for link in links:
        link.close()
    deadline = time.monotonic() + 30
    while threading.active_count() > before:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_port_that_is_taken_is_a_warning(page: StatusPage, caplog: pytest.LogCaptureFixture) -> None:
    assert open_page("127.0.0.1", page.port, answer) is None
    assert "counting goes on" in caplog.text
    assert open_page("127.0.0.1", 0, answer) is None
    assert open_page("127.0.0.1", None, answer) is None


def test_a_public_host_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    opened = open_page("0.0.0.0", port, answer)
    assert opened is not None
    opened.close()
    assert "whoever can reach it" in caplog.text
    assert [is_local(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1", "box")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_asking_nobody_is_an_error_that_says_so(page: StatusPage) -> None:
    port = page.port
    page.close()
    with pytest.raises(OSError):
        ask("127.0.0.1", port, "/healthz")
