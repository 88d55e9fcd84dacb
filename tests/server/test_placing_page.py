"""Placing a camera on the plan of its site, and the presence map that is drawn on it."""

from __future__ import annotations

import json
import re

import pytest

from server.pairs import Ground
from server.store.sqlite import open_store
from tests.server.build import NOON, config, grid, zone, zone_config
from tests.server.plans import png
from tests.server.test_site_pages import note, planner, upload

HERE = "/sites/place/cameras/box-a/north"
MAP = "/cameras/box-a/north/presence"
IMAGE = [[0.2, 0.4], [0.8, 0.4], [0.9, 0.9], [0.1, 0.9]]
GROUND = {"image": IMAGE, "metres": [[0, 0], [20, 0], [20, 30], [0, 30]], "lonlat": None}
# 20 x 30 m at 2 % of the plan's height a metre, on a plan of 120 x 80 pixels.
ON_PLAN = [(20.0, 20.0), (20.0 + 80 / 120 * 40, 20.0), (20.0 + 80 / 120 * 40, 80.0), (20.0, 80.0)]


def fields(points, image=IMAGE):
    found = {}
    for n, ((x, y), (u, v)) in enumerate(zip(image, points, strict=False), 1):
        found |= {f"p{n}-x": x * 100, f"p{n}-y": y * 100, f"p{n}-u": f"{u:.4f}", f"p{n}-v": f"{v:.4f}"}
    return {name: str(value).replace(".", ",") for name, value in found.items()}


@pytest.fixture
def town(site):
    """A site with a plan and one camera with ground points and a presence grid."""
    cells = [None] * 144
    cells[16 * 6 + 6] = 7200.0
    site.post(
        [
            config(
                0,
                NOON - 7200,
                [zone_config("lawn", polygon=[[0.2, 0.5], [0.8, 0.5], [0.5, 0.9]])],
                ground=GROUND,
            ),
            zone(1, NOON - 7200),
            grid(10, NOON - 3600, observed_s=3600.0, object_s=cells),
        ]
    )
    site.clock.now = NOON + 900
    act = planner(site)
    act("/sites", id="place", label_fr="Place du marché")
    upload(site, png())
    act("/sites/place/places", **{"o1-key": "box-a/north/lawn/zone", "o1-in": "1"})
    return site


def seen(site, path=MAP, language="en", role="planner"):
    answer = site.client(role).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.text)


def test_a_placed_camera_draws_its_presence_on_the_plan(town):
    assert "<image" not in seen(town)
    assert f'href="{HERE}"' in seen(town)
    assert "not placed yet" in seen(town, "/sites/place/edit")
    answer = planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    assert (answer.status_code, answer.headers["location"]) == (303, HERE + "?done=1")
    text = seen(town)
    assert '<image href="/sites/place/plan?v=' in text
    assert len(re.findall(r'<polygon class="(?:few|p\d)"', text)) > 50
    assert "by 4 points" in text
    assert "fits worst is 0.00 m from its place" in text
    # The outline of the zone too, once in the frame and once on the plan.
    plan = text[text.index("<image") :]
    assert plan.count('class="outline"') == 1
    assert seen(town, HERE).count("off by 0.00 m") == 4
    assert f'href="{MAP}"' in seen(town, "/sites/place")
    entry = town.store.accounts.audit(1, "site.placing")[0]
    assert (entry.actor, entry.subject) == ("planner-1", "place/cameras/box-a/north")
    assert entry.detail.startswith("scale: 20 40 20 20; ")


def test_where_a_cell_lies_is_where_the_ground_says(town):
    """A cell whose corners are known: the middle of the far edge of the ground, (10, 0) m."""
    planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    kept = town.store.placings.placing("box-a", "north")
    from server.pages.states import PLAN_W
    from server.placing import place

    placed = place(kept.pairs, PLAN_W, PLAN_W * 80 / 120, kept.fit, kept.ground)
    u, v = placed.projection.outline([(0.5, 0.4)])[0]
    assert (u / PLAN_W * 100, v / (PLAN_W * 80 / 120) * 100) == (
        pytest.approx((ON_PLAN[0][0] + ON_PLAN[1][0]) / 2, abs=1e-3),
        pytest.approx(20, abs=1e-3),
    )


@pytest.mark.parametrize(
    ("sent", "rule"),
    [
        ({"fit": "scale", **fields(ON_PLAN[:1])}, "1 / 2"),
        ({"fit": "scale", **fields([(20, 20), (70, 20), (20, 70), (70, 80)])}, "do not fit one another"),
        ({"fit": "free", **fields([ON_PLAN[1], ON_PLAN[0], ON_PLAN[3], ON_PLAN[2]])}, "other way round"),
        ({"fit": "scale", **fields(ON_PLAN), "p2-u": ""}, "Point 2 needs all four numbers"),
        ({"fit": "scale", **fields(ON_PLAN), "p2-u": "abc"}, "A number was expected"),
        ({"fit": "scale", **fields(ON_PLAN), "p2-u": "140"}, "Point 2 must lie within"),
        ({"fit": "odd", **fields(ON_PLAN)}, "Unknown choice"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_comes_back_as_it_was_typed(town, sent, rule):
    answer = town.client("planner").post(
        HERE, data={"csrf": "csrf-planner", **sent}, headers={"Accept-Language": "en"}
    )
    assert answer.status_code == 400
    assert rule in note(answer)
    assert f'value="{sent["p1-u"]}"' in answer.text
    assert town.store.placings.placing("box-a", "north") is None
    assert "<image" not in seen(town)


def test_without_ground_points_four_free_points_do(town):
    town.post([config(1, NOON, [zone_config("lawn")], run="e" * 16)])
    page = seen(town, HERE)
    assert "not known in metres" in page
    assert 'value="scale"' not in page
    refused = planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    assert refused.status_code == 400
    assert planner(town)(HERE, fit="free", **fields(ON_PLAN)).status_code == 303
    text = seen(town)
    assert "<image" in text
    assert "nothing checks" in text
    assert town.store.placings.placing("box-a", "north").ground is None


def test_another_plan_or_other_ground_points_draw_nothing_and_say_so(town):
    planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    moved = GROUND | {"metres": [[0, 0], [25, 0], [25, 30], [0, 30]]}
    town.post([config(1, NOON, [zone_config("lawn")], ground=moved, run="e" * 16)])
    assert "<image" not in seen(town)
    assert "ground points have changed" in seen(town)
    town.post([config(2, NOON + 1, [zone_config("lawn")], ground=GROUND, run="f" * 16)])
    assert "<image" in seen(town)
    upload(town, png(300, 200))
    assert "<image" not in seen(town)
    assert "plan has changed" in seen(town)
    assert "to be placed again" in seen(town, "/sites/place/edit")
    # A reader who may not plan is told, and not sent to a form.
    assert "plan has changed" in seen(town, role="viewer")
    assert HERE not in seen(town, role="viewer")


def test_a_camera_is_taken_off_its_plan_and_goes_with_its_site(town):
    planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    assert planner(town)(HERE, remove="1").status_code == 303
    assert town.store.placings.placing("box-a", "north") is None
    assert town.store.accounts.audit(1, "site.placing")[0].detail == "removed"
    planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    planner(town)("/sites/place/remove", sure="1")
    assert town.store.placings.placing("box-a", "north") is None


@pytest.mark.parametrize(
    "path",
    [
        "/sites/none/cameras/box-a/north",
        "/sites/place/cameras/box-a/south",
        "/sites/place/cameras/box-b/north",
    ],
)
def test_only_cameras_of_the_site_are_placed(town, path):
    assert town.client("planner").get(path).status_code == 404
    assert planner(town)(path, fit="free", **fields(ON_PLAN)).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "technician", "crew"])
def test_only_planners_place(town, role):
    assert town.client(role).get(HERE).status_code == 403
    assert planner(town, role)(HERE, fit="scale", **fields(ON_PLAN)).status_code == 403
    assert town.client("planner").post(HERE, data={"csrf": "no", "fit": "scale"}).status_code == 403


def test_a_placing_outlives_a_restart(town, tmp_path):
    planner(town)(HERE, fit="scale", **fields(ON_PLAN))
    kept = town.store.placings.placing("box-a", "north")
    assert kept.ground == Ground(tuple(map(tuple, IMAGE)), ((0, 0), (20, 0), (20, 30), (0, 30)))
    again = open_store(tmp_path / "data" / "parvis.sqlite3")
    assert again.placings.placing("box-a", "north") == kept
    again.close()


def test_degrees_lay_the_cells_on_the_earth(make_site):
    site = make_site("tiles", tile_url="https://tiles.example/{z}/{x}/{y}.png")
    lonlat = [[2.35, 48.85], [2.3503, 48.85], [2.3503, 48.8496], [2.35, 48.8496]]
    ground = {"image": IMAGE, "metres": None, "lonlat": lonlat}
    cells = [3600.0] * 144
    site.post(
        [
            config(0, NOON - 7200, [zone_config("lawn")], ground=ground),
            zone(1, NOON - 7200),
            grid(10, NOON - 3600, observed_s=3600.0, object_s=cells),
        ]
    )
    site.clock.now = NOON + 900
    text = site.client("planner").get(MAP, headers={"Accept-Language": "en"}).text
    told = json.loads(re.search(r'data-cells="([^"]*)"', text).group(1).replace("&#34;", '"'))
    assert len(told) > 50
    for shade, _, corners in told:
        assert shade == 6
        assert all(48.83 < lat < 48.87 and 2.33 < lon < 2.37 for lat, lon in corners)
    # The cell in the middle of the ground lies within it.
    middle = next(corners for _, words, corners in told if words.startswith("H7:"))
    assert all(48.8496 < lat < 48.85 and 2.35 < lon < 2.3503 for lat, lon in middle)
