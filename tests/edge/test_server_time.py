"""The server's time, read off its answers (R16, R17)."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest

from edge.server_time import hooks


@pytest.mark.parametrize("text", [None, "", "noon", "nan?"])
def test_an_answer_without_a_readable_time_says_nothing(text: str | None) -> None:
    said: list[tuple[float, ...]] = []
    headers = {} if text is None else {"Parvis-Time": text}
    answers = httpx.MockTransport(lambda request: httpx.Response(200, headers=headers))
    with httpx.Client(transport=answers, event_hooks=hooks(lambda *words: said.append(words))) as client:
        assert client.post("http://box/").status_code == 200
    assert said == []


def test_r17_the_time_is_bounded_by_the_request_s_last_byte_and_the_answer_and_other_tracing_goes_on() -> (
    None
):
    """Connecting and sending may take long on a thin line: they are no part of the doubt."""
    said: list[tuple[float, ...]] = []
    events: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        link, _ = listener.accept()
        with link:
            link.recv(65_536)
            link.sendall(b"HTTP/1.1 200 OK\r\nParvis-Time: 1795348800.250\r\nContent-Length: 0\r\n\r\n")

    server = threading.Thread(target=answer)
    server.start()
    clock = iter(range(100))  # asked when the request begins, when its body is sent, when the answer is here
    made = hooks(lambda *words: said.append(words), lambda: float(next(clock)))
    with listener, httpx.Client(event_hooks=made, trust_env=False) as client:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        client.post(url, content=b"x", extensions={"trace": lambda event, info: events.append(event)})
        server.join()
    assert said == [(1795348800.25, 1.0, 2.0)]
    assert "connection.connect_tcp.complete" in events
