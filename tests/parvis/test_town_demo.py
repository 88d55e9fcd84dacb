"""`parvis demo --town`: the printed login opens pages full of the invented town."""

from __future__ import annotations

import json
import re

import httpx

from parvis import town_demo


def test_the_printed_login_opens_the_town(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(town_demo, "SITES", 1)
    monkeypatch.setattr(town_demo, "MONTHS", 0.05)
    seen = {}

    def visit():
        out, err = capsys.readouterr()
        text = re.sub(r"\s+", " ", err)
        seen.update(json.loads(out))
        url, user, password = re.search(r"Pages: (\S+) login: (\S+) password: (\S+)", text).groups()
        with httpx.Client(base_url=url, follow_redirects=True) as client:
            form = client.get("/login").text
            csrf = re.search(r'name="csrf" value="([^"]+)"', form).group(1)
            home = client.post("/login", data={"name": user, "password": password, "csrf": csrf, "next": "/"})
            seen["home"] = home.text

    town_demo.show_town(tmp_path, 0, json_=True, wait=visit)
    assert seen["accepted"] == sum(seen["records"].values()) > 300
    assert "/zones/place-du-marche/cam1/place" in seen["home"]


def test_without_waiting_it_ends(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(town_demo, "SITES", 1)
    monkeypatch.setattr(town_demo, "MONTHS", 0.04)
    town_demo.show_town(tmp_path, 0, json_=True, wait=None)
    assert json.loads(capsys.readouterr().out)["rejected"] == 0
