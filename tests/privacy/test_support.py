"""A support bundle holds no picture, no secret and nobody's words: canaries planted wherever a bundle looks."""

from __future__ import annotations

import base64
import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.doctor_line import Line
from edge.redaction import GONE, Redactor, Secrets, secrets_in
from edge.spool import Spool
from edge.support import MOST_LINES, Facts, Letter, Member, bundle, checked
from tests.edge.fault_server import RUN, TOKEN, health, line
from tests.privacy import canary
from tests.privacy.canary import Needles
from tests.privacy.test_no_pixel_leaves import GATE, HIDING, PASSWORD, box

NOBODY = 9
AT = datetime(2026, 6, 1, 12, 30, 15, tzinfo=UTC)
HOME = "/home/marie-claire"
# Each of these is one way in which a program writes a secret down.
SPELLINGS = (
    f"INFO Authorization: Bearer {TOKEN}",
    f"WARNING camera gate: rtsp://operator:{PASSWORD}@10.0.0.7/live?token=abcd1234 is lost",
    f"ERROR header Basic {base64.b64encode(f'operator:{PASSWORD}'.encode()).decode()} was refused",
    f"INFO opened rtsp://10.0.0.7/user=operator&password={quote(PASSWORD)}/stream",
    f"INFO hex {TOKEN.encode().hex()} and {PASSWORD.encode().hex().upper()}",
    f"ERROR password: '{PASSWORD}' does not fit, token={TOKEN}",
    f"CRITICAL {HOME}/parvis/box.yaml of marie-claire@ville.example cannot be read",
    "INFO the box is healthy",
)
SECRETS = (TOKEN, PASSWORD, "operator", "abcd1234", "marie-claire", "ville.example")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    video = canary.video(tmp_path_factory.mktemp("noise") / "clip.mkv", 6, seconds=3, fps=2)
    return [layout for image, own in canary.frames(video) for layout in canary.layouts(image, own)]


@pytest.fixture(scope="module")
def needles(pictures: list[bytes]) -> Needles:
    return Needles(pictures)


def telling_log(folder: Path, pictures: list[bytes]) -> Path:
    """A log into which a fault has written pictures in every way, and secrets in every spelling."""
    path = folder / "box.log"
    # So short that all of them are among the last lines.
    parts = [hide(pictures[0])[:1500] for hide in HIDING.values()]
    planted = [b"ERROR a picture: " + part + b"\n" + part + b"\n" for part in parts]
    told = "".join(f"{text}\n" for text in SPELLINGS).encode()
    path.write_bytes(told + b"".join(planted) + told)
    assert len(path.read_text("utf-8", "replace").splitlines()) < MOST_LINES
    return path


def packed(folder: Path, *words: object, config: Path) -> tuple[dict[str, bytes], dict[str, object], bytes]:
    """What the command packed, what it said and the file's own bytes."""
    out = folder / "support.zip"
    asked = ["support", "--config", config, "--out", out, "--seconds", 1, "--json", *words]
    done = CliRunner().invoke(app, [str(word) for word in asked], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return files, json.loads(done.stdout.splitlines()[-1]), out.read_bytes()


def holds_nothing(name: str, data: bytes, needles: Needles) -> None:
    assert needles.found(data) == 0, name
    assert canary.magic(data, in_files=True) == [], name
    for view in canary.views(data):
        for secret in SECRETS:
            assert secret.encode() not in view, (name, secret)


def test_no_canary_is_in_any_byte(tmp_path: Path, pictures: list[bytes], needles: Needles) -> None:
    config = box(tmp_path, NOBODY, cameras=GATE)
    with Spool(tmp_path / "state" / "spool.db", device="box-test", run=RUN, now=lambda: 1.7e9) as spool:
        keys = spool.append([line(number) for number in range(2)])
        letter = base64.b64encode(pictures[0]).decode()
        spool.settle(
            [], {keys[0]: f"invalid: camera '{letter}' is unknown to {PASSWORD}", keys[1]: "wrong_device"}
        )
        spool.append([health(1).model_copy(update={"camera": "cam"})])
        files, said, whole = packed(tmp_path, "--log", telling_log(tmp_path, pictures), config=config)
    assert set(files) == {
        "README.txt", "versions.json", "system.json", "configuration.json", "status.json", "health.jsonl",
        "dead_letters.json", "doctor.json", "log.txt",
    }  # fmt: skip
    for name, data in {**files, "the archive itself": whole}.items():
        holds_nothing(name, data, needles)
        assert b"track" not in data.replace(b"no track", b""), name
    assert said["taken_out"], said
    assert not any(one["left_out"] for one in said["files"])  # type: ignore[attr-defined]
    # And still it helps.
    assert json.loads(files["configuration.json"])["configuration"]["cameras"][1]["source"].startswith(
        "rtsp://***@127.0.0.1"
    )
    assert json.loads(files["health.jsonl"].splitlines()[0])["camera"] == "cam"
    assert [one["reason"] for one in json.loads(files["dead_letters.json"])["last"]][1] == "wrong_device"
    assert {one["check"] for one in json.loads(files["doctor.json"])} >= {
        "camera cam",
        "camera gate",
        "disk",
        "server",
    }
    assert b"INFO the box is healthy" in files["log.txt"]
    assert b"rtsp://***@10.0.0.7/live?*** is lost" in files["log.txt"]
    assert (tmp_path / "support.zip").stat().st_mode & 0o077 == 0


def test_the_check_would_see_what_was_left_in(needles: Needles, pictures: list[bytes]) -> None:
    for planted in (pictures[0], TOKEN.encode(), base64.b64encode(PASSWORD.encode())):
        with pytest.raises(AssertionError):
            holds_nothing("a file", b"{" + planted + b"}", needles)


def test_a_broken_configuration_is_told_without_its_secrets(tmp_path: Path, needles: Needles) -> None:
    config = box(tmp_path, NOBODY, cameras=GATE)
    config.write_text(config.read_text().replace("kind: area", "kind: lake") + f"password: {PASSWORD}x\n")
    files, _, whole = packed(tmp_path, config=config)
    told = json.loads(files["configuration.json"])
    assert any("kind" in text for text in told["trouble"])
    assert told["configuration"]["password"] == GONE
    for name, data in {**files, "the archive itself": whole}.items():
        holds_nothing(name, data, needles)
    config.write_text(f"cameras: [rtsp://operator:{PASSWORD}@host/live\n  {{")
    (tmp_path / "support.zip").unlink()
    files, _, _ = packed(tmp_path, config=config)
    assert json.loads(files["configuration.json"])["configuration"] is None
    holds_nothing("configuration.json", files["configuration.json"], needles)


def test_without_out_it_only_shows_the_list(tmp_path: Path) -> None:
    config = box(tmp_path, None)
    before = set(tmp_path.rglob("*"))
    done = CliRunner().invoke(
        app, ["support", "--config", str(config), "--seconds", "1"], catch_exceptions=False
    )
    assert "doctor.json" in done.stdout
    assert "README.txt" in done.stdout
    assert set(tmp_path.rglob("*")) == before


def facts(**changes: object) -> Facts:
    plain = {
        "versions": {}, "system": {}, "configuration": {}, "trouble": "", "health": (), "status": {}, "letters": (),
        "doctor": (), "log": (), "log_from": "of a file",
    }  # fmt: skip
    return Facts(**(plain | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("before", ["ERROR a picture: ", "ValueError: ", "", '  File "x.py", line 3, in '])
@pytest.mark.parametrize("way", sorted(HIDING))
def test_no_line_of_a_log_brings_a_picture_along(
    needles: Needles, pictures: list[bytes], way: str, before: str
) -> None:
    hidden = HIDING[way](pictures[0])[:2400]
    planted = [f"{before}{line}" for line in hidden.decode("utf-8", "replace").splitlines()]
    members, _ = bundle(facts(log=tuple(planted)), Secrets([]), AT)
    text = {one.name: one for one in members}["log.txt"]
    assert not text.left_out
    assert needles.found(text.data) == 0, text.text


def test_a_part_that_holds_a_secret_after_all_is_left_out_and_named() -> None:
    secrets = Secrets(["q7Tz-9kk"], [])
    # The health record's own fields are passed as they are: the last look has to see it.
    record = health(1).model_copy(update={"camera": "cam", "software": "q7Tz-9kk"}).model_dump_json()
    members, _ = bundle(facts(health=(record,)), secrets, AT)
    found = {one.name: one for one in members}
    assert found["health.jsonl"].left_out
    assert b"q7Tz-9kk" not in found["health.jsonl"].data
    assert "LEFT OUT" in found["README.txt"].text
    assert checked(Member("x", "", "a\x00b"), secrets).left_out
    assert not checked(Member("x", "", "plain\n"), secrets).left_out


def test_a_part_that_cannot_be_made_does_not_keep_the_others(needles: Needles) -> None:
    letter = Letter("box/1/2", "invalid", 1.7e9, "no JSON")
    members, _ = bundle(
        facts(letters=(letter,), doctor=(Line("disk", "red", "full", "mend"),)), Secrets([]), AT
    )
    found = {one.name: one.text for one in members}
    assert found["dead_letters.json"] == "could not be made: JSONDecodeError\n"
    assert "full" in found["doctor.json"]


def test_a_refusal_quotes_nothing_of_the_record() -> None:
    letter = Letter("box/1/2", "invalid: zone 'lawn': legal_basis 'Mme Dupont asked for it'", 1.7e9, "{}")
    members, _ = bundle(facts(letters=(letter,)), Secrets([]), AT)
    text = {one.name: one.text for one in members}["dead_letters.json"]
    assert "'lawn'" in text
    assert "Dupont" not in text


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("rtsp://a:b@host:554/x/y", "rtsp://***@host:554/x/y"),
        ("http://host/path?user=me", "http://host/path?***"),
        ("rtsp://me:p@ss/w@host/live", "rtsp://***@host/live"),
        ("https://host/3f9a8b7c6d5e4f3a2b1c/live", "https://host/***/live"),
        ("/home/jean/parvis/box.yaml", "~/parvis/box.yaml"),
        ("/var/lib/parvis/state/spool.db", "/var/lib/parvis/state/spool.db"),
        ("box-test/6b1e0c5d2a9f4e10/1234", "box-test/6b1e0c5d2a9f4e10/1234"),
        ("12 of 15 pictures at 10:15:00", "12 of 15 pictures at 10:15:00"),
        ("array([[12, 200, 31], [1, 2, 3]], dtype=uint8)", "array[…], dtype=uint8)"),
    ],
)
def test_what_stays_of_a_text(written: str, left: str) -> None:
    assert Redactor(Secrets([])).text(written) == left


def test_the_words_of_people_and_named_secrets_go() -> None:
    value = {
        "operational": {"legal_basis": "decree of Mme Dupont"},
        "api_key": "x1y2",
        "source": "clip.mp4",
        "n": 3,
    }
    assert Redactor(Secrets([])).value(value) == {
        "operational": {"legal_basis": GONE}, "api_key": GONE, "source": "clip.mp4", "n": 3,
    }  # fmt: skip


def test_user_and_password_of_every_address_are_known() -> None:
    assert secrets_in("ffmpeg:-i rtsp://me:p@ss@h/x and http://only@h") == (["p@ss"], ["me", "only"])
    assert secrets_in("# rtsp://USER:password@host/ is how it is written") == ([], [])
