"""A real browser on the planner's pages: the script that places by clicking runs under the strict policy."""

from __future__ import annotations

import re

from server.pictures import read_picture
from server.sites import PlaceDetail, Site
from server.store.base import AuditEntry
from tests.server.build import NOON
from tests.server.plans import png
from tests.server.test_browser import dump, pytestmark, served

__all__ = ["pytestmark", "served"]


def test_the_plan_is_drawn_and_can_be_clicked(site, served, tmp_path):
    audit = AuditEntry(NOON, "t", "t", "t")
    site.store.sites.add(Site("place"), audit)
    site.store.sites.set_plan("place", read_picture(png()), audit)
    lawn = PlaceDetail("box-a", "north", "lawn", "zone", "place", x=0.25, y=0.5)
    site.store.sites.describe([lawn], [audit])
    dom, console = dump(served + "/sites/place/edit", tmp_path / "profile")
    assert console == ""
    # The script marks the place that a click would move.
    assert re.search(r'<g class="mark seen chosen" data-mark="p1"', dom)
    dom, console = dump(served + "/sites/place", tmp_path / "profile")
    assert console == ""
    assert '<g class="mark' in dom
