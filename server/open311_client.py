"""The calls of GeoReport v2 to another server, and what their failures mean.

Rules:
1. A read that fails is `Trouble`, whatever the reason: it is tried again later.
2. A POST has four outcomes: an answer, `Trouble` (surely not acted on), `Refused` (the server said no), and `MayHave` (it may have
   been acted on: no whole answer, an error of the server itself, an answer that cannot be read). Nobody posts again after that
   without looking.
3. JSON is asked for where the server has it, XML (which the specification demands) where not; an answer is read as what it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import quote, urlencode

from contract.version import VERSION
from server.open311 import (
    Created,
    Service,
    ServiceRequest,
    created_of,
    errors_of,
    request_of,
    requests_of,
    services_of,
    time_text,
)
from server.open311_documents import DocumentError, Format, read
from server.open311_http import Answer, Http, HttpError, NotSent

PAGE_SIZE: Final = 500
PAGES_MOST: Final = 20
# Servers without pages answer the second one like the first; below this there is hardly a second one.
PAGE_LEAST: Final = 50
IDS_AT_ONCE: Final = 50
_FORMATS: Final[tuple[Format, ...]] = ("json", "xml")


class Trouble(Exception):  # noqa: N818 - an outcome, not a fault
    """Nothing was acted on; it is tried again. ``problem`` is the kind; ``wait_s``: how long the server asked to be left alone."""

    def __init__(self, problem: str, detail: str, wait_s: int = 0) -> None:
        super().__init__(detail)
        self.problem = problem
        self.wait_s = wait_s


class Refused(Trouble):
    """The server understood and said no."""


class MayHave(Exception):  # noqa: N818 - as above
    """A POST that may have been acted on."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Target:
    """A server that is asked. ``key_on_get``: it wants its key for reading too; ``private``: wherever its host lies."""

    url: str
    jurisdiction_id: str = ""
    api_key: str = ""
    form: Format | Literal[""] = ""
    private: bool = False
    key_on_get: bool = False


class GeoReport:
    """One server, asked over an `Http`."""

    def __init__(self, http: Http, target: Target) -> None:
        self._http = http
        self._target = target
        self.form: Format | Literal[""] = target.form

    def services(self) -> list[Service]:
        """What it takes; finds out which format it speaks.

        Raises:
            Trouble: when it cannot be asked.
        """
        failure: Trouble | None = None
        for form in (self.form,) if self.form else _FORMATS:
            try:
                found: list[Service] = self._list(self._get("services", form=form), services_of)
            except Trouble as exc:
                # Not there in this format is one thing, not there at all another: the last one is told.
                failure = exc
                if exc.problem not in {"refused", "not_found", "unreadable"}:
                    break
                continue
            self.form = form
            return found
        raise failure or Trouble("unreadable", "no format is understood")

    def requests(self, code: str, since: int, until: int, status: str = "") -> list[ServiceRequest]:
        """The requests of one service that were made in a span, as far as the server has pages.

        Raises:
            Trouble: when it cannot be asked, or has more than can be read.
        """
        query = {"service_code": code, "start_date": time_text(since), "end_date": time_text(until)}
        if status:
            query["status"] = status
        found: dict[str, ServiceRequest] = {}
        for number in range(1, PAGES_MOST + 1):
            pages = {} if number == 1 else {"page": str(number), "page_size": str(PAGE_SIZE)}
            rows = self._list(
                self._get("requests", {**query, "page_size": str(PAGE_SIZE), **pages}), requests_of
            )
            new = {row.service_request_id: row for row in rows if row.service_request_id not in found}
            found |= new
            if not new or len(rows) < PAGE_LEAST:
                return list(found.values())
        raise Trouble("too_many", f"more than {PAGES_MOST} pages of requests")

    def by_ids(self, ids: Sequence[str], etag: str = "") -> tuple[list[ServiceRequest] | None, str]:
        """These requests and the answer's ETag; None where nothing changed since ``etag``.

        Raises:
            Trouble: when it cannot be asked.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._get("requests", {"service_request_id": ",".join(ids)}, headers)
        if answer.status == 304:
            return None, etag
        told = answer.headers.get("etag", "")
        # It is sent back as it came, so it must be fit for a header.
        fit = len(told) <= 200 and told.isascii() and told.isprintable()
        return self._list(answer, requests_of), told if fit else ""

    def one(self, number: str) -> ServiceRequest | None:
        """One request; None when the server does not know it.

        Raises:
            Trouble: when it cannot be asked.
        """
        try:
            tree = self._tree(self._get(f"requests/{quote(number, safe='')}"))
        except Trouble as exc:
            if exc.problem == "not_found":
                return None
            raise
        rows = [request_of(row) for row in (tree if isinstance(tree, list) else [tree])]
        return next((row for row in rows if row is not None and row.service_request_id == number), None)

    def token(self, token: str) -> str:
        """The id that a token became; empty while there is none.

        Raises:
            Trouble: when it cannot be asked.
        """
        try:
            made: Created = self._list(self._get(f"tokens/{quote(token, safe='')}"), created_of)
        except Trouble as exc:
            # Some servers know a token only once it has become an id.
            if exc.problem in {"not_found", "unreadable"}:
                return ""
            raise
        return made.service_request_id

    def create(self, fields: Mapping[str, str]) -> Created:
        """Make a request.

        Raises:
            Trouble: surely nothing was made (`Refused`: the server said no).
            MayHave: perhaps something was.
        """
        own = self._target
        sent = {**fields, "api_key": own.api_key, "jurisdiction_id": own.jurisdiction_id}
        body = urlencode({name: value for name, value in sent.items() if value}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8", **self._headers()}
        url = f"{own.url.rstrip('/')}/requests.{self.form or 'json'}"
        try:
            answer = self._http("POST", url, headers, body, private=own.private)
        except NotSent as exc:
            raise Trouble(exc.problem, str(exc)) from exc
        except HttpError as exc:
            raise MayHave(exc.problem, str(exc)) from exc
        # 408 and every 5xx may come after the request was made.
        if answer.status >= 500 or answer.status == 408:
            raise MayHave("server_error", _told(answer))
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        try:
            return created_of(read(answer.body))
        except DocumentError as exc:
            raise MayHave("unreadable", str(exc)) from exc

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"Parvis/{VERSION}", "Accept": "application/json, text/xml;q=0.9"}

    def _get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        form: str = "",
    ) -> Answer:
        own = self._target
        asked = {**(query or {}), "jurisdiction_id": own.jurisdiction_id}
        if own.key_on_get:
            asked["api_key"] = own.api_key
        text = urlencode({name: value for name, value in asked.items() if value})
        url = f"{own.url.rstrip('/')}/{path}.{form or self.form or 'json'}" + (f"?{text}" if text else "")
        try:
            answer = self._http("GET", url, {**self._headers(), **(headers or {})}, private=own.private)
        except HttpError as exc:
            raise Trouble(exc.problem, str(exc)) from exc
        if answer.status == 304 or 200 <= answer.status < 300:
            return answer
        raise _refusal(answer)

    def _tree(self, answer: Answer) -> Any:
        try:
            return read(answer.body)
        except DocumentError as exc:
            raise Trouble("unreadable", str(exc)) from exc

    def _list(self, answer: Answer, of: Any) -> Any:
        try:
            return of(self._tree(answer))
        except DocumentError as exc:
            raise Trouble("unreadable", str(exc)) from exc


def _told(answer: Answer) -> str:
    """What an error answer says, shortened; it is somebody else's text."""
    try:
        faults = errors_of(read(answer.body))
    except DocumentError:
        faults = []
    told = "; ".join(own.description or own.code for own in faults[:3])
    return f"{answer.status}: {told}"[:300] if told else f"status {answer.status}"


def _seconds(text: str) -> int:
    """How long a server asks to be left alone; 0 for what is no number, or none that anybody means."""
    # Alone, isdigit() takes what int() does not ("²"), and int() refuses thousands of digits.
    return min(86400, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _refusal(answer: Answer) -> Trouble:
    if answer.status == 404:
        return Refused("not_found", _told(answer))
    if answer.status in {401, 403}:
        return Refused("key", _told(answer))
    if answer.status == 429 or answer.status >= 500:
        return Trouble("overloaded", _told(answer), _seconds(answer.headers.get("retry-after", "")))
    if 300 <= answer.status < 400:
        return Refused("redirected", f"status {answer.status}: it asks to go elsewhere, which is not done")
    return Refused("refused", _told(answer))
