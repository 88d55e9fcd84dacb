"""axe-core finds nothing serious on any page; phones need no sideways scrolling; the keyboard reaches everything.

axe-core 4.14.1 (MPL-2.0, tests/vendor/axe-core) is the tool of this test and no part of the package.
"""

from __future__ import annotations

import json
from pathlib import Path

import pypdfium2
import pytest

from bench.addresses import ADDRESSES
from bench.chromium import CHROMIUM, DESKTOP, PHONE, Browser
from bench.served_town import served_town
from server.access import SESSION_COOKIE
from server.pages.texts import LANGUAGE_COOKIE

AXE = (Path(__file__).parent.parent / "vendor" / "axe-core" / "axe.min.js").read_text()
RUN = """axe.run(document, {resultTypes: ["violations"]}).then(found => found.violations.map(one => ({
  id: one.id, impact: one.impact, help: one.help,
  nodes: one.nodes.slice(0, 3).map(node => node.target.join(" ") + " " + (node.any[0] || node.all[0] || node.none[0] || {}).message)
})))"""
FOCUS = """(() => { const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect();
  return {name: e.tagName + " " + (e.id || e.getAttribute("href") || e.name || e.className), body: e === document.body,
    seen: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0,
    inside: b.bottom > 0 && b.top < innerHeight && b.right > 0 && b.left < innerWidth && b.width > 0}; })()"""
REACHABLE = """[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter(e => !e.disabled && e.checkVisibility({visibilityProperty: true})).length"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None, reason="Debian's chromium is not installed (apt-get install chromium)"
    ),
]
EACH = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.name)


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    with served_town(tmp_path_factory.mktemp("town"), sites=8, months=0.15) as served:
        yield served


@pytest.fixture(scope="module")
def page(town):
    with Browser.started() as opened:
        opened.town = town
        yield opened


def visit(page, address, language: str) -> None:
    origin = page.town.origin
    page.call("Network.clearBrowserCookies")
    page.cookie(origin, LANGUAGE_COOKIE, language)
    if address.role:
        page.cookie(origin, SESSION_COOKIE, page.town.cookie(address.role))
    page.open(origin + address.at(page.town.places))


def serious(page) -> list[dict]:
    page.run(AXE + ";0")
    return [one for one in page.run(RUN) if one["impact"] in {"serious", "critical"}]


def check(page, address, language: str, looks) -> None:
    page.look(*looks[0])
    visit(page, address, language)
    quiet = [text for text in page.said() if "404" not in text]
    assert quiet == []
    for width, scheme in looks:
        page.look(width, scheme)
        assert page.run("document.documentElement.scrollWidth") <= width, f"scrolls sideways at {width} px"
        found = serious(page)
        assert found == [], json.dumps(found, indent=1, ensure_ascii=False)


@EACH
def test_nothing_serious_on_any_page(page, address):
    check(page, address, "fr", [(PHONE, "dark")])
    check(page, address, "en", [(DESKTOP, "light")])


@pytest.mark.nightly
@pytest.mark.parametrize("language", ["fr", "en"])
@EACH
def test_nothing_serious_in_any_language_width_or_scheme(page, address, language):
    check(
        page,
        address,
        language,
        [(width, scheme) for width in (PHONE, DESKTOP) for scheme in ("light", "dark")],
    )


@pytest.mark.parametrize(
    "address",
    [one for one in ADDRESSES if one.name in {"login", "overview", "zone-day", "devices"}],
    ids=lambda one: one.name,
)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(page, address):
    page.look(DESKTOP)
    visit(page, address, "fr")
    reachable = page.run(REACHABLE)
    seen = []
    for _ in range(reachable + 5):
        page.key("Tab")
        now = page.run(FOCUS)
        if now["body"]:
            break
        seen.append(now)
    assert all(one["seen"] for one in seen), [one["name"] for one in seen if not one["seen"]]
    assert all(one["inside"] for one in seen), [one["name"] for one in seen if not one["inside"]]
    # A field for a moment takes several stops, so there may be more stops than things.
    assert len(seen) >= reachable or address.name == "login"


def test_the_first_stop_leads_past_the_menu(page):
    page.look(DESKTOP)
    visit(page, next(one for one in ADDRESSES if one.name == "overview"), "fr")
    page.key("Tab")
    assert "#content" in page.run(FOCUS)["name"]
    page.key("Enter")
    assert page.run("document.activeElement.id") == "content"


def test_the_check_can_fail(page):
    page.look(DESKTOP)
    visit(page, ADDRESSES[0], "fr")
    page.run(
        "document.querySelector('label').remove(); document.body.style.color = '#ccc'; document.documentElement.lang = ''; 0"
    )
    assert serious(page) != []


@pytest.mark.parametrize("name", ["zone-month", "zone-usual-week", "overview", "devices", "audit"])
def test_paper_holds_the_whole_page_without_what_only_a_screen_needs(page, name):
    page.look(DESKTOP)
    visit(page, next(one for one in ADDRESSES if one.name == name), "fr")
    paper = page.pdf()
    page.look(703)  # 186 mm of A4 between the margins
    page.call("Emulation.setEmulatedMedia", media="print")
    assert (
        page.run(
            "[...document.querySelectorAll('nav:not(.spans), .spans ul, form, button')].filter(e => e.checkVisibility()).length"
        )
        == 0
    )
    wide = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.className || e.tagName)"
    assert page.run(wide) == []
    with pypdfium2.PdfDocument(paper) as document:
        text = document[0].get_textpage().get_text_range()
    assert page.run("document.querySelector('h1').innerText.split(' ')[0]") in text
    assert "Se déconnecter" not in text
