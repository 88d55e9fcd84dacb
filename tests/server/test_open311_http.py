"""The guarded client: where it never goes, and how exactly it says what became of a request."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import pytest

from server.open311_http import READ_MOST, GuardedHttp, NotSent, Uncertain, check_url, is_public
from tests.server.open311_stub import Town, serving

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "fe80::1",
    "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:c0a8:101::", "2001:0:7f00:1::",
    "168.63.129.16", "::ffff:168.63.129.16", "192.88.99.1", "64:ff9b:1::1", "fec0::1", "not-an-address", "",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
BAD_URLS = [
    "ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "http://a.example/", "https://", "https:///x",
    "https://user@a.example/", "https://user:secret@a.example/", "https://a.example/#x", "https://a.example/ x",
    "https://a.example/\r\nX: y", "https://a.example/é", "//a.example", "a.example", "", "https://a.example:99999/",
    "https://a.example/" + "x" * 3000, "javascript:alert(1)",
]  # fmt: skip
# Ways to write this machine that a resolver understands; what it makes of them is checked, not their look.
SPELLINGS = [
    "localhost",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.1",
    "0",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "localhost.",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_of_the_public_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet(address):
    assert is_public(address)


@pytest.mark.parametrize("url", BAD_URLS)
def test_addresses_that_are_not_asked(url):
    with pytest.raises(ValueError):
        check_url(url)


@pytest.fixture
def forbidden(monkeypatch):
    """Any connection at all is a failure."""

    def connect(address, *args, **kwargs):
        raise AssertionError(f"connected to {address}")

    monkeypatch.setattr(socket, "create_connection", connect)


@pytest.mark.parametrize("address", [a for a in PRIVATE if a not in {"", "not-an-address"}])
def test_a_name_that_means_a_private_address_is_not_connected_to(forbidden, address):
    http = GuardedHttp(resolve=lambda host, port: [address])
    with pytest.raises(NotSent) as caught:
        http("GET", "https://town.example/open311", {})
    assert caught.value.problem == "forbidden"


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "fd00:ec2::254",
        "100.100.100.200",
        "fe80::1",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_what_nobody_may_allow_is_not_connected_to_though_the_host_was_allowed(forbidden, address):
    http = GuardedHttp(resolve=lambda host, port: [address])
    with pytest.raises(NotSent) as caught:
        http("GET", "http://town.example/open311", {}, private=True)
    assert caught.value.problem == "forbidden"


def test_one_private_address_among_public_ones_is_enough_to_refuse(forbidden):
    http = GuardedHttp(resolve=lambda host, port: ["1.1.1.1", "10.0.0.1"])
    with pytest.raises(NotSent):
        http("GET", "https://town.example/", {})


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_this_machine_is_connected_to(forbidden, host):
    with pytest.raises(NotSent) as caught:
        GuardedHttp()("GET", f"https://{host}/", {})
    assert caught.value.problem in {"forbidden", "unknown_host"}


def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to(monkeypatch):
    """Rebinding: the second answer of the resolver would be this machine."""
    answers, connected = iter([["1.1.1.1"], ["127.0.0.1"]]), []

    def connect(address, *args, **kwargs):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(NotSent) as caught:
        GuardedHttp(resolve=lambda host, port: next(answers))("GET", "https://town.example/", {})
    assert caught.value.problem == "unreachable"
    assert connected == [("1.1.1.1", 443)]


def test_a_redirect_is_an_answer_and_not_followed():
    town = Town()
    town.faults = ["get_redirect"]
    with serving(town) as url:
        answer = GuardedHttp()("GET", f"{url}/services.json", {}, private=True)
    assert answer.status == 302
    assert len(town.log) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(Town()) as url:
        assert GuardedHttp()("GET", f"{url}/services.json", {}, private=True).status == 200


@contextmanager
def talking(*said: bytes):
    """A server that says these bytes, one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                try:
                    for part in said:
                        connection.sendall(part)
                except OSError:
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join(5)


@pytest.mark.parametrize(
    "said",
    [
        (b"",),
        (b"HTTP/1.1 200 OK\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[]",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n[]",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",),
        (b"SSH-2.0-OpenSSH_9.6\r\n",),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * (READ_MOST + 70_000)),
    ],
    ids=[
        "nothing",
        "half a head",
        "too short",
        "no length",
        "a length of 5000 digits",
        "half a chunk",
        "no http",
        "too many headers",
        "too long",
    ],
)
def test_an_answer_that_is_not_whole_leaves_it_uncertain(said):
    with talking(*said) as url, pytest.raises(Uncertain):
        GuardedHttp()("POST", url, {}, b"a=b", private=True)


@pytest.mark.parametrize("length", [b"2", b"002"])
def test_a_length_that_fits_is_a_whole_answer(length):
    with talking(b"HTTP/1.1 200 OK\r\nContent-Length: " + length + b"\r\n\r\n[]") as url:
        assert GuardedHttp()("GET", url, {}, private=True).body == b"[]"


@pytest.mark.parametrize("fault", ["slow", "drip"])
def test_a_slow_answer_is_cut_off_by_one_clock(fault):
    town = Town()
    town.faults = [fault]
    with serving(town) as url, pytest.raises(Uncertain):
        GuardedHttp(timeout_s=0.4)("POST", f"{url}/requests.json", {}, b"", private=True)


def test_nobody_listening_is_surely_not_sent():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotSent):
        GuardedHttp()("POST", f"http://127.0.0.1:{port}/", {}, b"a=b", private=True)


def test_a_server_without_a_right_certificate_gets_nothing():
    with serving(Town()) as url, pytest.raises(NotSent):
        GuardedHttp(timeout_s=2)("POST", url.replace("http:", "https:"), {}, b"a=b", private=True)
