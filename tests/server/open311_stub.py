"""A GeoReport v2 server of somebody else, written from the specification alone; it imports nothing of ours.

https://wiki.open311.org/GeoReport_v2: XML always, JSON unless ``xml_only``; services, definitions, requests with their filters,
tokens, errors. ``faults`` are used up one a POST (or GET, for those that begin with ``get_``).
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

LISTS = {"services": "service", "service_requests": "request", "errors": "error", "attributes": "attribute",
         "values": "value"}  # fmt: skip
PERSONAL = ("email", "first_name", "last_name", "phone", "device_id")


def moment(at: float) -> str:
    """A W3C date-time in the zone of Paris in winter, as a server there may write it."""
    return datetime.fromtimestamp(at, UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def build(name, value):
    element = ET.Element(name)
    if isinstance(value, dict):
        element.extend(build(key, own) for key, own in value.items())
    elif isinstance(value, list):
        element.extend(build(LISTS[name], own) for own in value)
    elif value is not None:
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
    return element


class Town:
    """What the server knows and how it behaves."""

    def __init__(self, clock=time.time):
        self.clock = clock
        self.codes = {"001": "Objet sur la chaussée", "002": "Véhicule gênant"}
        self.requests: dict[str, dict] = {}
        self.tokens: dict[str, str] = {}
        self.posts: list[dict] = []
        self.log: list[tuple[str, str]] = []
        self.api_key = "sesame"
        self.jurisdiction = ""
        self.xml_only = False
        self.batch = False  # answers tokens
        self.token_ready = True
        self.blackbox = False
        self.echo_description = True
        self.hidden = False  # requests are not listed (moderation)
        self.page_size_most = 1000
        self.etags = False
        self.number_ids = False
        self.wrapped = False
        self.list_404 = False  # a list of ids with one unknown is 404
        self.list_one = False  # of a list of ids, only the first is answered
        self.singles: dict[str, int] = {}  # what a single id is answered with, instead of its request
        self.delay_s = 0.0  # before and after a request is made
        self.faults: list[str] = []
        self.lock = threading.Lock()
        self.next = 1000

    def add(self, code, lat, lon, *, status="open", at=None, description="", notes=None):
        """A request made by somebody else."""
        with self.lock:
            self.next += 1
            number = str(self.next)
            at = self.clock() if at is None else at
            self.requests[number] = {
                "service_request_id": number, "status": status, "status_notes": notes,
                "service_name": self.codes[code], "service_code": code, "description": description,
                "agency_responsible": "Voirie", "service_notice": None, "requested_datetime": moment(at),
                "updated_datetime": moment(at), "expected_datetime": None, "address": "", "address_id": None,
                "zipcode": None, "lat": lat, "long": lon, "media_url": None, "_at": at,
            }  # fmt: skip
            return number

    def close(self, number, notes="Fait"):
        self.requests[number] |= {"status": "closed", "status_notes": notes}

    @property
    def open(self):
        return [own for own in self.requests.values() if own["status"] == "open"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    town: Town

    def log_message(self, *_):
        pass

    def answer(self, root, tree, form, status=200, headers=()):
        if form == "json":
            if self.town.number_ids and isinstance(tree, list):
                tree = [{k: int(v) if k == "service_request_id" and str(v).isdigit() else v for k, v in row.items()}
                        for row in tree]  # fmt: skip
            body = json.dumps({root: tree} if self.town.wrapped else tree, ensure_ascii=False).encode()
        else:
            body = b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(build(root, tree), "utf-8")
        kind = "application/json" if form == "json" else "text/xml"
        tag = f'"{hash(body)}"'
        if self.town.etags and self.headers.get("If-None-Match") == tag:
            status, body = 304, b""
        self.raw(
            status, body, f"{kind}; charset=utf-8", [*headers, *([("ETag", tag)] if self.town.etags else [])]
        )

    def raw(self, status, body, kind="text/plain", headers=()):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, text, form):
        self.answer("errors", [{"code": status, "description": text}], form, status)

    def parts(self):
        url = urlsplit(self.path)
        path, _, form = url.path.removeprefix("/v2/").rpartition(".")
        return path, form, {name: values[-1] for name, values in parse_qs(url.query).items()}

    def fault(self, prefix):
        with self.town.lock:
            for index, own in enumerate(self.town.faults):
                if own.startswith("get_") == (prefix == "get_"):
                    return self.town.faults.pop(index)
        return ""

    def trouble(self, fault):
        """Behave badly; True when that was the answer."""
        if fault.endswith("drop"):
            self.close_connection = True
            self.connection.close()
        elif fault.endswith("500"):
            self.raw(500, b"<html>oops</html>", "text/html")
        elif fault.endswith("503"):
            self.raw(503, b"", headers=[("Retry-After", "120")])
        elif fault.endswith("429"):
            self.raw(429, b"", headers=[("Retry-After", "240")])
        elif fault.endswith("squared"):
            self.raw(429, b"", headers=[("Retry-After", "\u00b2")])
        elif fault.endswith("half"):
            # Half a character: JSON can say it, UTF-8 cannot.
            self.raw(400, b'[{"code": 400, "description": "trop long \\ud83d"}]', "application/json")
        elif fault.endswith("redirect"):
            self.raw(302, b"", headers=[("Location", "http://169.254.169.254/latest/meta-data")])
        elif fault.endswith("malformed"):
            self.raw(200, b"<service_requests><request>", "text/xml")
        elif fault.endswith("bomb"):
            self.raw(
                200, b'<!DOCTYPE x [<!ENTITY a "aaaa">]><service_requests>&a;</service_requests>', "text/xml"
            )
        elif fault.endswith("slow"):
            time.sleep(1.5)
            self.raw(200, b"[]", "application/json")
        elif fault.endswith("drip"):
            self.send_response(200)
            self.end_headers()
            for _ in range(100):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
        else:
            return False
        return True

    def do_GET(self):
        town = self.town
        path, form, query = self.parts()
        town.log.append(("GET", self.path))
        try:
            if self.trouble(self.fault("get_")):
                return
        except OSError:
            return
        if form not in {"json", "xml"} or (form == "json" and town.xml_only):
            self.error(404, "this format is not available", "xml")
        elif town.jurisdiction and query.get("jurisdiction_id") != town.jurisdiction:
            missing = "jurisdiction_id" not in query
            self.error(
                400 if missing else 404,
                "jurisdiction_id was not " + ("provided" if missing else "found"),
                form,
            )
        elif path == "services":
            rows = [{"service_code": code, "service_name": name, "description": None, "metadata": False,
                     "type": "batch" if town.batch else "realtime", "keywords": None, "group": "voirie"}
                    for code, name in town.codes.items()]  # fmt: skip
            self.answer("services", rows, form)
        elif path == "requests":
            self.listed(query, form)
        elif path.startswith("requests/"):
            number = unquote(path.partition("/")[2])
            row = town.requests.get(number)
            if number in town.singles:
                self.error(town.singles[number], "not this one", form)
            elif row is None:
                self.error(404, "service_request_id was not found", form)
            else:
                self.answer("service_requests", [self.shown(row)], form)
        elif path.startswith("tokens/"):
            token = unquote(path.partition("/")[2])
            if token in town.tokens and town.token_ready:
                self.answer(
                    "service_requests", [{"service_request_id": town.tokens[token], "token": token}], form
                )
            else:
                self.error(404, "token was not found", form)
        else:
            self.error(404, "no such resource", form)

    def shown(self, row):
        row = {name: value for name, value in row.items() if not name.startswith("_")}
        return row if self.town.echo_description else row | {"description": None}

    def listed(self, query, form):
        town = self.town
        if "service_request_id" in query:
            ids = query["service_request_id"].split(",")[: 1 if town.list_one else None]
            rows = [town.requests[own] for own in ids if own in town.requests]
            if town.list_404 and len(rows) < len(ids):
                self.error(404, "service_request_id was not found", form)
                return
        else:
            now = datetime.fromtimestamp(town.clock(), UTC)
            read = datetime.fromisoformat
            end = read(query["end_date"]) if "end_date" in query else now
            start = read(query["start_date"]) if "start_date" in query else end - timedelta(days=90)
            if end - start > timedelta(days=90):
                self.error(400, "may not span more than 90 days", form)
                return
            rows = [
                row for row in town.requests.values() if start.timestamp() <= row["_at"] <= end.timestamp()
            ]
            for name, field in (("service_code", "service_code"), ("status", "status")):
                if query.get(name):
                    rows = [row for row in rows if row[field] in query[name].split(",")]
            rows.sort(key=lambda row: -row["_at"])
            if town.hidden:
                rows = []
            size = min(int(query.get("page_size", 1000)), town.page_size_most)
            first = (int(query.get("page", 1)) - 1) * size
            rows = rows[first : first + size]
        self.answer("service_requests", [self.shown(row) for row in rows], form)

    def do_POST(self):
        town = self.town
        path, form, _ = self.parts()
        town.log.append(("POST", self.path))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8")
        fields = {name: values[-1] for name, values in parse_qs(body).items()}
        fault = self.fault("")
        if not fault.startswith("accept_"):
            try:
                if self.trouble(fault):
                    return
            except OSError:
                return
        if form == "json" and town.xml_only:
            self.error(404, "this format is not available", "xml")
        elif fields.get("api_key") != town.api_key:
            self.error(403, "Invalid api_key received", form)
        elif path != "requests":
            self.error(404, "no such resource", form)
        elif fields.get("service_code") not in town.codes:
            known = "service_code" in fields
            self.error(
                404 if known else 400, "service_code was not " + ("found" if known else "provided"), form
            )
        elif not ("lat" in fields and "long" in fields) and "address_string" not in fields:
            self.error(400, "a full location parameter must be submitted", form)
        else:
            self.accept(fields, fault, form)

    def accept(self, fields, fault, form):
        """Make the request; then tell, or fail to tell."""
        town = self.town
        time.sleep(town.delay_s)
        number = town.add(fields["service_code"], float(fields["lat"]), float(fields["long"]),
                          description=fields.get("description", ""))  # fmt: skip
        town.posts.append(fields)
        time.sleep(town.delay_s)
        try:
            if fault.startswith("accept_") and self.trouble(fault):
                return
        except OSError:
            return
        if town.batch:
            token = f"t-{number}"
            town.tokens[token] = number
            row = {"token": token}
        elif town.blackbox:
            row = {"service_notice": "Thank you"}
        else:
            row = {"service_request_id": number, "service_notice": None, "account_id": None}
        self.answer("service_requests", [row], form)


@contextmanager
def serving(town):
    """The server on a port of this machine; its address."""
    handler = type("Own", (Handler,), {"town": town})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v2"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
