"""R14 to R16: a box that does not know the time counts on, holds it, and files it right or under no day at all."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from contract.messages import LineBody
from edge import holding
from edge.holding import Holding
from edge.provisional import Slice, read, sorted_in, written
from tests.edge.clockwork import INTERVAL_S, World
from tests.edge.scene import START

OLD = 1_500_000_000.0  # 2017: what a clock says that nobody has set
DAY_S = 86400.0


def settled(world: World) -> World:
    """Known time for as long as everything takes to be sorted in and closed."""
    world.sync()
    world.live(120)
    world.stop()
    return world


def test_r16_a_boot_without_time_is_held_and_files_within_two_seconds_once_it_is_known() -> None:
    world = World()
    world.boot(OLD)
    world.live(300)
    assert not world.records
    assert 200 <= world.keeper.held_s <= 300
    settled(world)
    world.nothing_lies()
    world.nothing_is_missing()
    assert world.counts("unsynced").total() == 0
    (told,) = world.configs
    assert abs(told.at.timestamp() - START.timestamp() - 3.3) <= 1, (
        "the configuration holds from the start on"
    )


def test_r16_within_one_second_by_the_middle_of_its_slice() -> None:
    """The promise is 2 s; the slices are half of that off at most, and the network's time is no error here."""
    world = settled(World())
    world.nothing_lies(1.0)


def test_r16_the_server_s_time_does_where_no_time_service_answers() -> None:
    world = World()
    world.live(100)
    world.server()
    world.live(200)
    world.nothing_lies()
    assert world.counts("synced").total() > 150
    assert abs(world.keeper.clock.skew_s or 0) > DAY_S, "by the wall clock, which is still wrong"


@pytest.mark.parametrize(("unix", "took"), [(OLD, 0.1), (0.0, 0.1), (1e12, 0.1), (2e9, 2.5), (2e9, -1.0)])
def test_a_server_that_cannot_know_or_answers_late_sets_no_clock(unix: float, took: float) -> None:
    world = World()
    now = world.monotonic()
    world.keeper.clock.server_said(unix, now - took, now)
    world.live(30)
    assert not world.keeper.clock.known


def test_r17_the_box_says_how_far_its_clock_is_off(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.sync()
    world.live(5)
    world.true += 0  # the server is 90 s ahead
    now = world.monotonic()
    world.keeper.clock.server_said(world.true + 90, now - 0.2, now)
    assert world.keeper.clock.skew_s == pytest.approx(90, abs=0.2)
    assert "-90" in caplog.text
    world.live(60)
    world.nothing_lies()


def test_r16_a_power_cut_before_the_time_is_known_files_under_no_day() -> None:
    world = World()
    world.live(300)
    world.halt()
    world.true += 3600
    world.boot(OLD + 500)
    world.live(60)
    assert world.counts("unsynced").total() > 150
    assert world.counts("synced").total() == 0
    settled(world)
    world.nothing_lies()
    world.nothing_is_missing()
    assert {
        body.start.year
        for _, body in world.records
        if isinstance(body, LineBody) and body.time_quality == "unsynced"
    } == {1970}


def test_r16_a_power_cut_right_after_the_time_became_known_still_files_right() -> None:
    world = World()
    world.live(300)
    world.sync()
    world.live(15)  # known, not yet sorted in
    assert world.counts("synced").total() == 0
    world.halt()
    world.true += 3600
    world.boot(OLD)
    world.live(30)
    assert world.counts("unsynced").total() == 0
    assert world.counts("synced").total() > 200
    settled(world)
    world.nothing_lies()
    world.nothing_is_missing()


def test_r16_a_crash_and_a_restart_before_the_time_is_known_lose_no_more_than_ever() -> None:
    world = World()
    world.live(200)
    world.crash()
    world.start()
    world.live(100)
    world.stop()
    world.start()
    world.live(100)
    settled(world)
    world.nothing_lies()
    world.nothing_is_missing()


@pytest.mark.parametrize("step", [-14 * DAY_S, 365 * DAY_S, -1.7e9, 3652 * DAY_S, -3652 * DAY_S, 0.0])
def test_r15_who_sets_the_clock_by_hand_moves_nothing(step: float, caplog: pytest.LogCaptureFixture) -> None:
    """The kernel says so itself: a clock that is set is unsynchronised until a time service puts it right."""
    world = World()
    world.sync()
    world.live(65)
    world.wall_off, world.synced = step, False
    world.live(300)
    world.nothing_lies(0.01)
    assert world.runs == 1
    settled(world)
    world.nothing_lies(0.01)
    world.nothing_is_missing()


def test_a_network_that_is_away_for_a_month_takes_nothing_back() -> None:
    """After some hours the kernel calls every clock unsynchronised; what it was set to still holds."""
    world = World()
    world.sync()
    world.live(60)
    world.synced = False
    world.live(200)
    assert world.keeper.clock.known
    world.stop()
    world.nothing_is_missing()


@pytest.mark.parametrize("known", [True, False])
def test_a_machine_that_slept_files_nothing_under_the_time_before(known: bool) -> None:
    world = World()
    if known:
        world.sync()
    world.live(45)
    world.sleep(5 * 3600 + 7.7)
    world.live(100)
    settled(world)
    world.nothing_lies(1.0)
    world.nothing_is_missing()


def test_more_than_three_days_of_unknown_time_go_as_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "MOST", 5)
    world = World()
    world.live(1500)
    assert len([name for name in world.kept if name.startswith("held/")]) <= 6
    early = world.counts("unsynced").total()
    assert early > 1000
    settled(world)
    world.nothing_lies()
    assert early + world.counts("synced").total() == len(world.crossed)


def test_what_cannot_be_read_costs_its_minute_and_no_start(caplog: pytest.LogCaptureFixture) -> None:
    one = Slice(0, {"interval_s": 60})
    kept = {"held/a/000000001": "x", "held/a/000000002": f"1.0 {written([one])[:-4]}", "grid/cam": "else"}
    held = Holding(kept, "b")
    with caplog.at_level(logging.WARNING):
        assert held.hand_over(ended=False) == ([], {"held/a/000000001": None, "held/a/000000002": None})
    assert caplog.text.count("cannot be read") == 2


def test_slices_are_written_and_read_back() -> None:
    world = World()
    world.live(60)
    (text,) = (text for name, text in world.kept.items() if name.startswith("held/"))
    slices = read(text.split(" ")[1])
    assert len(text) < 2000
    assert [one.begins for one in slices] == sorted({one.begins for one in slices})
    for wrong in ("", "zz", "{}", written(slices)[:-9]):
        with pytest.raises(ValueError):
            read(wrong)
    bodies = sorted_in(slices, START.timestamp(), "synced")
    assert sum(body.observed_s for body in bodies) == pytest.approx(2.0 * len(slices) - 0.0, abs=2)
    assert all(body.start.timestamp() % INTERVAL_S == 0 for body in bodies)


class ClockMachine(RuleBasedStateMachine):
    """Whatever happens to clock, process and power: nothing is filed under a wrong day, and nothing is lost."""

    def __init__(self) -> None:
        super().__init__()
        logging.disable(logging.CRITICAL)
        self.world = World()

    def teardown(self) -> None:
        self.world.live(20)
        settled(self.world).start()
        settled(self.world)
        self.world.nothing_lies()
        self.world.nothing_is_missing()
        logging.disable(logging.NOTSET)

    @rule(seconds=st.integers(1, 150))
    def live(self, seconds: int) -> None:
        self.world.live(seconds)

    @rule()
    def sync(self) -> None:
        self.world.sync()

    @rule(took=st.floats(0.0, 2.0))
    def server(self, took: float) -> None:
        self.world.server(took)

    @rule(off=st.one_of(st.floats(-90, 90), st.sampled_from([-14 * DAY_S, 365 * DAY_S, -1.7e9, 3e8])))
    def set_by_hand(self, off: float) -> None:
        self.world.wall_off, self.world.synced = self.world.wall_off + off, False

    @rule()
    def lose_the_time_service(self) -> None:
        self.world.synced = False

    @rule()
    def restart(self) -> None:
        self.world.stop()
        self.world.start()

    @rule(away=st.floats(0.5, 40))
    def crash(self, away: float) -> None:
        self.world.crash()
        self.world.true += away
        self.world.start()

    @rule(away=st.floats(20, 1e6), wall=st.sampled_from([0.0, OLD, 2.4e9]))
    def reboot(self, away: float, wall: float) -> None:
        self.world.halt()
        self.world.true += away
        self.world.boot(wall)

    @rule(seconds=st.floats(2, 50_000))
    def sleep(self, seconds: float) -> None:
        self.world.sleep(seconds)

    @invariant()
    def nothing_lies(self) -> None:
        self.world.nothing_lies()


TestClockModel = ClockMachine.TestCase
TestClockModel.settings = settings(
    max_examples=20,
    stateful_step_count=10,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
