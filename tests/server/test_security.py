"""Logins, cookies, headers, secrets."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote

import pytest

from server.accounts import add_device, add_user, disable_user, set_password
from server.credentials import check_password, hash_password, token_hash
from server.errors import AccountError
from server.limits import Backoff
from server.pages.login import safe_next
from tests.server.build import NOON, zone

PASSWORD = "trois petits chats"


def form(client, query: str = "") -> str:
    page = client.get(f"/login{query}").text
    return re.search(r'name="csrf" value="([^"]+)"', page).group(1)


def login(client, name: str = "anne", password: str = PASSWORD, **fields: str):
    fields = {"name": name, "password": password, "csrf": form(client)} | fields
    return client.post("/login", data=fields)


@pytest.fixture
def anne(site):
    add_user(site.store, "anne", "planner", PASSWORD)
    return site


def test_the_first_start_has_no_user_and_no_password(site):
    assert site.store.accounts.users() == []
    for name in ("admin", "root", "demo", "parvis", ""):
        assert login(site.client(), name, "admin").status_code == 401


def test_a_right_password_opens_a_session_that_logout_ends(anne):
    client = anne.client()
    answer = login(client, next="/zones/box-a/north/lawn?step=60")
    assert (answer.status_code, answer.headers["location"]) == (303, "/zones/box-a/north/lawn?step=60")
    page = client.get("/")
    assert page.status_code == 200
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text).group(1)
    cookie = client.cookies["parvis_session"]
    assert client.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    # Even whoever kept the cookie is out.
    assert anne.client(cookies={"parvis_session": cookie}).get("/").status_code == 303
    actions = [entry.action for entry in anne.store.accounts.audit(10)]
    assert actions[:2] == ["logout", "login.ok"]


def test_the_session_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(anne):
    cookie = login(anne.client()).headers.get_list("set-cookie")[0].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie  # plain localhost


def test_behind_tls_cookies_are_secure_and_hsts_is_sent(make_site):
    site = make_site(https_only_cookies=True)
    answer = site.client().get("/login")
    assert "secure" in answer.headers["set-cookie"].lower()
    assert "max-age" in answer.headers["strict-transport-security"]


def test_sessions_end_by_time_by_disabling_and_by_a_new_password(anne):
    def fresh():
        client = anne.client()
        assert login(client).status_code == 303
        return client

    client = fresh()
    anne.clock.now += 12 * 3600 + 1
    assert client.get("/").status_code == 303
    client = fresh()
    set_password(anne.store, "anne", PASSWORD)
    assert client.get("/").status_code == 303
    client = fresh()
    disable_user(anne.store, "anne")
    assert client.get("/").status_code == 303
    assert login(anne.client()).status_code == 401


def test_a_login_token_is_new_each_time(anne):
    planted = anne.client(cookies={"parvis_session": "pvs_planted"})
    assert login(planted).status_code == 303
    assert all(
        cookie.value != "pvs_planted" for cookie in planted.cookies.jar if cookie.domain == "127.0.0.1"
    )
    assert anne.client(cookies={"parvis_session": "pvs_planted"}).get("/").status_code == 303


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "x" * 32}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_login_form_of_another_site_is_refused(anne, fields, headers):
    client = anne.client()
    values = {"name": "anne", "password": PASSWORD, "csrf": form(client)} | fields
    assert client.post("/login", data=values, headers=headers).status_code == 403


def test_a_logout_form_of_another_site_is_refused(site):
    client = site.client("planner")
    assert client.post("/logout", data={"csrf": "csrf-viewer"}).status_code == 403
    assert client.post("/logout").status_code == 400
    assert client.get("/").status_code == 200


def test_ten_wrong_passwords_make_even_the_right_one_wait(anne):
    client = anne.client()
    statuses = [login(client, password=f"wrong number {n}").status_code for n in range(10)]
    assert statuses[:5] == [401] * 5
    assert statuses[5:] == [429] * 5
    answer = login(client)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    anne.clock.now += 301
    assert login(client).status_code == 303
    failed = [e for e in anne.store.accounts.audit(50) if e.action == "login.failed"]
    assert len(failed) == 5


def test_one_address_cannot_try_many_names(anne):
    client = anne.client()
    statuses = [login(client, name=f"user-{n}", password="wrong but long").status_code for n in range(22)]
    assert statuses[:20] == [401] * 20
    assert statuses[20:] == [429, 429]


def test_waits_double_up_to_five_minutes_and_are_forgotten():
    backoff, now = Backoff(), 0.0
    waits = []
    for _ in range(15):
        backoff.failed("k", now)
        waits.append(backoff.wait_s("k", 5, now))
    assert waits[:8] == [0, 0, 0, 0, 2, 4, 8, 16]
    assert waits[-1] == 300
    assert backoff.wait_s("k", 5, 901.0) == 0


def test_an_unknown_user_costs_as_much_as_a_known_one(monkeypatch):
    calls = []
    import server.credentials as module

    real = module._scrypt
    monkeypatch.setattr(module, "_scrypt", lambda *a: calls.append(a[2:]) or real(*a))
    stored = hash_password(PASSWORD)
    check_password("x", None)  # the first of a process also makes the hash of nobody
    calls.clear()
    assert check_password("x", None) is False
    assert check_password("x", stored) is False
    assert check_password(PASSWORD, stored) is True
    assert len(calls) == 3
    assert len(set(calls)) == 1


def test_a_password_costs_what_owasp_asks(monkeypatch):
    monkeypatch.undo()
    assert hash_password(PASSWORD).startswith("scrypt$16384$8$5$")


def test_passwords_are_salted_and_long_enough(site):
    assert hash_password(PASSWORD) != hash_password(PASSWORD)
    with pytest.raises(AccountError, match="12 to 256"):
        add_user(site.store, "bob", "planner", "short")
    with pytest.raises(AccountError, match="role must be one of"):
        add_user(site.store, "bob", "god", PASSWORD)
    with pytest.raises(AccountError, match="a user name must match"):
        add_user(site.store, "Bob; DROP", "planner", PASSWORD)


def test_secrets_are_nowhere_but_in_the_hands_they_were_given_to(anne, tmp_path, caplog, capsys):
    """R29: canaries in the token and the password, then a search through everything written."""
    caplog.set_level(logging.DEBUG)
    token = add_device(anne.store, "box-c")
    client = anne.client()
    login(client)
    cookie = client.cookies["parvis_session"]
    anne.post([zone(1, NOON - 7200, device="box-c")], token=token)
    anne.post([zone(1, NOON - 7200)], token=token + "x")
    login(anne.client(), password=PASSWORD + "!")
    login(anne.client(), name=PASSWORD, password=PASSWORD)  # the wrong field
    pages = [client.get(path).text for path in ("/", "/login", "/audit", "/nowhere")]
    anne.store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    said = caplog.text + "".join(pages) + "".join(capsys.readouterr())
    for secret in (token, cookie, PASSWORD):
        assert secret.encode() not in written
        assert secret not in said
    assert token_hash(token).encode() in written


def test_the_data_folder_is_its_owners(site, tmp_path):
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


PAGES = ["/", "/login", "/nowhere", "/audit", "/healthz", "/api/v1/zones", "/static/app.css", "/zones/x/y/z"]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("role", [None, "administrator"])
def test_every_answer_carries_the_headers(site, path, role):
    headers = site.client(role).get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    if not path.startswith("/static"):
        assert headers["cache-control"] == "no-store"


def test_a_fault_of_ours_tells_nobody_anything(site, monkeypatch, caplog):
    def broken(*_):
        raise KeyError("secret detail")

    monkeypatch.setattr(type(site.store.records), "cameras", broken)
    answer = site.client("planner").get("/")
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "secret detail" in caplog.text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::2]:80"])
def test_a_foreign_host_name_is_refused(site, host):
    assert site.client().get("/healthz", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_our_own_names_are_known(site, host):
    assert site.client().get("/healthz", headers={"Host": host}).status_code == 200


def test_on_the_network_only_the_listed_names_are_known(make_site):
    listed = make_site("listed", host="0.0.0.0", allowed_hosts=("parvis.ville.fr",))
    assert listed.client().get("/healthz", headers={"Host": "parvis.ville.fr"}).status_code == 200
    assert listed.client().get("/healthz", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\nb",
        "\\/x",
        "",
        "/é",
    ],
)
def test_a_login_never_leads_elsewhere(anne, target):
    assert safe_next(target) == "/"
    assert login(anne.client(), next=target).headers["location"] == "/"
    answer = anne.client().get(f"/language/en?next={quote(target)}")
    assert answer.headers["location"] == "/"


def test_health_says_nothing_but_whether_it_is_well(site, monkeypatch):
    from server.errors import StoreError

    assert set(site.client().get("/healthz").json()) == {"status", "version"}

    def broken(_):
        raise StoreError("/var/secret/path")

    monkeypatch.setattr(type(site.store.records), "ping", broken)
    answer = site.client().get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "degraded")
    assert "path" not in answer.text
