"""R35: no pixel leaves. The real `parvis edge run` sees pictures of noise; none of it may turn up anywhere else.

Needs Linux with strace and the right to make a network namespace (root, or user namespaces); skips where they lack.
"""

from __future__ import annotations

import ast
import base64
import dataclasses
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from contract.batch import pack, parse_record
from contract.messages import canonical
from tests.edge.fault_server import TOKEN
from tests.front_door import BOX, person_model
from tests.onnx_factory import SIX, raw_output
from tests.privacy import canary, watched
from tests.privacy.canary import Needles
from tests.privacy.recorder import opened, requests
from tests.privacy.watched import CAMERA_PORT, NOTIFY, PAGES, PORT, ROOT, STATUS_PORT, Watched

PASSWORD = "Hunter2-9c41"
NOBODY = 9  # a port that nobody serves
# No divisor of the looks at the picture, one a second: the same one at every third would be a frozen camera.
DISTINCT = 7
FPS = 2

# What the box may open for writing, and why; anything else fails. All of it is searched for pictures as well.
WRITABLE = {
    "state/spool.db": "closed records until the server has them",
    "state/spool.db-journal": "SQLite's, while the file is made and before it is in WAL mode",
    "state/spool.db-wal": "SQLite's, of the spool",
    "state/spool.db-shm": "SQLite's index of the WAL",
    "state/spool.db.lock": "keeps a second process away; stays empty",
    "state/purposes.jsonl": "when a zone became operational, and on what ground",
    "/dev/null": "what capture processes say",
}
# Memory without a name in any file system: gone with the last process that holds it.
MEMORY = {b"parvis-frames": "pictures, from a capture process to the box"}
PROGRAMS = {"-m parvis": "the box", "-B -m edge.capture": "reads one camera"}
HEADERS = {
    "", "host", "accept", "connection", "user-agent", "authorization", "content-type", "content-encoding",
    "accept-encoding", "content-length",
}  # fmt: skip

GATE = f"""\
  - id: gate
    source: 'rtsp://operator:{PASSWORD}@127.0.0.1:{CAMERA_PORT}/live'
    zones:
      - id: yard
        kind: area
        purpose: operational
        operational: {{legal_basis: "decree 7", dpia_reference: "AIPD-7"}}
        polygon: [[0.2, 0.2], [0.8, 0.2], [0.8, 0.95]]
"""


def box(
    folder: Path, port: int | None, *, cameras: str = "", model: Callable[[Path], Path] = person_model
) -> Path:
    """A box that counts pictures of noise, which a stub finds a person in, with a token in its file."""
    canary.video(folder / "clip.mkv", DISTINCT, seconds=90, fps=FPS)
    model(folder / "tiny.onnx")
    (folder / "token").write_text(TOKEN + "\n")
    (folder / "token").chmod(0o600)
    extra = f"server: {{url: 'http://127.0.0.1:{port}', token_file: token}}\n" if port else ""
    path = folder / "box.yaml"
    path.write_text(BOX.format(source="clip.mkv", extra=extra, model="tiny.onnx") + cameras)
    return path


@pytest.fixture(scope="module")
def needles(tmp_path_factory: pytest.TempPathFactory) -> Needles:
    """Every eight bytes of the pictures; the video is the same wherever it is made."""
    path = canary.video(
        tmp_path_factory.mktemp("noise") / "clip.mkv", DISTINCT, seconds=DISTINCT / FPS, fps=FPS
    )
    pictures = list(canary.frames(path))
    assert len({image.tobytes() for image, _ in pictures}) == DISTINCT
    return Needles(layout for image, own in pictures for layout in canary.layouts(image, own))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(11.0, id="over an interval's end"),  # whatever the clock shows
        # Until intervals close while it runs, 30 s after their end, and a second health record.
        pytest.param(75.0, id="a minute and more", marks=pytest.mark.nightly),
    ],
)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """The run that most of these tests look at."""
    if (obstacle := watched.obstacle()) is not None:
        pytest.skip(obstacle)
    folder = tmp_path_factory.mktemp("watched")
    box(folder, PORT, cameras=GATE)
    return watched.watch(folder, request.param)


def traces(run: Watched) -> dict[str, bytes]:
    """Every byte that left a process by a system call, by where it went."""
    found: dict[str, bytes] = {}
    for call in run.calls:
        if call.name in watched.WRITING:
            kind = re.sub(r":.*", "", call.target) if not call.target.startswith("/") else call.target
            found[f"written to {kind}"] = found.get(f"written to {kind}", b"") + call.data + b"\n"
    return found


def remains(run: Watched) -> dict[str, bytes]:
    """What the server got, the log, and every file below the box's folders, while it ran and afterwards."""
    found = {f"sent from port {port}": data for port, data in run.heard.items()}
    found |= {f"said from port {port}": opened(body) for port in run.heard for _, body in posted(run)}
    for folder in ("state", "during", "home", "tmp", "cwd", "asked"):
        for path in (run.folder / folder).rglob("*"):
            if path.is_file():
                found[f"file {path.relative_to(run.folder)}"] = path.read_bytes()
    return found | {"log": run.said}


def posted(run: Watched) -> list[tuple[dict[str, str], bytes]]:
    return [request for data in run.heard.values() for request in requests(data)]


def leaks(run: Watched, needles: Needles) -> dict[str, int]:
    """Where pictures are, and how often."""
    everything = traces(run) | remains(run)
    return {name: count for name, data in everything.items() if (count := needles.found(data))}


HIDING: dict[str, Callable[[bytes], bytes]] = {
    "raw": lambda raw: raw,
    "eight bytes": lambda raw: raw[1000:1008],
    "base64": base64.b64encode,
    "base64, one later": lambda raw: base64.b64encode(b"x" + raw),
    "base64, two later": lambda raw: base64.b64encode(b"xy" + raw),
    "base64 for an address": base64.urlsafe_b64encode,
    "base64 in lines": base64.encodebytes,
    "hexadecimal": lambda raw: raw.hex().encode(),
    "numbers": lambda raw: json.dumps(list(raw)).encode(),
    "an array as Python shows it": lambda raw: repr(np.frombuffer(raw, np.uint8).reshape(64, 64, 3)).encode(),
    "bytes as Python shows them": lambda raw: repr(raw).encode(),
    "a text in JSON": lambda raw: json.dumps(raw.decode("latin-1")).encode(),
    "a text": lambda raw: raw.decode("latin-1").encode(),
    "gzip": gzip.compress,
}


@pytest.mark.parametrize("way", sorted(HIDING))
def test_the_search_finds_a_planted_picture(needles: Needles, tmp_path: Path, way: str) -> None:
    video = canary.video(tmp_path / "clip.mkv", 1, seconds=1, fps=FPS)
    image, _ = next(canary.frames(video))
    text = json.dumps({"camera": "north", "zone": "lawn", "sha256": "0f" * 32}).encode() * 9
    assert needles.found(text) == 0
    assert needles.found(text + HIDING[way](image.tobytes()) + text) > 0


@pytest.mark.parametrize("layout", range(12))
def test_the_search_knows_every_layout(needles: Needles, tmp_path: Path, layout: int) -> None:
    video = canary.video(tmp_path / "clip.mkv", 1, seconds=1, fps=FPS)
    own = list(canary.layouts(*next(canary.frames(video))))
    assert len(own) == 12
    assert needles.found(b"{" + own[layout][101:180] + b"}") > 20


def test_the_search_knows_pictures_that_are_encoded(tmp_path: Path) -> None:
    for name, begin in canary.MAGIC.items():
        assert name in canary.magic(b"log " + begin + b"...")
        assert name in canary.magic(b"log " + base64.b64encode(b"a" + begin + b"more of it"))


def test_the_check_sees_a_leak_wherever_it_is(run: Watched, needles: Needles) -> None:
    image = next(canary.frames(run.folder / "clip.mkv"))[0].tobytes()
    write = next(call for call in run.calls if call.name == "pwrite64")
    calls = [*run.calls, dataclasses.replace(write, strings=(image,), target="/var/tmp/picture")]
    assert list(leaks(dataclasses.replace(run, calls=calls), needles)) == ["written to /var/tmp/picture"]
    port, sent = next(iter(run.heard.items()))
    more = b"\r\nX-Picture: " + base64.b64encode(image[:30]) + b"\r\n\r\n"
    heard = {**run.heard, port: sent.replace(b"\r\n\r\n", more, 1)}
    assert list(leaks(dataclasses.replace(run, heard=heard), needles)) == [f"sent from port {port}"]
    for folder in ("state", "during", "home", "tmp"):
        path = run.folder / folder / "picture"
        path.write_bytes(b"x" + image)
        assert list(leaks(run, needles)) == [f"file {folder}/picture"]
        path.unlink()


def test_the_box_counted_meanwhile(run: Watched) -> None:
    assert run.seen["code"] == 0, run.said.decode()
    records = [record for _, body in posted(run) for record in json.loads(opened(body))["records"]]
    counted = [
        r["counts"].get("person", {}).get("object_s", 0) for r in records if r["type"] == "parvis.zone.v1"
    ]
    assert sum(counted) > 5
    assert len([seconds for seconds in counted if seconds]) >= 2  # intervals
    assert {r["camera"] for r in records if r["type"] == "parvis.health.v1"} == {"cam", "gate"}
    assert {r["type"] for r in records} >= {"parvis.config.v1", "parvis.line.v1"}


def test_no_picture_is_sent_written_or_logged(run: Watched, needles: Needles) -> None:
    assert len(needles) > 400_000
    assert len(remains(run)["file during/spool.db-wal"]) > 4096
    assert leaks(run, needles) == {}
    for name, data in (traces(run) | remains(run)).items():
        assert canary.magic(data, in_files=True) == [], name


def test_every_byte_sent_is_part_of_a_record(run: Watched) -> None:
    by_port: dict[int, bytes] = {}
    answered: dict[str, bytes] = {}
    for call in run.calls:
        if call.name in watched.WRITING and call.target.startswith("TCP"):
            if call.target.startswith(f"TCP:[127.0.0.1:{STATUS_PORT}->127.0.0.1:"):
                answered[call.target] = answered.get(call.target, b"") + call.data
                continue
            ways = re.fullmatch(rf"TCP:\[127\.0\.0\.1:(\d+)->127\.0\.0\.1:{PORT}\]", call.target)
            assert ways is not None, call.target
            by_port[int(ways[1])] = by_port.get(int(ways[1]), b"") + call.data
    assert by_port == run.heard  # the server recorded all that the system calls show, and they all of that
    # The box's own page answers who is on this machine and asks, and says nothing by itself.
    asked = sorted((run.folder / "asked" / page).read_bytes() for page in PAGES)
    assert sorted(answered.values()) == asked
    for headers, body in posted(run):
        assert set(headers) == HEADERS
        assert headers[""] == "POST /api/v1/records HTTP/1.1"
        text = opened(body)
        assert text.isascii()  # and so neither picture nor start code
        payloads = [canonical(parse_record(item)) for item in json.loads(text)["records"]]
        assert pack(payloads)[10:] == body[10:]  # behind gzip's ten bytes, which hold a time
        assert body[3] == 0  # no name, no comment in it


def test_nobody_else_is_spoken_to(run: Watched) -> None:
    assert run.seen["interfaces"] == ["lo"]
    spoken, listening = set(), []
    for call in run.calls:
        assert call.name not in watched.UNSEEN, call
        if call.name == "bind":
            port = re.search(r"htons\((\d+)\)", call.text)
            assert port is not None, call
            listening.append((call.data.decode(), int(port[1])))
        if call.name == "connect":
            port = re.search(r"htons\((\d+)\)", call.text)
            spoken.add(f"{call.data.decode()}:{port[1]}" if port else call.data.decode())
    # The last is libc's cache of user names, which Python asks for the home when it starts.
    allowed = {f"127.0.0.1:{PORT}", f"127.0.0.1:{CAMERA_PORT}", "/var/run/nscd/socket"}
    assert f"127.0.0.1:{PORT}" in spoken
    assert spoken <= allowed
    systemd = {call.strings for call in run.calls if call.name == "sendto" and call.target.startswith("UNIX")}
    assert listening == [("127.0.0.1", STATUS_PORT)]  # for this machine alone
    assert sum(call.name == "listen" for call in run.calls) == 1
    words = {word for word, _ in systemd}
    assert {word for word in words if not word.startswith(b"STATUS=")} == {
        b"READY=1",
        b"WATCHDOG=1",
        b"STOPPING=1",
    }
    assert any(word.startswith(b"STATUS=degraded: ") for word in words)
    assert {address for _, address in systemd} == {NOTIFY[1:].encode()}


def test_the_boxs_own_page_was_asked_and_tells_no_live_state(run: Watched) -> None:
    health, metrics = ((run.folder / "asked" / page).read_text() for page in PAGES)
    assert '"verdict": "' in health
    assert 'parvis_camera_up{camera="cam"} 1' in metrics
    # Of the statistics zone and the line nothing yet but that they are; of what is in the picture never a box.
    told = [line for line in metrics.splitlines() if 'zone="middle"' in line or 'line="gate"' in line]
    assert told
    assert all(line.endswith(" 0") for line in told)
    assert all(word not in health + metrics for word in (PASSWORD, TOKEN, "xyxy", "confidence"))


def test_only_listed_files_are_written(run: Watched) -> None:
    allowed = {str(run.folder / path) for path in WRITABLE}  # an absolute one stays itself
    written = {
        call.path
        for call in run.calls
        if call.name in watched.OPENING
        and (call.name == "creat" or re.search("O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND", call.text))
    }
    assert str(run.folder / "state/spool.db-wal") in written
    assert written <= allowed
    assert {call.data for call in run.calls if call.name == "memfd_create"} == set(MEMORY)
    programs = [call for call in run.calls if call.name == "execve"]
    for call in programs:
        words = b" ".join(call.strings[2:]).decode()
        assert any(words.startswith(program) for program in PROGRAMS), words


def test_nothing_outlives_the_box(run: Watched) -> None:
    assert run.seen["left"] == []  # and with the processes their shared memory
    left = {str(path.relative_to(run.folder)) for path in (run.folder / "state").iterdir()}
    assert left == {"state/spool.db", "state/spool.db.lock", "state/purposes.jsonl"}
    for folder in ("home", "tmp", "cwd"):
        assert list((run.folder / folder).iterdir()) == []


def test_a_crash_would_leave_no_dump(run: Watched) -> None:
    limits = run.seen["limits"]
    assert isinstance(limits, dict)
    assert len(limits) >= 2
    for command, text in limits.items():
        # One byte at most: what a capture process leaves itself, since a kernel takes 1 for "no pipe either".
        assert re.search(r"Max core file size +[01] +[01] ", text), command
    # A kernel that pipes dumps to a program does not look at the limit.
    sealed = {
        call.pid for call in run.calls if call.name == "prctl" and "SUID_DUMP_DISABLE) = 0" in call.text
    }
    for call in run.calls:
        words = b" ".join(call.strings[2:])
        if call.name == "memfd_create" or (call.name == "execve" and words.startswith(b"-m parvis")):
            assert call.pid in sealed
    readers = {call.pid for call in run.calls if b"edge.capture" in call.strings and call.name == "execve"}
    confined = {call.pid for call in run.calls if "PR_SET_PDEATHSIG" in call.text}
    assert confined
    assert confined <= sealed & readers


def test_no_secret_and_no_track_is_told(run: Watched) -> None:
    everything = traces(run) | remains(run)
    for name, data in everything.items():
        said = data.replace(f"Authorization: Bearer {TOKEN}".encode(), b"")
        if name == "written to pipe":  # the camera's address, for its capture process alone
            said = said.replace(PASSWORD.encode(), b"")
        for view in canary.views(said):
            assert TOKEN.encode() not in view, name
            assert PASSWORD.encode() not in view, name
        assert b"track" not in data.lower(), name
    assert PASSWORD.encode() in everything["written to pipe"]
    for call in run.calls:
        assert call.name != "execve" or PASSWORD.encode() not in call.data
    assert b"operator:***@127.0.0.1" in run.said


CRASH = """\
import sys
from edge.pipeline import Pipeline
from edge.uplink import Uplink

seen = []

def step(self, frame, real=Pipeline.step):
    seen.append(frame)
    pictures = [item.image for item in seen]
    if len(pictures) == 3:
        raise ValueError("a fault put in by a test")
    return real(self, frame)

def push(self, *words, **named):
    headers = dict(self._client.headers)
    raise KeyError("another one")

Pipeline.step, Uplink.push_once = step, push
from parvis.cli import main
main()
"""


def to_its_end(config: Path, *words: str) -> tuple[int, bytes]:
    """A box that fails: its exit code and all it said."""
    folder = config.parent
    done = subprocess.run(
        [sys.executable, *words, "edge", "run", "-v", "--config", str(config)],
        cwd=folder,
        env=watched.environment(folder),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def no_picture_in(said: bytes, needles: Needles) -> None:
    assert needles.found(said) == 0
    assert canary.magic(said) == []
    for word in (TOKEN, PASSWORD, "array(", "dtype", "uint8", "Frame(", "Authorization", "Bearer"):
        assert word.encode() not in said, said.decode()


def test_a_traceback_shows_no_picture_and_no_secret(tmp_path: Path, needles: Needles) -> None:
    code, said = to_its_end(box(tmp_path, NOBODY, cameras=GATE), "-c", CRASH)
    assert code == 1
    assert b"ValueError: a fault put in by a test" in said
    assert b"KeyError: 'another one'" in said
    assert said.count(b"Traceback") >= 2
    no_picture_in(said, needles)


def failing_model(path: Path) -> Path:
    """A model that can look at a black picture only."""
    boxes = numpy_helper.from_array(raw_output([(32, 32, 10, 20, 0, 0.9)], 6, 84), "boxes")
    many = numpy_helper.from_array(np.array([200.0], np.float32), "many")
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "many"], ["far"]),
        helper.make_node("Cast", ["far"], ["which"], to=TensorProto.INT64),
        helper.make_node("Gather", ["boxes", "which"], ["output0"], axis=0),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 64, 64))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, (1, 10, 84))],
        [boxes, many],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    helper.set_model_props(model, {"names": str(SIX)})
    onnx.save(model, path)
    return path


def test_a_failing_model_shows_no_picture(tmp_path: Path, needles: Needles) -> None:
    code, said = to_its_end(box(tmp_path, None, model=failing_model), "-m", "parvis")
    assert code == 5
    assert b"onnxruntime must be able to run it" in said
    assert b"Traceback" not in said
    no_picture_in(said, needles)


def test_onnx_runtime_is_told_to_keep_quiet_before_it_is_loaded() -> None:
    """The official wheels report to their maker from their import on, unless an environment variable forbids it."""
    switch = ROOT / "edge" / "session.py"
    for path in (
        path for package in ("edge", "parvis", "models", "bench") for path in (ROOT / package).rglob("*.py")
    ):
        text = path.read_text()
        if path == switch or "onnxruntime" not in text:
            continue
        lines = [name for _, name in sorted(imports(text))]
        if "onnxruntime" in lines:
            assert "edge.session" in lines[: lines.index("onnxruntime")], f"{path}: import edge.session first"
    env = {name: value for name, value in os.environ.items() if name != "CI"} | {"ORT_DISABLE_TELEMETRY": "0"}
    code = "import edge.session, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout.strip() == b"1"


def imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and name of every import: the first name of a foreign package, the whole one of a module of edge."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
        else:
            continue
        yield from (
            (node.lineno, name if name.startswith("edge.") else name.partition(".")[0]) for name in names
        )
