"""The spool against kill -9, torn writes, damage, and a disk that refuses: nothing acknowledged is lost."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from bench.spool_salvage import measure as salvage
from contract.batch import stamp
from edge.errors import SpoolError
from edge.spool import Spool
from tests.edge.fault_server import RUN, config, line
from tests.edge.spool_files import old_file
from tests.edge.spool_world import adds_up, opened, sequence

ROOT = Path(__file__).parents[2]
PAGE = 1024
LEAF = 13  # first byte of a page that holds rows of a table

CHILD = """
import os, sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.fault_server import RUN, line
with Spool(Path(sys.argv[1]), device="box", run=RUN) as spool:
    os.write(1, b"open\\n")
    for number in range(int(sys.argv[2])):
        spool.append([line(number)])
        os.write(1, b"closed %d %d\\n" % (number, spool.stats().held))
"""


def integrity(path: Path) -> str:
    db = sqlite3.connect(path)
    try:
        return str(db.execute("PRAGMA integrity_check").fetchone()[0])
    finally:
        db.close()


def traced(
    tmp_path: Path, options: list[str], appends: int, code: str = CHILD
) -> subprocess.CompletedProcess[str]:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    if subprocess.run([strace, "-o", os.devnull, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here (ptrace is forbidden)")
    command = [strace, "-f", *options, sys.executable, "-c", code, str(tmp_path / "spool.db"), str(appends)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)


def test_r1_twenty_kills_lose_nothing() -> None:
    command = [sys.executable, "-m", "bench.spool_faults", "--kills", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)
    result = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, result
    assert (result["kills"], result["crashed"]) == (20, 0)
    assert (result["lost"], result["duplicated"], result["gaps"]) == (0, 0, 0)
    assert result["acknowledged"] > 10, "the children hardly lived: this proved nothing"


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.nightly)])
def test_r1_killed_while_the_server_comes_and_goes_each_interval_arrives_once(kills: int) -> None:
    command = [sys.executable, "-m", "bench.spool_link", "--kills", str(kills), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert (result["kills"], result["missing"], result["conflicts"], result["sum_error"]) == (kills, 0, 0, 0)
    assert result["closed"] > 10, "the children hardly lived: this proved nothing"


@pytest.mark.parametrize("offsets", [20, pytest.param(300, marks=pytest.mark.nightly)])
def test_r3_a_torn_wal_costs_the_tail_alone(tmp_path: Path, offsets: int) -> None:
    source = tmp_path / "source"
    ends = []
    with opened(source / "spool.db") as spool:
        spool.append([line(0)])
        base = sqlite3.connect(source / "spool.db")
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # row 0 is in the file, the others in the WAL alone
        base.close()
        for number in range(1, 40):
            spool.append([line(number)])
            ends.append((source / "spool.db-wal").stat().st_size)
        image, wal = ((source / name).read_bytes() for name in ("spool.db", "spool.db-wal"))
    draw = random.Random(7)
    for attempt in range(offsets):
        offset = draw.randrange(len(wal))
        torn = bytearray(wal[:offset])
        if attempt % 2:
            torn = bytearray(wal)
            torn[offset] ^= 1 + draw.randrange(255)
        folder = tmp_path / str(attempt)
        folder.mkdir()
        (folder / "spool.db").write_bytes(image)
        (folder / "spool.db-wal").write_bytes(torn)
        with opened(folder / "spool.db") as spool:
            whole = 1 + sum(end <= offset for end in ends)
            assert sequence(spool) == list(range(whole)), f"offset {offset}"
            assert spool.append([line(99)]) == [f"box/{RUN}/{whole}"]
            adds_up(spool)
        assert integrity(folder / "spool.db") == "ok"
        assert not list(folder.glob("*corrupt*")), "a torn WAL is no damage"


def test_r4_a_sync_lies_between_each_write_and_its_closed_line(tmp_path: Path) -> None:
    log = tmp_path / "trace"
    options = ["-y", "-o", str(log), "-e", "trace=pwrite64,write,fsync,fdatasync"]
    done = traced(tmp_path, options, 5)
    assert done.returncode == 0, done.stderr
    dirty = closed = 0
    for call in log.read_text().splitlines():
        if re.search(r"pwrite64\(\d+<[^>]*spool\.db-wal>", call):
            dirty += 1
        elif re.search(r"f(data)?sync\(\d+<[^>]*spool\.db-wal>\) += 0", call):
            dirty = 0
        elif "closed " in call:
            assert not dirty, f"told before it was synced: {call}"
            closed += 1
    assert closed == 5


@pytest.mark.parametrize(
    ("call", "nth", "error"),
    [
        ("pwrite64", 24, "ENOSPC"),
        ("pwrite64", 41, "EROFS"),
        ("fdatasync", 7, "EIO"),
        ("fdatasync", 11, "ENOSPC"),
    ],
)
def test_r5_a_disk_that_refuses_once_costs_nothing(tmp_path: Path, call: str, nth: int, error: str) -> None:
    opened(tmp_path / "spool.db").close()
    fault = f"{call}:error={error}"
    options = ["-o", os.devnull, "-e", "trace=pwrite64,fdatasync", "-e", f"inject={fault}:when={nth}"]
    done = traced(tmp_path, options, 12)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^closed \d+ 1$", done.stdout, re.MULTILINE), "the fault hit nothing"
    with opened(tmp_path / "spool.db") as spool:
        assert sequence(spool) == list(range(12)), done.stdout
        adds_up(spool)
    assert integrity(tmp_path / "spool.db") == "ok"


def filled(path: Path, rows: int = 2000) -> bytes:
    with opened(path) as spool:
        spool.append([config(), *[line(number) for number in range(1, rows)]])
    return path.read_bytes()


def test_r9_damaged_pages_cost_their_rows_alone(tmp_path: Path) -> None:
    image = filled(tmp_path / "whole.db")
    draw = random.Random(3)
    outcomes = []
    for attempt in range(12):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        path = folder / "spool.db"
        page = draw.randrange(1, len(image) // PAGE)
        broken = bytearray(image)
        broken[page * PAGE : (page + 1) * PAGE] = draw.randbytes(PAGE)
        path.write_bytes(broken)
        for _ in range(3):  # no restart loop: the second start finds nothing to mend
            with opened(path) as spool:
                left = sequence(spool)
                assert left == sorted(set(left))
                adds_up(spool)
                outcomes.append(len(left))
        assert integrity(path) == "ok"
        assert [file.name for file in folder.glob("*corrupt*")] == ["spool.db.corrupt-1"]
        assert (folder / "spool.db.corrupt-1").stat().st_mode & 0o077 == 0
        with opened(path) as spool:
            assert len(spool.append([line(1)])) == 1
    outcomes.sort()
    assert outcomes[len(outcomes) // 2] >= 1900, f"half of the time at most 100 of 2000 rows go: {outcomes}"


@pytest.mark.parametrize("count", [300, pytest.param(6000, marks=pytest.mark.nightly)])
def test_r9_whichever_page_is_damaged_costs_its_own_rows_and_each_is_counted(
    tmp_path: Path, count: int
) -> None:
    """Pages that lead to others among them, those of the schema, and the very first."""
    image = filled(tmp_path / "whole.db", count)
    draw, path = random.Random(4), tmp_path / "spool.db"
    roots = [page for page in range(1, len(image) // PAGE) if image[page * PAGE] in {2, 5}]
    others = [page for page in range(len(image) // PAGE) if page not in roots]
    for page in [*roots, *(others if count == 300 else draw.sample(others, 20))]:
        broken = bytearray(image)
        broken[page * PAGE : (page + 1) * PAGE] = draw.randbytes(PAGE)
        path.write_bytes(broken)
        with opened(path) as spool:
            now = spool.stats()
            assert now.pending + now.dropped_total == count, f"page {page}: {now}"
            assert now.dropped_total <= 30, f"page {page}: {now}"
            assert sequence(spool) == sorted(set(sequence(spool)))
        assert integrity(path) == "ok"
    assert len(roots) > (1 if count == 300 else 3), "no page that leads to others was damaged"


def test_r9_what_is_saved_and_what_is_lost_add_up_to_what_there_was(tmp_path: Path) -> None:
    found = salvage(tmp_path, days=0.1, pages=5, seed=1)
    assert found.saved + found.lost == found.records == 1085
    assert 0 < found.lost < 200, "a page holds some ten records"


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    for damaged in (b"\0" * 20_000, b"hello" * 999, filled(tmp_path / "whole.db")[:9000]):
        path.write_bytes(damaged)
        with opened(path) as spool:
            adds_up(spool)
            assert len(spool.append([line(1)])) == 1
    assert len(list(tmp_path.glob("spool.db.corrupt-?"))) == 3
    path.write_bytes(b"again" * 999)
    opened(path).close()
    assert sorted(file.name[-1] for file in tmp_path.glob("spool.db.corrupt-?")) == ["2", "3", "4"], (
        "three kept"
    )


def test_r9_twenty_restarts_on_a_damaged_file_are_no_loop(tmp_path: Path) -> None:
    """It is mended once, what it lost is said once, and each start stores from its first record on."""
    path = tmp_path / "spool.db"
    filled(path, 800)
    with path.open("r+b") as file:
        file.seek(40 * PAGE)
        file.write(b"\xff" * 4 * PAGE)
    lost = None
    for start in range(20):
        with Spool(path, device="box", run=f"{start:016x}") as spool:
            assert spool.append([line(start)]) == [f"box/{start:016x}/0"]
            adds_up(spool)
            lost = spool.stats().dropped_total if lost is None else lost
            assert spool.stats().dropped_total == lost
    assert [file.name for file in tmp_path.glob("*corrupt*")] == ["spool.db.corrupt-1"]
    assert lost


EVERY = """
import sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.fault_server import RUN, line
with Spool(Path(sys.argv[1]), device="box", run="f" * 16) as spool:
    for number in range(4):
        spool.append([line(number)], {"grid": str(number)})
        if number == 1:
            try:
                spool.settle([item.key for item in spool.peek(1)], {})
            except Exception as exc:
                print("told", type(exc).__name__)
    for _ in range(3):
        spool._file._retry_at = 0.0
        spool.append([])
    now = spool.stats()
    print("end", now.held, now.closed_total, now.dropped_total)
"""
CALLS = ["pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "openat"]


def every_step(tmp_path: Path, call: str, error: str, steps: range) -> int:
    """Fail the Nth call of one life for each N; returns the first N that was never reached, or the end."""
    for nth in steps:
        folder = tmp_path / f"{call}-{error}-{nth}"
        folder.mkdir()
        with opened(folder / "spool.db") as spool:
            (first,) = spool.append([line(77)])
        log = folder / "trace"
        options = ["-o", str(log), "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={nth}"]
        if call == "openat":
            options[2:2] = [
                "-P",
                str(folder),
                "-P",
                str(folder / "spool.db"),
                "-P",
                str(folder / "spool.db-wal"),
            ]
        done = traced(folder, options, 0, EVERY)
        hit = "INJECTED" in log.read_text()
        if done.returncode:
            assert "SpoolError" in done.stderr, f"{call} {nth}: {done.stderr[-800:]}"
            assert "Traceback" not in done.stdout
        with opened(folder / "spool.db") as spool:  # resumes without a human
            left = [item.key for item in spool.peek()]
            now = spool.stats()
            adds_up(spool)
            assert len(left) == len(set(left)) == now.pending
            assert now.dropped_total == now.rejected_total == 0
            assert first in left or now.accepted_total == 1
            if done.returncode == 0:
                assert "end 0 5 0" in done.stdout, f"{call} {nth}: {done.stdout}"
                assert now.pending + now.accepted_total == 5
            assert spool.append([line(1)])
        assert integrity(folder / "spool.db") == "ok"
        shutil.rmtree(folder)
        if not hit:
            return nth
    return steps.stop


def test_r5_a_failure_at_some_steps(tmp_path: Path) -> None:
    every_step(tmp_path, "pwrite64", "EIO", range(9, 10))
    every_step(tmp_path, "fdatasync", "ENOSPC", range(3, 4))
    every_step(tmp_path, "openat", "EIO", range(4, 5))  # SQLite then opens for reading alone, without a word


@pytest.mark.nightly
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize("call", CALLS)
def test_r5_a_failure_at_every_step(tmp_path: Path, call: str, error: str) -> None:
    assert every_step(tmp_path, call, error, range(1, 400)) < 400, "every step was failed once"


MENDING = """
import sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.fault_server import line
with Spool(Path(sys.argv[1]), device="box", run="f" * 16) as spool:
    for number in range(3):
        spool.append([line(number)])
        spool._file._retry_at = 0.0
    spool.append([])
    now = spool.stats()
    print("end", now.held, now.pending, now.dropped_total)
"""


@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
@pytest.mark.parametrize(
    "call",
    ["rename", *(pytest.param(call, marks=pytest.mark.nightly) for call in ("unlink", "fsync", "pwrite64"))],
)
def test_r5_a_salvage_that_fails_at_every_step_is_done_again(tmp_path: Path, call: str, error: str) -> None:
    """Nothing but the damaged rows goes, and they are counted once: by this start, or by the next."""
    image = bytearray(filled(tmp_path / "whole.db", 150))
    page = next(n for n in range(24, len(image) // PAGE) if image[n * PAGE] == LEAF)
    image[page * PAGE : (page + 1) * PAGE] = b"\xff" * PAGE
    for nth in range(1, 400):
        folder = tmp_path / f"{nth}"
        folder.mkdir()
        path = folder / "spool.db"
        path.write_bytes(image)
        log = folder / "trace"
        names = ("", "-wal", ".fresh", ".fresh-wal", ".fresh-journal", ".salvaged")
        only = [word for name in names for word in ("-P", f"{path}{name}")]
        options = ["-o", str(log), *only, "-P", str(folder), "-e", f"trace={call}"]
        done = traced(folder, [*options, "-e", f"inject={call}:error={error}:when={nth}"], 0, MENDING)
        with opened(path) as spool:
            now = spool.stats()
            assert 0 < now.dropped_total < 30, f"{call} {nth}: {done.stderr[-800:]}"
            assert now.pending + now.dropped_total == now.closed_total
            adds_up(spool)
            if done.returncode == 0:
                assert f"end 0 {now.pending} {now.dropped_total}" in done.stdout, (
                    f"{call} {nth}: {done.stdout}"
                )
                assert now.closed_total == 153
        assert integrity(path) == "ok"
        assert len(list(folder.glob("*.corrupt-?"))) == 1
        if "INJECTED" not in log.read_text():
            assert nth > 1, "no step was failed: this proved nothing"
            return
    pytest.fail("not every step was failed")


def test_a_flipped_digit_is_found_counted_and_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path, 20)
    db = sqlite3.connect(path)
    (body,) = db.execute("SELECT body FROM records WHERE id = 7").fetchone()
    assert body[0] == 6, "one person went in, in the seventh"
    db.execute("UPDATE records SET body = ? WHERE id = 7", (bytes((7,)) + body[1:],))
    db.commit()
    db.close()
    with opened(path) as spool:
        with pytest.raises(SpoolError, match="checksum"):
            spool.peek()
        assert sequence(spool) == [number for number in range(20) if number != 6]
        assert spool.stats().dropped_total == 1
        adds_up(spool)


def test_damage_while_running_is_mended_and_no_number_is_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    filled(path)
    with opened(path) as spool:
        with path.open("r+b") as file:
            for page in range(100, 120):
                file.seek(page * PAGE)
                file.write(b"\xff" * PAGE)
        (key,) = spool.append([line(2000)])
        assert key == f"box/{RUN}/2000"
        with suppress(SpoolError):  # appending touched no damaged page; the first reading does, and mends
            spool.peek(10**6, 10**9)
        assert sequence(spool)[-1] == 2000
        assert spool.stats().dropped_total > 0
        adds_up(spool)
    assert integrity(path) == "ok"
    assert (tmp_path / "spool.db.corrupt-1").exists()


def test_a_salvage_killed_half_way_is_finished_at_the_next_start(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole.db", 30)
    with opened(tmp_path / "stranger.db") as spool:
        spool.append([line(number) for number in range(50)])
        stranger = (tmp_path / "stranger.db-wal").read_bytes()
    path = tmp_path / "spool.db"
    for moved in (False, True):
        (tmp_path / "spool.db.salvaged").write_bytes(whole)
        (tmp_path / "spool.db-wal").write_bytes(stranger)
        if moved:
            path.unlink()
        else:
            path.write_bytes(b"damaged" * 999)
        with opened(path) as spool:
            assert sequence(spool) == list(range(30))
        assert not (tmp_path / "spool.db.salvaged").exists()
    (tmp_path / "spool.db.fresh").write_bytes(b"half a copy")
    path.write_bytes(b"damaged" * 999)
    with opened(path) as spool:
        assert sequence(spool) == []


def test_a_salvage_carries_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with opened(path) as spool:
        spool.append([line(number) for number in range(2000)], {"grid/north": "sums", "grid/south": "x"})
    db = sqlite3.connect(path)
    db.execute("UPDATE kept SET payload = 'y' WHERE name = 'grid/south'")
    db.commit()
    db.close()
    with path.open("r+b") as file:
        for page in range(100, 120):
            file.seek(page * PAGE)
            file.write(b"\xff" * PAGE)
    with opened(path) as spool:
        assert spool.stats().dropped_total > 0
        assert spool.kept() == {"grid/north": "sums"}, "a flipped letter is no sum"


def test_a_file_of_the_first_format_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    old_file(path, 1, [stamp(line(number), device="box", run=RUN, seq=number) for number in range(5)])
    with opened(path) as spool:
        assert sequence(spool) == list(range(5))
        spool.append([line(5)], {"grid/north": "sums"})
        assert spool.kept() == {"grid/north": "sums"}


KEEPER = """
import os, sys
from pathlib import Path
from edge.spool import Spool
from tests.edge.fault_server import RUN, line
with Spool(Path(sys.argv[1]), device="box", run=RUN) as spool:
    done = len(spool.peek(10**6, 10**9))
    os.write(1, b"open\\n")
    for number in range(done, done + 100_000):
        spool.append([line(number % 1000)], {"grid": str(number + 1)})
"""


def test_killed_at_any_moment_what_is_kept_agrees_with_the_records(tmp_path: Path) -> None:
    """Neither lost nor sent twice: the number kept is the number of records, whenever the process dies."""
    rng, path = random.Random(5), tmp_path / "spool.db"
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", KEEPER, str(path)], stdout=subprocess.PIPE, cwd=ROOT)
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        with suppress(subprocess.TimeoutExpired):
            child.wait(rng.uniform(0.0, 0.15))
        child.kill()
        child.communicate()
        with opened(path) as spool:
            assert int(spool.kept().get("grid", "0")) == len(sequence(spool))
    with opened(path) as spool:
        assert len(sequence(spool)) > 6, "it was killed at work"


def test_a_new_file_has_its_schema_without_its_wal(tmp_path: Path) -> None:
    with opened(tmp_path / "spool.db"):
        shutil.copy(tmp_path / "spool.db", tmp_path / "alone.db")
    db = sqlite3.connect(tmp_path / "alone.db")
    assert db.execute("PRAGMA user_version").fetchone() == (4,)
    assert db.execute("SELECT count(*) FROM totals").fetchone() == (1,)
    db.close()
