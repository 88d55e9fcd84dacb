"""Nothing that somebody types as a target reaches what it must not (R33)."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl

import pytest

from server import pinned
from server.pinned import Pusher, PushError
from server.targets import TargetError, check_url, is_allowed
from tests.server.receivers import Receiver, answering
from tests.server.smtp_faults import certificate, server_context

PUBLIC = "93.184.216.34"
# Reading the system's authorities takes longer than any conversation here.
AUTHORITIES = ssl.create_default_context()
BODY = b'{"a":1}'

# What stands for this machine in forms that some resolver or library reads.
FORMS = [
    "127.0.0.1", "127.1", "127.0.1", "127.000.000.001", "0127.0.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f.1",
    "0x7f000001", "2130706433", "017700000001", "0", "0.0.0.0", "127.0.0.1.", "127.255.255.254",
    "\u2460\u2461\u2466.0.0.1", "\uff11\uff12\uff17.\uff10.\uff10.\uff11", "127\u30020\u30020\u30021",
    "127.0.0.1%2e", "127.0.0.1%00.example.org", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::1]",
    "[2001:0:7f00:1::1]", "[fe80::1]", "[fe80::1%25eth0]", "[::1%25lo]", "[fc00::1]", "[fd00:ec2::254]",
    "[ff02::1]", "[2001:db8::1]", "[100::1]", "[3fff::1]", "[::ffff:0:127.0.0.1]", "10.0.0.1", "100.64.0.1",
    "100.100.100.200", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192",
    "192.168.1.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16", "0xa9.0xfe.0xa9.0xfe", "2852039166",
    "0251.0376.0251.0376", "::1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "127.0.0.0x1", "localhost",
    "localhost.", "LOCALHOST", "\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54", "a.localhost",
    "printer.local", "intranet", "db.internal", "router.lan", "nas.home", "user@127.0.0.1",
    "user:pass@example.org", "example.org@127.0.0.1", "example.org\\@127.0.0.1", "example.org#@127.0.0.1",
    "example.org\uff20127.0.0.1", "-example.org", "ex_ample..org", "xn--a",
]  # fmt: skip
# Names in good form that resolve to what they must not, some beside an address that is allowed.
RESOLVED = [
    ["127.0.0.1"], ["127.8.8.8"], ["::1"], ["::ffff:127.0.0.1"], ["::ffff:10.0.0.1"], ["10.1.2.3"], ["172.20.0.1"],
    ["192.168.0.1"], ["169.254.169.254"], ["fd00:ec2::254"], ["fe80::1"], ["fe80::1%eth0"], ["fc00::1"], ["0.0.0.0"],
    ["::"], ["100.64.1.1"], ["100.100.100.200"], ["224.0.0.251"], ["ff02::fb"], ["64:ff9b::a9fe:a9fe"],
    ["2002:a9fe:a9fe::1"], ["2001:0:4136:e378:8000:63bf:3fff:fdd2"], ["192.0.0.192"], ["255.255.255.255"],
    ["168.63.129.16"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, "2606:2800:220:1::1", "::1"], [],
    ["not an address"],
]  # fmt: skip


class Spied:
    """The socket module as `server.pinned` sees it: every connection that is tried is written down."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        spy = self

        class Socket(socket.socket):
            def connect(self, address):
                spy.tried.append(address[0])
                if not ipaddress.ip_address(address[0]).is_loopback:
                    raise ConnectionRefusedError(111, "nobody there")
                super().connect(address)

        self.socket = Socket

    def __getattr__(self, name: str):
        return getattr(socket, name)


@pytest.fixture
def spy(monkeypatch):
    found = Spied()
    monkeypatch.setattr(pinned, "socket", found)
    return found


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.stop()


def push(url: str, resolver=lambda host, port: [PUBLIC], *, internal: bool = False, **options) -> int:
    pusher = Pusher(resolver, options.pop("context", None) or AUTHORITIES, **options)
    return pusher.post(check_url(url, internal=internal), {"X-A": "b"}, BODY, internal=internal).status


def test_the_corpus_is_as_large_as_the_requirement():
    assert len(FORMS) + len(RESOLVED) >= 60


def test_no_form_of_a_forbidden_address_is_connected_to(receiver, spy):
    asked = []

    def system(host, port):
        asked.append(host)
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

    for form in FORMS:
        for scheme in ("https", "http"):
            with pytest.raises((TargetError, PushError)):
                push(f"{scheme}://{form}:{receiver.port}/x", system)
            with pytest.raises((TargetError, PushError)):
                push(f"{scheme}://{form}/x", system)
    assert (receiver.connections, spy.tried) == (0, [])
    assert asked == [], "what is refused is not even looked up"


@pytest.mark.parametrize("answers", RESOLVED, ids=lambda a: ",".join(a) or "none")
def test_no_name_leads_to_a_forbidden_address(receiver, spy, answers):
    with pytest.raises(PushError) as caught:
        push(f"https://hook.example.org:{receiver.port}/x", lambda host, port: answers)
    assert caught.value.problem in {"refused_target", "resolve"}
    assert (receiver.connections, spy.tried) == (0, [])


def test_a_name_that_changes_its_mind_is_asked_once_and_its_first_answer_is_what_is_connected_to(
    receiver, spy
):
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    with pytest.raises(PushError) as caught:
        push(f"https://hook.example.org:{receiver.port}/x", lambda host, port: answers.pop(0))
    assert caught.value.problem == "unreachable"
    assert (len(answers), spy.tried, receiver.connections) == (2, [PUBLIC], 0)


def test_a_connection_that_ends_elsewhere_is_given_up(receiver, monkeypatch):
    """A transparent proxy, or a socket that another process re-pointed: who was reached is asked."""

    class Elsewhere(socket.socket):
        def getpeername(self):
            return ("127.0.0.9", receiver.port)

    fake = Spied()
    fake.socket = Elsewhere
    monkeypatch.setattr(pinned, "socket", fake)
    with pytest.raises(PushError) as caught:
        push(f"http://127.0.0.1:{receiver.port}/x", internal=True)
    assert caught.value.problem == "refused_target"
    assert receiver.got == []


def test_a_machine_without_ipv6_says_unreachable_and_tries_the_other_address(receiver, spy):
    real = spy.socket

    def made(family, kind):
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, kind)

    spy.socket = made
    asked = f"http://crews.mairie.local:{receiver.port}/in"
    assert push(asked, lambda host, port: ["fd00::1", "127.0.0.1"], internal=True) == 204
    with pytest.raises(PushError) as error:
        push(asked, lambda host, port: ["fd00::1"], internal=True)
    assert error.value.problem == "unreachable"


def test_a_redirect_is_an_answer_and_not_a_place_to_go(receiver, spy):
    other = Receiver()
    try:
        for status in (301, 302, 303, 307, 308):
            where = (
                "http://169.254.169.254/latest/meta-data/"
                if status == 302
                else f"http://127.0.0.1:{other.port}/"
            )
            receiver.answers = [answering(status, f"Location: {where}")]
            assert push(f"http://127.0.0.1:{receiver.port}/x", internal=True) == status
        assert (other.connections, set(spy.tried)) == (0, {"127.0.0.1"})
    finally:
        other.stop()


def test_no_proxy_of_the_environment_is_used(receiver, spy, monkeypatch):
    proxy = Receiver()
    try:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert push(f"http://127.0.0.1:{receiver.port}/x", internal=True) == 204
        assert (proxy.connections, receiver.connections) == (0, 1)
    finally:
        proxy.stop()


def test_an_allowed_internal_host_is_reached_under_its_name(receiver):
    asked = f"http://crews.mairie.local:{receiver.port}/in?a=%20b"
    assert push(asked, lambda host, port: ["127.0.0.1"], internal=True) == 204
    [got] = receiver.got
    assert got.head == "POST /in?a=%20b HTTP/1.1"
    assert got.headers["host"] == f"crews.mairie.local:{receiver.port}"
    assert (got.headers["x-a"], got.body) == ("b", BODY)


def test_plain_http_never_leaves_the_own_network(spy):
    for internal in (True, False):
        with pytest.raises((TargetError, PushError)):
            push("http://hook.example.org/x", internal=internal)
    assert spy.tried == []


@pytest.mark.parametrize(
    "never", ["169.254.169.254", "fe80::1", "fd00:ec2::254", "100.100.100.200", "0.0.0.0"]
)
def test_what_is_internal_may_still_not_be_a_cloud_s_credentials(spy, never):
    with pytest.raises(PushError):
        push("https://crews.mairie.local/x", lambda host, port: [never], internal=True)
    assert spy.tried == []


@pytest.mark.parametrize("text", ["8.8.8.8", PUBLIC, "2606:2800:220:1::1", "2a00:1450:4007::1"])
def test_ordinary_addresses_are_allowed(text):
    assert is_allowed(ipaddress.ip_address(text), internal=False)


def test_names_beyond_ascii_are_sent_as_idna():
    target = check_url("https://MÜNCHEN.example.org:8443/é".replace("/é", "/%C3%A9"), internal=False)
    assert (target.host, target.authority) == (
        "xn--mnchen-3ya.example.org",
        "xn--mnchen-3ya.example.org:8443",
    )


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/",
     "https:///x", "https://example.org:0/", "https://example.org:99999/", "https://example.org:x/",
     "https://exa mple.org/", "https://example.org/\r\nX: y", "https://example.org/é", "https://example.org/#a",
     "https://[::1", "https://" + "a" * 64 + ".org/", "https://" + "a." * 300 + "org/", "unix:/run/x", "https://%31%32%37.1/"],
)  # fmt: skip
def test_what_is_no_good_url_is_refused(url):
    with pytest.raises(TargetError):
        check_url(url, internal=False)


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    made = certificate(tmp_path_factory.mktemp("tls"))
    if made is None:
        pytest.skip("the openssl command is needed: apt-get install openssl")
    return made


def test_https_checks_the_name_that_it_asks_for_and_connects_to_the_checked_address(tls):
    receiver = Receiver(server_context(*tls))
    trusting = ssl.create_default_context(cafile=tls[0])
    try:
        here = lambda host, port: ["127.0.0.1"]  # noqa: E731
        assert push(f"https://localhost:{receiver.port}/x", here, internal=True, context=trusting) == 204
        assert (receiver.got[0].sni, receiver.got[0].body) == ("localhost", BODY)
        for url, context in (("https://other.mairie.local", trusting), ("https://localhost", None)):
            with pytest.raises(PushError) as caught:
                push(f"{url}:{receiver.port}/x", here, internal=True, context=context)
            assert caught.value.problem == "tls"
        assert len(receiver.got) == 1, "nothing is said to whom cannot be trusted"
    finally:
        receiver.stop()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(b"", "protocol"), (b"220 ftp here\r\n", "protocol"), (b"HTTP/1.1 200 OK\r\n", "protocol"),
     (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 40_000, "protocol"),
     (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, "protocol")],
)  # fmt: skip
def test_an_answer_that_is_none_is_told_and_bounded(receiver, answer, problem):
    receiver.usual = answer
    with pytest.raises(PushError) as caught:
        push(f"http://127.0.0.1:{receiver.port}/x", internal=True)
    assert caught.value.problem == problem


def test_a_target_that_talks_for_ever_is_left(receiver):
    receiver.drip = True
    with pytest.raises(PushError) as caught:
        push(f"http://127.0.0.1:{receiver.port}/x", internal=True, total_s=0.4)
    assert caught.value.problem == "timeout"


def test_a_wish_to_be_left_alone_is_heard(receiver):
    receiver.answers = [answering(429, "Retry-After: 120"), answering(503, "Retry-After: Wed, 21 Oct 2026")]
    target = check_url(f"http://127.0.0.1:{receiver.port}/", internal=True)
    found = [Pusher(context=AUTHORITIES).post(target, {}, b"", internal=True).retry_after_s for _ in range(2)]
    assert found == [120, 0]
