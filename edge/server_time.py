"""The server's time, read off its answers: hooks for the uplink's HTTP client.

The answer's `TIME_HEADER` was written after the request was sent and before its answer arrived; those two moments bound it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx

from contract.batch import TIME_HEADER

# Unix seconds that the server said, and the monotonic seconds at which the request was sent and its answer came.
Said = Callable[[float, float, float], None]


def hooks(said: Said, now: Callable[[], float] = time.monotonic) -> dict[str, list[Callable[..., Any]]]:
    """Event hooks (httpx) that pass on what the server says; they raise nothing."""

    def request(outgoing: httpx.Request) -> None:
        sent, traced = [now()], outgoing.extensions.get("trace")

        def trace(event: str, info: Any) -> None:
            if event.endswith("send_request_body.complete"):
                sent[0] = now()  # connecting and sending may take long on a thin line
            if traced is not None:
                traced(event, info)

        outgoing.extensions = {**outgoing.extensions, "trace": trace, "parvis_sent": sent}

    def response(answer: httpx.Response) -> None:
        text, sent = answer.headers.get(TIME_HEADER), answer.request.extensions.get("parvis_sent")
        if text is not None and sent:
            with suppress(ValueError):
                said(float(text), sent[0], now())

    return {"request": [request], "response": [response]}
