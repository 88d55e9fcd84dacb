"""The way from the spool to the server: one batch, one answer, three outcomes (accept, reject, keep).

Rules:
1. Only a 200 whose body is an `Answer` settles anything, and only for keys that were in this batch. Every
   other answer, and none at all, keeps everything.
2. Nothing from outside is unbounded: connecting, reading, the whole exchange, the answer's size, the wait it asks.
3. The token and the bodies are never logged; what the server says is never repeated in a log line.
4. One log line per change of state, not per try.
5. A link so slow that a batch does not arrive in time gets smaller ones, down to a record; larger again while they are quick.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import httpx

from contract.batch import MAX_BYTES, MAX_ITEMS, RECORDS_PATH, Answer, Rejected, pack
from edge.errors import EdgeError, UplinkError

_LOG = logging.getLogger(__name__)

CONNECT_S, READ_S = 5.0, 15.0
QUICK_S: Final = READ_S / 3  # a batch of twice the records will arrive in time too
TOTAL_S: Final = 30.0  # a server that trickles a byte now and then never trips the read timeout
MAX_ANSWER_BYTES: Final = 1024 * 1024
BACKOFF_S, MAX_RETRY_AFTER_S, PACE_S = (1.0, 60.0), 300.0, 0.5  # the last: from one batch to the next
# The server promises to take 256 KiB. When even one record below this size is "too large", a proxy is set
# wrongly, and burying the whole queue record by record would be losing it.
TOO_LARGE_FROM_BYTES: Final = 4096

_REASONS: Final = {
    401: "the server refused this box's token: make a new one with `parvis server admin device rotate` and write"
    " it to the file that server.token_file names",
    403: "the server does not let this box send: its device may be revoked, or named otherwise",
    404: f"the server has no {RECORDS_PATH}: check server.url",
    413: "the server, or a proxy before it, calls even one small record too large: raise the proxy's body limit",
    429: "the server asks this box to slow down",
    503: "the server is busy or being maintained",
    507: "the server's disk is full",
}


class _Item(Protocol):
    @property
    def key(self) -> str: ...
    @property
    def payload(self) -> str: ...


class Queue(Protocol):
    """What the uplink drains; both may raise an `EdgeError`."""

    def peek(self, limit: int = ..., max_bytes: int = ...) -> Sequence[_Item]:
        """The next batch, its JSON within ``max_bytes`` unless one item alone is larger."""

    def settle(self, accepted: Collection[str], rejected: Mapping[str, str]) -> None:
        """Forget the accepted, bury the rejected (key to reason), keep the rest."""


@dataclass(frozen=True, slots=True)
class Push:
    """How one push ended; ``retry_after_s`` is the wait that the server asked for, seconds."""

    outcome: Literal["idle", "delivered", "kept"]
    accepted: int = 0
    rejected: int = 0
    reason: str | None = None
    retry_after_s: float | None = None


class _Kept(Exception):  # noqa: N818 - an outcome, not an error
    """The batch stays in the queue; the message says why, ``slow`` that a smaller one may arrive."""

    def __init__(self, reason: str, retry_after_s: float | None = None, *, slow: bool = False) -> None:
        self.push = Push("kept", reason=reason, retry_after_s=retry_after_s)
        self.slow = slow


class Uplink:
    """Sends what a queue holds to one server. One thread at a time.

    ``url`` is ``https://host[:port][/prefix]``; plain http is allowed, but warned of unless it is loopback.
    ``wait`` waits for an event at most so many seconds, ``clock`` is monotonic; tests replace them. ``hooks``: httpx's.

    Raises:
        UplinkError: when the URL or the token cannot be used at all.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        url: str,
        token: str,
        transport: httpx.BaseTransport | None = None,
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
        jitter: Callable[[float, float], float] = random.uniform,
        clock: Callable[[], float] = time.monotonic,
        hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
    ) -> None:
        self._url, local = _checked(url)
        if not (token and token.isascii() and token.isprintable()) or " " in token:
            raise UplinkError("the token must be one word of ASCII letters; fetch it again from the server")
        self._queue, self._wait, self._jitter, self._clock = queue, wait, jitter, clock
        self._limit, self._failures = MAX_ITEMS, 0
        self._state: str | None = ""  # the reason last logged; None while delivering
        self._socket: socket.socket | None = None
        # A proxy set in the environment is a town's way out, but never the way to this machine itself.
        self._client = httpx.Client(
            transport=transport,
            event_hooks=hooks,
            trust_env=not local,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Content-Encoding": "gzip",
                "Accept-Encoding": "identity",  # an answer that inflates could be any size
            },
        )

    def push_once(self, *, within_s: float = TOTAL_S) -> Push:
        """Send one batch and settle what the answer names. Never raises for what server, network or disk do."""
        deadline = self._clock() + min(within_s, TOTAL_S)
        items: Sequence[_Item] = ()
        try:
            while True:
                items = self._queue.peek(self._limit, MAX_BYTES)
                if not items:
                    return Push("idle")
                began = self._clock()
                answer = self._post(items, deadline)
                if answer is None and len(items) > 1:
                    self._limit = len(items) // 2
                    continue
                push = self._settle(items, answer or _too_large(items[0]))
                if self._clock() - began < QUICK_S:
                    self._limit = min(MAX_ITEMS, self._limit * 2)
                return push
        except _Kept as exc:
            if exc.slow:
                self._limit = max(1, len(items) // 2)
            return exc.push
        except EdgeError as exc:
            return Push("kept", reason=str(exc))

    def run(self, stop: threading.Event, *, idle_s: float = 2.0) -> None:
        """Push until ``stop`` is set: each `PACE_S` while batches are delivered, each ``idle_s`` when there are none."""
        while not stop.is_set():
            push, delay_s = self._step(TOTAL_S)
            self._wait(stop, idle_s if push.outcome == "idle" else delay_s)

    def drain(self, deadline_s: float) -> bool:
        """Push until the queue is empty (True) or ``deadline_s`` seconds are over (False)."""
        never, end = threading.Event(), self._clock() + deadline_s
        while (left := end - self._clock()) > 0:
            push, delay_s = self._step(left)
            if push.outcome == "idle":
                return True
            self._wait(never, min(delay_s, max(0.0, end - self._clock())))
        return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        if self._socket is not None:
            self._socket.close()

    def _settle(self, items: Sequence[_Item], answer: Answer) -> Push:
        sent = {item.key for item in items}
        rejected = {item.key: item.reason for item in answer.rejected if item.key in sent}
        # A key in both lists is buried: that keeps its payload, and blocks nothing.
        accepted = sent.intersection(answer.accepted) - rejected.keys()
        if not accepted and not rejected:
            raise _Kept("the server answers but names none of the records sent: is it of another version?")
        self._queue.settle(accepted, rejected)
        return Push("delivered", len(accepted), len(rejected))

    def _post(self, items: Sequence[_Item], deadline: float) -> Answer | None:
        """Exchange one batch; None when it is too large (413). Raises `_Kept` for all else but an `Answer`."""
        body = pack(item.payload for item in items)
        left = max(0.1, deadline - self._clock())
        timeout = httpx.Timeout(min(READ_S, left), connect=min(CONNECT_S, left))
        cut = threading.Timer(left, self._cut)
        cut.daemon, hook = True, {"trace": self._trace}
        cut.start()
        try:
            with self._client.stream(
                "POST", self._url, content=body, timeout=timeout, extensions=hook
            ) as reply:
                if reply.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
                    return None
                if reply.status_code != httpx.codes.OK:
                    raise _refusal(reply)
                raw = b""
                for chunk in reply.iter_raw():
                    raw += chunk
                    late = self._clock() > deadline
                    if len(raw) > MAX_ANSWER_BYTES or late:
                        raise _Kept("the server's answer is too long or too slow", slow=late)
        except httpx.HTTPError as exc:
            # Written is what the kernel has buffered: a body that is still on its way shows as an answer that is late.
            late = isinstance(exc, httpx.ReadTimeout | httpx.WriteTimeout) or self._clock() >= deadline
            raise _Kept(_fault(exc), slow=late) from exc
        finally:
            cut.cancel()
        try:
            return Answer.model_validate_json(raw)
        except ValueError as exc:
            raise _Kept("what answers at server.url is no Parvis server: a login page or a proxy?") from exc

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember a duplicate of the connection's descriptor: shutting it down ends any read, TLS or not."""
        if event == "connection.connect_tcp.complete":
            if self._socket is not None:
                self._socket.close()
            sock = info["return_value"].get_extra_info("socket")
            self._socket = socket.socket(fileno=os.dup(sock.fileno()))

    def _cut(self) -> None:
        with suppress(OSError, AttributeError):
            self._socket.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]

    def _step(self, within_s: float) -> tuple[Push, float]:
        """One push and the seconds to wait then, part of them random: boxes must not come back together."""
        try:
            push = self.push_once(within_s=within_s)
        except Exception as exc:
            # A dead uplink thread would be a box that counts, looks healthy and delivers nothing.
            _LOG.exception("the uplink failed unexpectedly")
            push = Push("kept", reason=f"an unexpected fault ({type(exc).__name__})")
        self._note(push)
        self._failures = self._failures + 1 if push.outcome == "kept" else 0
        if not self._failures:
            return push, PACE_S if push.outcome == "delivered" else 0.0
        spread = self._jitter(BACKOFF_S[0], min(BACKOFF_S[1], 2.0 ** min(self._failures, 16)))
        return push, (push.retry_after_s or 0.0) + spread

    def _note(self, push: Push) -> None:
        if push.outcome != "idle" and push.reason != self._state:
            self._state = push.reason
            level, what = (logging.WARNING, "wait in the spool") if push.reason else (logging.INFO, "arrive")
            _LOG.log(level, "records %s%s", what, f": {push.reason}" if push.reason else " at the server")


def _checked(url: str) -> tuple[str, bool]:
    """The address to post to, and whether it is this machine."""
    rule = "server.url must be like https://counts.example.org, without user, query or fragment"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as exc:
        raise UplinkError(f"{rule} (got {url!r})") from exc
    extra = parsed.userinfo or parsed.query or parsed.fragment
    if parsed.scheme not in {"http", "https"} or not parsed.host or extra:
        raise UplinkError(f"{rule} (got the scheme {parsed.scheme!r} and the host {parsed.host!r})")
    local = parsed.host in {"localhost", "::1"} or parsed.host.startswith("127.")
    if parsed.scheme == "http" and not local:
        _LOG.warning("server.url is plain http: anybody on the way can read the token; use https")
    return url.rstrip("/") + RECORDS_PATH, local


def _too_large(item: _Item) -> Answer:
    if len(item.payload) < TOO_LARGE_FROM_BYTES:
        raise _Kept(_REASONS[413])
    return Answer(accepted=(), rejected=(Rejected(key=item.key, reason="too_large: refused with 413"),))


def _refusal(response: httpx.Response) -> _Kept:
    """What an answer other than 200 means; its body is not read, nor a date: that would need a clock."""
    asked = response.headers.get("Retry-After", "").strip()
    retry = min(float(asked), MAX_RETRY_AFTER_S) if asked.isdecimal() and asked.isascii() else None
    if response.is_redirect:
        return _Kept("the server points to another address: write the final one as server.url", retry)
    return _Kept(_REASONS.get(response.status_code, f"the server answers {response.status_code}"), retry)


def _fault(exc: httpx.HTTPError) -> str:
    if isinstance(exc, httpx.ConnectError) and "SSL" in str(exc):
        return "the server's certificate is not trusted: check its name and date, and this box's clock"
    if isinstance(exc, httpx.ConnectTimeout | httpx.ConnectError):
        return "the server cannot be reached: check the network, server.url and that the server runs"
    if isinstance(exc, httpx.TimeoutException):
        return "the server did not answer in time"
    return "the connection to the server broke before its answer was complete"
