"""Deny by default: every route, asked by everyone who exists."""

from __future__ import annotations

from functools import partial

import pytest
from fastapi import FastAPI
from starlette.responses import Response
from starlette.routing import Mount
from starlette.routing import Route as PlainRoute

from server.access import PUBLIC, ROLES, Access, Route, register, seal
from server.sites import Site
from server.store.base import AuditEntry
from tests.server.build import NOON, line, parking, zone

# What a person or a device gets, written out a second time and not derived from the declarations.
REPORTS = {"viewer", "planner", "administrator"}
PLANNING = {"planner", "administrator"}
NOTICES = {"crew", "planner", "administrator"}
TECHNICAL = {"technician", "administrator"}
EXPECTED = {
    ("GET", "/healthz"): "public",
    ("GET", "/login"): "public",
    ("POST", "/login"): "public",
    ("GET", "/language/{code}"): "public",
    ("GET", "/static/{name}"): "public",
    ("POST", "/api/v1/records"): "device",
    ("POST", "/logout"): set(ROLES),
    ("GET", "/"): set(ROLES),
    ("GET", "/api/v1/zones"): REPORTS,
    ("GET", "/api/v1/zones/{device}/{camera}/{name}/series"): REPORTS,
    ("GET", "/api/v1/lines"): REPORTS,
    ("GET", "/api/v1/lines/{device}/{camera}/{name}/series"): REPORTS,
    ("GET", "/zones/{device}/{camera}/{name}"): REPORTS,
    ("GET", "/zones/{device}/{camera}/{name}/csv"): REPORTS,
    ("GET", "/zones/{device}/{camera}/{name}/week"): REPORTS,
    ("GET", "/lines/{device}/{camera}/{name}"): REPORTS,
    ("GET", "/lines/{device}/{camera}/{name}/csv"): REPORTS,
    ("GET", "/lines/{device}/{camera}/{name}/week"): REPORTS,
    ("GET", "/zones/{device}/{camera}/{name}/forecast"): REPORTS,
    ("GET", "/zones/{device}/{camera}/{name}/parking"): REPORTS,
    ("GET", "/lines/{device}/{camera}/{name}/forecast"): REPORTS,
    ("GET", "/compare"): REPORTS,
    ("GET", "/compare/places"): REPORTS,
    ("GET", "/ranking"): REPORTS,
    ("GET", "/definitions"): set(ROLES),
    ("GET", "/api/v1/devices"): TECHNICAL,
    ("GET", "/api/v1/quarantine"): TECHNICAL,
    ("GET", "/devices"): TECHNICAL,
    ("GET", "/quarantine"): TECHNICAL,
    ("GET", "/audit"): {"administrator"},
    ("GET", "/notices"): NOTICES,
    ("GET", "/notices.csv"): NOTICES,
    ("GET", "/notices/map"): NOTICES,
    ("GET", "/notices/plan/{site}"): NOTICES,
    ("GET", "/notices/precision"): NOTICES,
    ("GET", "/notices/vetoes"): NOTICES,
    ("POST", "/notices/vetoes/lift"): NOTICES,
    ("GET", "/notices/rules"): PLANNING,
    ("POST", "/notices/rules"): PLANNING,
    ("GET", "/notices/{number}"): NOTICES,
    ("POST", "/notices/{number}"): NOTICES,
    ("GET", "/api/v1/notices"): NOTICES,
    ("GET", "/api/v1/notices/{number}"): NOTICES,
    ("GET", "/api/v1/notices/precision"): NOTICES,
    ("GET", "/notices/crew"): PLANNING,
    **{
        ("POST", f"/notices/crew/{own}"): PLANNING
        for own in (
            "recipients/add",
            "recipients/end",
            "recipients/trial",
            "hooks/add",
            "hooks/end",
            "hooks/secret",
            "hooks/trial",
            "hooks/again",
            "feeds/renew",
            "feeds/end",
        )
    },
    ("POST", "/notices/crew/links/renew"): {"administrator"},
    # Public, but only with the signature of a letter, a feed's key or a session: test_answer.py, test_feeds.py.
    ("GET", "/a/{token}"): "off",
    ("POST", "/a/{token}"): "off",
    ("GET", "/feeds/{name}"): "off",
    ("GET", "/sites"): REPORTS,
    ("POST", "/sites"): PLANNING,
    ("GET", "/sites/{site}"): REPORTS,
    ("GET", "/sites/{site}/plan"): REPORTS,
    ("GET", "/sites/{site}/edit"): PLANNING,
    ("POST", "/sites/{site}/edit"): PLANNING,
    ("POST", "/sites/{site}/plan"): PLANNING,
    ("POST", "/sites/{site}/places"): PLANNING,
    ("POST", "/sites/{site}/remove"): PLANNING,
    ("GET", "/tallies"): REPORTS,
    ("POST", "/tallies"): PLANNING,
    ("POST", "/tallies/drop"): PLANNING,
    ("GET", "/sites/{site}/cameras/{device}/{camera}"): PLANNING,
    ("POST", "/sites/{site}/cameras/{device}/{camera}"): PLANNING,
    ("GET", "/sites/{site}/calendar"): PLANNING,
    ("POST", "/sites/{site}/calendar"): PLANNING,
    ("POST", "/sites/{site}/calendar/remove"): PLANNING,
    ("POST", "/sites/{site}/calendar/import"): PLANNING,
    ("GET", "/sites/{site}/calendar.csv"): PLANNING,
    ("GET", "/sites/{site}/calendar.ics"): PLANNING,
    ("GET", "/reports"): REPORTS,
    ("GET", "/reports/document"): REPORTS,
    ("GET", "/reports/file"): REPORTS,
    ("GET", "/subscriptions"): PLANNING,
    ("POST", "/subscriptions/add"): PLANNING,
    ("POST", "/subscriptions/end"): PLANNING,
    ("GET", "/alerts"): PLANNING,
    ("POST", "/alerts/add"): PLANNING,
    ("POST", "/alerts/end"): PLANNING,
    ("GET", "/mail"): {"administrator"},
    ("POST", "/mail/again"): {"administrator"},
    ("POST", "/mail/trial"): {"administrator"},
    ("GET", "/notices/open311"): {"administrator"},
    **{
        ("POST", f"/notices/open311/{own}"): {"administrator"}
        for own in ("save", "end", "test", "key", "revoke", "decide")
    },
    # Discovery and services for anyone, the rest with a tool's key: test_open311_api.py.
    **{
        ("GET", f"/open311/v2/{own}.{form}"): "public"
        for own in ("discovery", "services")
        for form in ("json", "xml")
    },
    **{
        (method, f"/open311/v2/{own}.{form}"): "key"
        for method, own in (
            ("GET", "requests"),
            ("GET", "requests/{request_id}"),
            ("GET", "tokens/{token}"),
            ("POST", "requests"),
        )
        for form in ("json", "xml")
    },
    **{("GET", f"/open311/v2/services/{{code}}.{form}"): "off" for form in ("json", "xml")},
    # Public, but only with the signature of a letter: test_subscriptions.py.
    ("GET", "/unsubscribe"): "off",
    ("POST", "/unsubscribe"): "off",
    ("GET", "/fleet"): {"technician", "planner", "administrator"},
    ("GET", "/fleet/{device}"): {"technician", "planner", "administrator"},
    ("GET", "/quality"): {"viewer", "planner", "technician", "administrator"},
    ("GET", "/provenance/zones/{device}/{camera}/{name}"): {
        "viewer",
        "planner",
        "technician",
        "administrator",
    },
    ("GET", "/provenance/lines/{device}/{camera}/{name}"): {
        "viewer",
        "planner",
        "technician",
        "administrator",
    },
    ("GET", "/cameras/{device}/{camera}/presence"): REPORTS,
    # Public, but no site is unless the server is told so: test_public.py.
    ("GET", "/public/{site}"): "off",
    ("GET", "/public/v1/sites/{site}/table"): "off",
    ("GET", "/public/v1/sites/{site}/table.csv"): "off",
}
ALLOWED = {200, 303}
# Forms without their fields, and a plan and an entry that are not there: refused, but by the page itself.
EMPTY = {
    (method, path): status
    for method, path, status in (
        ("GET", "/notices/plan/{site}", 404),
        ("GET", "/notices/{number}", 404),
        ("POST", "/notices/{number}", 404),
        ("GET", "/api/v1/notices/{number}", 404),
        ("POST", "/sites", 400),
        ("GET", "/sites/{site}/plan", 404),
        ("POST", "/sites/{site}/plan", 400),
        ("POST", "/sites/{site}/remove", 400),
        # The site has no place of this camera.
        ("GET", "/sites/{site}/cameras/{device}/{camera}", 404),
        ("POST", "/sites/{site}/cameras/{device}/{camera}", 404),
        ("POST", "/tallies", 400),
        ("POST", "/tallies/drop", 400),
        ("POST", "/sites/{site}/calendar", 400),
        ("POST", "/sites/{site}/calendar/remove", 404),
        ("POST", "/sites/{site}/calendar/import", 400),
    )
}
# Forms that say what is wrong with an empty one: 400, or 409 where there is nothing to change.
FORMS = {
    f"/{own}"
    for own in (
        "subscriptions/add",
        "subscriptions/end",
        "alerts/add",
        "alerts/end",
        "mail/again",
        "mail/trial",
        "notices/rules",
        "notices/vetoes/lift",
        "notices/crew/recipients/add",
        "notices/crew/recipients/end",
        "notices/crew/recipients/trial",
        "notices/crew/hooks/add",
        "notices/crew/hooks/end",
        "notices/crew/hooks/secret",
        "notices/crew/hooks/trial",
        "notices/crew/hooks/again",
        "notices/crew/feeds/end",
        "notices/open311/save",
        "notices/open311/end",
        "notices/open311/test",
        "notices/open311/key",
        "notices/open311/revoke",
        "notices/open311/decide",
    )
}


def address(path: str) -> str:
    name = "gate" if "/lines/" in path else "p1" if path.endswith("/parking") else "lawn"
    values = {
        "device": "box-a",
        "camera": "north",
        "name": name,
        "code": "en",
        "site": "square",
        "number": "1",
        "request_id": "n1",
        "token": "t",
    }
    if path.startswith("/static"):
        return "/static/app.css"
    query = {
        "/reports/document": "?of=box-a&period=2026-11",
        "/reports/file": "?of=box-a&period=2026-11&as=csv",
    }
    return path.format(**values) + query.get(path, "")


def ask(site, who: str, method: str, path: str):
    """One request of one kind of caller; forms carry a right CSRF token, so that only the role decides."""
    client = site.client(who if who in ROLES else None)
    headers = {"Authorization": f"Bearer {site.token}"} if who == "device" else {}
    call = partial(client.request, method, address(path), headers=headers)
    if path == "/api/v1/records":
        return call(json={"records": []})
    if method == "POST":
        return call(data={"csrf": f"csrf-{who}"})
    return call()


def test_the_table_below_names_every_route(site):
    routes = {(method, route.path) for route in site.app.routes for method in route.methods}
    assert routes == set(EXPECTED)


@pytest.mark.parametrize("who", ["anonymous", "device", *ROLES])
def test_every_route_answers_whom_it_should_and_nobody_else(site, who):
    site.post([zone(1, NOON - 7200), line(2, NOON - 7200), parking(3, NOON - 7200)])
    site.store.sites.add(Site("square"), AuditEntry(NOON, "t", "t", "t"))
    for (method, path), allowed in EXPECTED.items():
        answer = ask(site, who, method, path)
        cell = (who, method, path, answer.status_code)
        if (method, path) == ("POST", "/login"):
            assert answer.status_code == 403, cell  # public, but no form of ours
        elif allowed == "public":
            assert answer.status_code in ALLOWED, cell
        elif allowed == "off":
            assert answer.status_code == 404, cell
        elif allowed == "key":
            assert answer.status_code == 403, cell
        elif allowed == "device":
            assert answer.status_code == (200 if who == "device" else 401), cell
        elif who in allowed:
            refused = {400, 409} if path in FORMS else {EMPTY.get((method, path), 200)}
            assert answer.status_code in ALLOWED | refused, cell
            assert not answer.headers.get("location", "").startswith("/login?"), cell
        elif who in ROLES:
            assert answer.status_code == 403, cell
        elif path.startswith("/api/"):
            assert answer.status_code == 401, cell
        else:
            assert answer.status_code == 303, cell
            assert answer.headers["location"].startswith("/login?next="), cell


@pytest.mark.parametrize("role", ROLES)
def test_the_start_page_of_each_role_is_one_it_may_see(site, role):
    answer = site.client(
        role,
    ).get("/", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.url.path == {"technician": "/devices", "crew": "/notices"}.get(role, "/")


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_offers_only_what_is_allowed(site, role):
    client = site.client(role)
    page = client.get("/", follow_redirects=True).text
    for path in ("/devices", "/quarantine", "/audit", "/notices"):
        assert (f'href="{path}"' in page) == (client.get(path).status_code == 200)


def bare() -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.state.access = {}
    return app


def test_a_route_that_declares_nobody_is_refused():
    app = bare()
    app.add_api_route("/secret", lambda: Response("x"))
    with pytest.raises(RuntimeError, match="/secret"):
        seal(app)


@pytest.mark.parametrize(
    "extra",
    [
        Mount("/files", app=bare()),
        PlainRoute("/plain", lambda request: Response("x")),
    ],
)
def test_anything_but_a_declared_route_is_refused(extra):
    app = bare()
    register(app, [Route("GET", "/fine", lambda: Response("x"), PUBLIC)])
    seal(app)
    app.router.routes.append(extra)
    with pytest.raises(RuntimeError, match="does not say who"):
        seal(app)


def test_an_empty_declaration_and_a_double_one_are_refused():
    app = bare()
    route = Route("GET", "/empty", lambda: Response("x"), Access())
    register(app, [route])
    with pytest.raises(RuntimeError, match="/empty"):
        seal(app)
    with pytest.raises(RuntimeError, match="twice"):
        register(app, [route])


@pytest.mark.parametrize(
    "path", ["/docs", "/redoc", "/openapi.json", "/nowhere", "/static/../app.py", "/devices/"]
)
def test_other_paths_do_not_exist(site, path):
    assert site.client("administrator").get(path).status_code == 404


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"])
def test_other_methods_are_refused(site, method):
    assert site.client("administrator").request(method, "/audit").status_code == 405
