"""The uplink against a server that fails in every way we know: nothing closed is lost, each lands once."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from contract.messages import ConfigBody, GridBody
from edge import uplink as uplink_module
from edge.errors import UplinkError
from edge.spool import Spool
from edge.token_file import read_token
from edge.uplink import Uplink
from tests.edge import fault_server as faults
from tests.edge.fault_server import RUN, START, TOKEN, Fault, FaultServer, config, health, line


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as running:
        yield running


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(tmp_path / "spool.db", device="box", run=RUN) as opened:
        yield opened


@pytest.fixture
def uplink(spool: Spool, server: FaultServer) -> Iterator[Uplink]:
    made = Uplink(spool, url=server.url, token=TOKEN, wait=lambda *_: None)
    yield made
    made.close()


def landed_once(server: FaultServer, keys: list[str]) -> None:
    assert sorted(server.landed) == sorted(keys)
    assert server.conflicts == []


def test_delivers_and_forgets(spool: Spool, server: FaultServer, uplink: Uplink) -> None:
    keys = spool.append([line(1), health(2), config()])
    push = uplink.push_once()
    assert (push.outcome, push.accepted, push.rejected) == ("delivered", 3, 0)
    assert uplink.push_once().outcome == "idle"
    landed_once(server, keys)
    assert server.landed[0] == keys[2], "configurations go first"
    assert spool.stats().pending == 0
    assert spool.stats().accepted_total == 3


KEEPS: list[tuple[str, Fault, str]] = [
    ("an empty 500", faults.status(500), "500"),
    ("a page of a login portal", faults.status(200, b"<html>login</html>"), "login page"),
    ("an empty 200", faults.status(200), "no Parvis server"),
    ("an answer of another shape", faults.status(200, b'{"accepted":["a"]}'), "no Parvis server"),
    (
        "an answer with a field too many",
        faults.status(200, b'{"accepted":[],"rejected":[],"x":1}'),
        "no Parvis",
    ),
    (
        "strangers' keys only",
        faults.status(200, b'{"accepted":["box/other/1"],"rejected":[]}'),
        "none of the",
    ),
    ("a redirect", faults.status(307, Location="http://127.0.0.1:9/"), "another address"),
    ("a refused token", faults.status(401), "device rotate"),
    ("a forbidden box", faults.status(403), "revoked"),
    ("a wrong address", faults.status(404), "server.url"),
    ("a full server", faults.status(507), "disk is full"),
    ("a 204 without a word", faults.status(204), "204"),
    ("a connection that breaks", faults.hang_up, "broke"),
    ("an answer cut short", faults.truncated, "broke"),
    ("an acknowledgement lost", faults.ack_lost, "broke"),
    ("an answer of two megabytes", faults.huge, "too long"),
]


@pytest.mark.parametrize(("name", "fault", "reason"), KEEPS, ids=[name for name, _, _ in KEEPS])
def test_keeps_everything_and_says_why(
    spool: Spool, server: FaultServer, uplink: Uplink, name: str, fault: Fault, reason: str
) -> None:
    keys = spool.append([line(number) for number in range(5)])
    server.script.append(fault)
    push = uplink.push_once()
    assert push.outcome == "kept"
    assert push.reason is not None
    assert reason in push.reason
    assert TOKEN not in push.reason
    assert [item.key for item in spool.peek()] == keys
    assert uplink.push_once().accepted == 5
    landed_once(server, keys)
    assert spool.stats().pending == 0


@pytest.mark.parametrize("fault", [faults.silent, faults.trickle_head, faults.trickle_body])
def test_a_slow_server_costs_bounded_time(
    spool: Spool, server: FaultServer, uplink: Uplink, fault: Fault
) -> None:
    keys = spool.append([line(1)])
    server.script.append(fault)
    began = time.monotonic()
    assert uplink.push_once(within_s=0.4).outcome == "kept"
    assert time.monotonic() - began < 2.0, "the trickle goes on for 3 s"
    assert uplink.push_once().accepted == 1
    landed_once(server, keys)


def test_a_server_that_is_away_and_returns(spool: Spool, uplink: Uplink, server: FaultServer) -> None:
    keys = spool.append([line(1), line(2)])
    port = server.server_port
    server.away()
    push = uplink.push_once()
    assert push.outcome == "kept"
    assert push.reason is not None
    assert "cannot be reached" in push.reason
    with FaultServer(port) as back:
        assert uplink.drain(5.0)
        landed_once(back, keys)


def test_retry_after_is_honoured_and_bounded(spool: Spool, server: FaultServer) -> None:
    spool.append([line(1)])
    waits: list[float] = []
    uplink = Uplink(
        spool, url=server.url, token=TOKEN, wait=lambda _, s: waits.append(s), jitter=lambda low, high: high
    )
    for asked in ("7", "99999", "Wed, 21 Oct 2026 07:28:00 GMT", "-5"):
        server.script.append(faults.status(429, Retry_After=asked))
    server.script.extend([faults.status(500)] * 5)
    assert uplink.drain(600.0)
    uplink.close()
    assert waits[:-1] == [9.0, 304.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 60.0]
    assert 0.0 <= waits[-1] <= uplink_module.PACE_S, "delivered: the pace alone"


def test_too_large_batches_are_halved_until_they_fit(
    spool: Spool, server: FaultServer, uplink: Uplink
) -> None:
    keys = spool.append([line(number) for number in range(37)])
    server.script.extend([faults.only_small(5)] * 100)
    assert uplink.drain(10.0)
    landed_once(server, keys)
    assert server.batches[:4] == [37, 18, 9, 4]
    assert spool.stats().dead_letters == 0


def test_a_link_of_a_hundred_bytes_a_second_gets_what_it_can_carry(spool: Spool) -> None:
    keys = spool.append([line(number) for number in range(300)])
    landed: list[str] = []
    tries: list[tuple[int, bool]] = []
    now = [0.0]

    def link(request: httpx.Request) -> httpx.Response:
        took = len(request.content) / 100
        records = json.loads(gzip.decompress(request.content))["records"]
        sent = [f"{item['device']}/{item['run']}/{item['seq']}" for item in records]
        tries.append((len(sent), took < uplink_module.READ_S))
        now[0] += min(took, uplink_module.READ_S)
        if took >= uplink_module.READ_S:
            raise httpx.ReadTimeout("", request=request)
        landed.extend(sent)
        answer = json.dumps({"accepted": sent, "rejected": []}).encode()
        return httpx.Response(200, content=iter([answer]))

    slow = Uplink(
        spool, url="http://127.0.0.1:9", token=TOKEN, transport=httpx.MockTransport(link),
        wait=lambda *_: None, clock=lambda: now[0],
    )  # fmt: skip
    while slow.push_once().outcome != "idle":
        assert len(tries) < 60, tries
    slow.close()
    assert sorted(landed) == sorted(keys)
    assert tries[0][1] is False, "all at once does not go through"
    arrived = [good for _, good in tries[next(k for k, (_, good) in enumerate(tries) if good) :]]
    assert all(arrived), "once it knows the link, it does not try too much again"


def test_after_a_slow_link_batches_grow_again(spool: Spool, server: FaultServer, uplink: Uplink) -> None:
    spool.append([line(number) for number in range(40)])
    uplink._limit = 1
    assert uplink.drain(20)
    assert server.batches == [1, 2, 4, 8, 16, 9]


def grid() -> GridBody:
    return GridBody.model_validate(
        {
            "type": "parvis.grid.v1",
            "camera": "north",
            "start": START,
            "class": "person",
            "cols": 64,
            "rows": 64,
            "observed_s": 3600.0,
            "object_s": [1.5] * 4096,
        }
    )


def test_one_record_that_is_too_large_is_buried_alone(
    spool: Spool, server: FaultServer, uplink: Uplink
) -> None:
    keys = spool.append([line(0), grid(), line(2)])

    def no_grids(handler: faults.Handler, batch: dict[str, object]) -> None:
        if "parvis.grid.v1" in str(batch):
            handler.reply(413, b"")
        else:
            faults.well(handler, batch)

    server.script.extend([no_grids] * 20)
    assert uplink.drain(10.0)
    landed_once(server, [keys[0], keys[2]])
    (dead,) = spool.dead_letters()
    assert dead.key == keys[1]
    assert dead.reason.startswith("too_large")


def test_a_proxy_that_refuses_every_size_empties_no_queue(
    spool: Spool, server: FaultServer, uplink: Uplink
) -> None:
    keys = spool.append([line(number) for number in range(8)])
    server.script.extend([faults.status(413)] * 50)
    for _ in range(5):
        push = uplink.push_once()
        assert push.outcome == "kept"
    assert push.reason is not None
    assert "body limit" in push.reason
    assert [item.key for item in spool.peek()] == keys
    server.script.clear()
    assert uplink.drain(5.0)
    landed_once(server, keys)


def test_a_rejected_record_blocks_nothing(spool: Spool, server: FaultServer, uplink: Uplink) -> None:
    keys = spool.append([line(number) for number in range(5)])
    server.refuse[keys[2]] = "conflict: other content"
    push = uplink.push_once()
    assert (push.outcome, push.accepted, push.rejected) == ("delivered", 4, 1)
    assert [(dead.key, dead.reason) for dead in spool.dead_letters()] == [
        (keys[2], "conflict: other content")
    ]
    landed_once(server, [key for key in keys if key != keys[2]])
    assert uplink.push_once().outcome == "idle"


def test_keys_named_by_nobody_are_sent_again(spool: Spool, server: FaultServer, uplink: Uplink) -> None:
    keys = spool.append([line(1), line(2)])
    server.script.append(faults.status(200, f'{{"accepted":["{keys[1]}"],"rejected":[]}}'.encode()))
    assert uplink.push_once().accepted == 1
    assert [item.key for item in spool.peek()] == [keys[0]]


def test_every_fault_in_a_row_while_records_close(spool: Spool, server: FaultServer) -> None:
    keys: list[str] = []
    script = [fault for _, fault, _ in KEEPS] * 3
    server.script.extend(script)
    stop = threading.Event()
    uplink = Uplink(spool, url=server.url, token=TOKEN, jitter=lambda *_: 0.001)
    thread = threading.Thread(target=uplink.run, args=(stop,), kwargs={"idle_s": 0.002})
    thread.start()
    for number in range(120):
        keys += spool.append([line(number), health(number)])
        time.sleep(0.004)
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()
    assert len(server.script) < len(script)
    assert uplink.drain(10.0)
    uplink.close()
    landed_once(server, keys)
    assert len(keys) == len(set(keys)) == 240


def test_logs_once_per_change_of_state_and_never_the_token(
    spool: Spool, server: FaultServer, uplink: Uplink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    spool.append([line(1)])
    server.script.extend([faults.status(500)] * 6 + [faults.status(401)] * 4)
    assert uplink.drain(60.0)
    ours = [record.getMessage() for record in caplog.records if record.name == "edge.uplink"]
    assert len(ours) == 3
    assert "500" in ours[0]
    assert "rotate" in ours[1]
    assert ours[2] == "records arrive at the server"
    assert TOKEN not in caplog.text


def test_a_fault_of_our_own_does_not_end_the_thread() -> None:
    calls = itertools.count()
    stop = threading.Event()

    class Broken:
        def peek(self, limit: int = 1, max_bytes: int = 1) -> list[object]:
            if next(calls) == 3:
                stop.set()
            raise KeyError("a bug")

    uplink = Uplink(Broken(), url="http://127.0.0.1:9", token=TOKEN, wait=lambda *_: None)  # type: ignore[arg-type]
    uplink.run(stop)
    uplink.close()
    assert next(calls) == 4


def test_a_certificate_nobody_vouches_for_is_named(spool: Spool) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    keys = spool.append([line(1)])
    uplink = Uplink(spool, url="https://example.org", token=TOKEN, transport=httpx.MockTransport(refuse))
    push = uplink.push_once()
    uplink.close()
    assert push.reason is not None
    assert "certificate" in push.reason
    assert [item.key for item in spool.peek()] == keys


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://example.org", "https://", "https://me:pw@example.org", "https://a/?b=c"]
)
def test_addresses_that_cannot_work_are_refused(spool: Spool, url: str) -> None:
    with pytest.raises(UplinkError, match=r"server\.url must be like") as caught:
        Uplink(spool, url=url, token=TOKEN)
    assert "pw" not in str(caught.value)


def test_plain_http_is_warned_of_once(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    Uplink(spool, url="http://127.0.0.1:1", token=TOKEN).close()
    assert caplog.text == ""
    Uplink(spool, url="http://counts.example.org", token=TOKEN).close()
    assert caplog.text.count("plain http") == 1


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "é"])
def test_tokens_that_cannot_be_sent_are_refused(spool: Spool, token: str) -> None:
    with pytest.raises(UplinkError, match="token"):
        Uplink(spool, url="https://example.org", token=token)


def test_the_token_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "token"
    with pytest.raises(UplinkError, match="cannot be read"):
        read_token(path)
    path.write_text(" \n")
    with pytest.raises(UplinkError, match="empty"):
        read_token(path)
    path.write_text(f"{TOKEN}\n")
    for private in (0o600, 0o640):
        path.chmod(private)
        assert read_token(path) == TOKEN
    assert caplog.text == ""
    path.chmod(0o644)
    assert read_token(path) == TOKEN
    assert "chmod 600" in caplog.text


def test_config_body_is_first_in_the_line(spool: Spool) -> None:
    spool.append([line(number) for number in range(3)])
    (key,) = spool.append([config()])
    assert isinstance(config(), ConfigBody)
    assert spool.peek(limit=2)[0].key == key
