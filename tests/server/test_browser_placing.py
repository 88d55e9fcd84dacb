"""A real browser places a camera by clicking, sends the form, and sees its presence on the plan."""

from __future__ import annotations

import json

import pytest

from bench.chromium import DESKTOP, Browser
from tests.server.build import NOON, config, grid, zone_config
from tests.server.plans import png
from tests.server.test_browser import pytestmark, served
from tests.server.test_placing_page import GROUND, IMAGE, ON_PLAN
from tests.server.test_site_pages import planner, upload

__all__ = ["pytestmark", "served"]

CLICK = """(() => {{ const p = document.querySelector('[data-pick="{side}"]'), b = p.viewBox.baseVal;
  p.scrollIntoView();
  const at = new DOMPoint(b.width * {x}, b.height * {y}).matrixTransform(p.getScreenCTM());
  p.dispatchEvent(new MouseEvent("click", {{bubbles: true, clientX: at.x, clientY: at.y}})); }})()"""
VALUES = "JSON.stringify([...document.querySelectorAll('[data-row]')].map(e => e.value))"


@pytest.mark.nightly
def test_points_are_placed_by_clicking(site, served):
    site.post([config(900, NOON - 7200, [zone_config("lawn")], ground=GROUND, run="f" * 16)])
    site.post([grid(901, NOON - 7200, observed_s=3600.0, object_s=[3600.0] * 144, run="f" * 16)])
    planner(site)("/sites", id="place", label_fr="Place")
    upload(site, png())
    planner(site)("/sites/place/places", **{"o1-key": "box-a/north/lawn/zone", "o1-in": "1"})
    with Browser.started() as page:
        page.look(DESKTOP)
        page.open(served + "/sites/place/cameras/box-a/north")
        # The ground points stand in the view already; each click on the plan goes on to the next point.
        for u, v in ON_PLAN:
            page.run(CLICK.format(side="plan", x=u / 100, y=v / 100))
        values = json.loads(page.run(VALUES))
        for n, ((x, y), (u, v)) in enumerate(zip(IMAGE, ON_PLAN, strict=True)):
            assert [float(one) for one in values[4 * n : 4 * n + 4]] == pytest.approx(
                [x * 100, y * 100, u, v], abs=0.3
            )
        # A fifth point, in the view first.
        page.run(CLICK.format(side="frame", x=0.5, y=0.6))
        fifth = [float(one) for one in json.loads(page.run(VALUES))[16:18]]
        assert fifth == pytest.approx([50, 60], abs=0.3)
        assert (
            page.run('document.querySelectorAll(\'[data-pick="plan"] [visibility="visible"]\').length') == 4
        )
        page.run("document.querySelector('form[action$=\"/north\"]').requestSubmit(); 0")
        page.run("new Promise(done => setTimeout(done, 1500))")
        assert page.run("location.search") == "?done=1"
        page.open(served + "/cameras/box-a/north/presence")
        assert page.run("document.querySelectorAll('svg.plan polygon.p6').length") > 50
        assert page.said() == []
