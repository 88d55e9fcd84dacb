"""From a box's case to a crew's answer and what it does: real ingest, mail server, receiver and browser."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
import time
from pathlib import Path

import pytest
import uvicorn

from bench.chromium import CHROMIUM, PHONE, Browser
from server.mailer import Mailer
from server.notice_desk import turn
from server.notices import ENDED
from server.pinned import Pusher
from server.post_office import PostOffice
from server.store.crew_base import Hook
from server.webhooks import Webhooks
from tests.bench.test_accessibility import serious
from tests.server.build import NOON
from tests.server.crew import AUDIT, Post, calm, link_of, parsed, recipient, subject_of, text_of
from tests.server.receivers import Receiver
from tests.server.smtp_faults import Postbox, serving
from tests.server.test_answer import everything
from tests.server.test_notice_store import case, deliver, desk, move
from tests.server.test_post_office import write_settings

__all__ = ["desk"]
ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + base64.b64encode(b"\7" * 32).decode()


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.stop()


@pytest.fixture
def mailbox(desk):
    """A real mail server, and a post office that hands letters to it."""
    box = Postbox()
    controller = serving(box)
    write_settings(desk, controller.port)
    yield box, PostOffice(desk.store, desk.app.state.settings, Mailer)
    controller.stop()


def documented():
    """The function that docs/crew.md gives to whoever receives webhooks."""
    [code] = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "crew.md").read_text(), re.DOTALL)
    space: dict = {}
    exec(code, space)
    return space["is_from_parvis"]


def test_from_a_case_to_a_veto(desk, mailbox, receiver):
    box, office = mailbox
    office.turn()
    hooks = Webhooks(desk.store, desk.app.state.settings, Pusher())
    hooks.follow()
    url = f"http://127.0.0.1:{receiver.port}/in"
    desk.store.hooks.add(Hook(0, url, None, False, True, SECRET, NOON, "t"), AUDIT)
    recipient(desk)
    # A box tells of an object, over the endpoint that boxes use.
    headers = {"Authorization": f"Bearer {desk.token}"}
    told = desk.client().post("/api/v1/records", json={"records": [case(1)]}, headers=headers)
    assert told.json()["rejected"] == []
    turn(desk.store, desk.app.state.settings)
    [own] = deliver(desk)
    assert own.state == "to_verify"
    office.turn()
    hooks.turn()
    assert (box.letters, hooks.settle(), receiver.got) == ([], 0, []), (
        "nothing official before a person decided"
    )
    move(desk, own, "confirmed", "marie")
    office.turn()
    hooks.turn()
    assert hooks.settle() == 1
    [(sender, to, message)] = box.letters
    assert (sender, to) == ("parvis@exemple.fr", ["equipe@exemple.fr"])
    assert subject_of(message).startswith("À dégager : Objet sur la chaussée")
    link = link_of(message)
    before = everything(desk)
    for _ in range(3):
        assert desk.client().get(link).status_code == 200
    assert everything(desk) == before
    assert desk.client().post(link, data={"answer": "nothing_there"}).status_code == 303
    [veto] = desk.store.notices.vetoes(int(desk.clock()))
    assert (veto.notice, veto.made_by) == (own.id, "link:1")
    # The same place again, an hour later and under another case: nobody is told.
    desk.clock.now += 3600
    found = deliver(desk, case(2, at=int(desk.clock()) - 60))
    assert [(one.id, one.held) for one in found if one.state not in ENDED] in ([], [(2, "veto")])
    office.turn()
    hooks.turn()
    hooks.settle()
    hooks.close()
    assert len(box.letters) == 1
    states = [json.loads(got.body)["data"]["state"] for got in receiver.got]
    assert states == ["confirmed", "nothing_there"]


def test_the_documented_check_believes_what_is_sent_and_nothing_else(desk, receiver):
    genuine = documented()
    hooks = Webhooks(desk.store, desk.app.state.settings, Pusher())
    hooks.follow()
    url = f"http://127.0.0.1:{receiver.port}/in"
    desk.store.hooks.add(Hook(0, url, None, True, True, SECRET, NOON, "t"), AUDIT)
    other = "whsec_" + base64.b64encode(b"\10" * 32).decode()
    deliver(desk, case(1))
    desk.store.hooks.rotate(1, other, NOON + 60, AUDIT)
    hooks.turn()
    hooks.settle()
    hooks.close()
    [got] = receiver.got
    for secret in (SECRET, other):
        assert genuine(secret, got.headers, got.body, NOON)
    assert not genuine(SECRET, got.headers, got.body + b" ", NOON)
    assert not genuine(SECRET, got.headers, got.body, NOON + 301)
    assert not genuine("whsec_" + base64.b64encode(b"\11" * 32).decode(), got.headers, got.body, NOON)


def test_the_documented_message_has_the_fields_that_are_sent(desk, receiver):
    [example] = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "crew.md").read_text(), re.DOTALL)
    hooks = Webhooks(desk.store, desk.app.state.settings, Pusher())
    hooks.follow()
    hook = Hook(0, f"http://127.0.0.1:{receiver.port}/", None, True, True, SECRET, NOON, "t")
    desk.store.hooks.add(hook, AUDIT)
    deliver(desk, case(1))
    hooks.turn()
    hooks.settle()
    hooks.close()
    said, sent = json.loads(example), json.loads(receiver.got[0].body)
    assert list(said) == list(sent)
    assert list(said["data"]) == list(sent["data"])


@pytest.fixture
def served(desk):
    """The server on a port of its own, with letters that lead to it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(desk.app, port=port, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


class Thumb:
    """Taps what is seen, and counts."""

    def __init__(self, page) -> None:
        self.page, self.taps = page, 0

    def tap(self, selector: str) -> float:
        """Tap the middle of something and wait for the page it leads to; its height in CSS pixels."""
        find = f"document.querySelector({json.dumps(selector)})"
        self.page.run(f"{find}.scrollIntoView({{block: 'center'}})")
        box = self.page.run(f"(r => [r.x, r.y, r.width, r.height])({find}.getBoundingClientRect())")
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        assert self.page.run(f"{find}.contains(document.elementFromPoint({x}, {y}))"), "something lies on it"
        self.page._events.clear()
        for kind in ("mousePressed", "mouseReleased"):
            self.page.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        until = time.monotonic() + 60
        while not any(event.get("method") == "Page.loadEventFired" for event in self.page._events):
            assert time.monotonic() < until
            self.page._events.append(self.page._next())
        self.taps += 1
        return box[3]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed (apt-get install chromium)")
def test_two_taps_on_a_phone_without_javascript(desk, served):
    post = Post(desk)
    path = desk.app.state.settings.data_dir / "mail.toml"
    path.write_text(path.read_text().replace("https://parvis.exemple.fr", served))
    recipient(desk)
    [own] = deliver(desk, case(1, y=0.8, size_m=0.6, lon=2.35, lat=48.85))
    move(desk, own, "confirmed")
    [(message, _)] = post.messages()
    html = parsed(message).get_body(("html",)).get_content()
    assert "/a/" in text_of(message)
    with Browser.started() as page:
        page.look(PHONE, height=844)
        letter = "data:text/html;charset=utf-8;base64," + base64.b64encode(html.encode()).decode()
        page.open(letter)
        assert page.run("document.documentElement.scrollWidth") <= PHONE
        link = f"{served}{link_of(message, served)}"
        for width, scheme in ((PHONE, "light"), (PHONE, "dark"), (1440, "light")):
            page.look(width, scheme)
            page.open(link)
            assert serious(page) == []
        page.look(PHONE, height=844)
        page.open(letter)
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        thumb = Thumb(page)
        assert thumb.tap("a[href*='/a/']") >= 48
        assert desk.store.notices.notice(own.id).state == "confirmed"
        heights = page.run(
            "[...document.querySelectorAll('.tap, .wide')].map(e => e.getBoundingClientRect().height)"
        )
        assert len(heights) == 8
        assert min(heights) >= 48
        assert page.run("document.documentElement.scrollWidth") <= PHONE
        thumb.tap("button[value=nothing_there]")
        assert thumb.taps == 2
        assert desk.store.notices.notice(own.id).state == "nothing_there"
        assert "Réponse" in calm(page.run("document.querySelector('[role=status]').textContent"))
        assert page.said() == []
