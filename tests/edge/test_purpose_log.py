"""Every switch of a zone's purpose is on record, on the disk, before it begins."""

from __future__ import annotations

import json
import logging
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.config import BoxConfig
from edge.errors import SpoolError
from edge.purpose_log import FILE, read_purposes, record_purposes
from tests.edge import media
from tests.front_door import box_file, parvis

AT = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
POLYGON = [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9)]
GROUND = {"legal_basis": "arrêté 2026-12", "dpia_reference": "AIPD-7"}


def box(**zones: dict[str, str] | None) -> BoxConfig:
    """A box whose zones have these grounds; None is statistics."""
    entries = [
        {"id": name, "kind": "area", "polygon": POLYGON}
        | ({} if ground is None else {"purpose": "operational", "operational": ground})
        for name, ground in zones.items()
    ]
    return BoxConfig.model_validate(
        {"device": "box-a", "cameras": [{"id": "north", "source": "x", "zones": entries}]}
    )


def told(folder: Path) -> list[tuple[str, str, str, str | None]]:
    lines, broken = read_purposes(folder / FILE)
    assert broken == []
    return [(line.zone, line.before, line.after, line.legal_basis) for line in lines]


def test_statistics_alone_writes_nothing(tmp_path: Path) -> None:
    record_purposes(tmp_path, box(lawn=None), AT)
    assert not (tmp_path / FILE).exists()


def test_each_switch_is_one_line_and_no_switch_is_none(tmp_path: Path) -> None:
    other = GROUND | {"legal_basis": "arrêté 2027-1"}
    for zones in (
        {"lawn": GROUND, "path": None},
        {"lawn": GROUND, "path": None},  # a restart
        {"lawn": other, "path": None},
        {"lawn": None, "path": GROUND},
        {"lawn": None},
        {"lawn": None},
        {"lawn": None, "path": GROUND},
    ):
        record_purposes(tmp_path, box(**zones), AT)
    assert told(tmp_path) == [
        ("lawn", "statistics", "operational", "arrêté 2026-12"),
        ("lawn", "operational", "operational", "arrêté 2027-1"),
        ("lawn", "operational", "statistics", None),
        ("path", "statistics", "operational", "arrêté 2026-12"),
        ("path", "operational", "none", None),
        ("path", "statistics", "operational", "arrêté 2026-12"),
    ]


def test_a_line_says_what_a_data_protection_officer_asks(tmp_path: Path, caplog) -> None:
    caplog.set_level(logging.INFO, "parvis.edge")
    chosen = box(lawn=GROUND)
    record_purposes(tmp_path, chosen, AT)
    [line] = read_purposes(tmp_path / FILE)[0]
    assert (line.at, line.device, line.camera) == ("2026-11-21T10:15:00Z", "box-a", "north")
    assert (line.dpia_reference, line.zone_version) == ("AIPD-7", chosen.cameras[0].zones[0].wire().version)
    assert caplog.messages == ["north: zone lawn: purpose statistics -> operational"]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("harm", ["changed", "taken out", "cut off"])
def test_a_file_that_was_tampered_with_is_told_and_goes_on(tmp_path: Path, caplog, harm: str) -> None:
    for ground in (GROUND, None, GROUND):
        record_purposes(tmp_path, box(lawn=ground), AT)
    path = tmp_path / FILE
    lines = path.read_text().splitlines(keepends=True)
    if harm == "changed":
        lines[1] = lines[1].replace('"box-a"', '"box-b"')
    elif harm == "taken out":
        del lines[1]
    else:
        lines[2] = lines[2][:40]
    path.write_text("".join(lines))
    _, broken = read_purposes(path)
    assert broken == [{"changed": 3, "taken out": 2, "cut off": 3}[harm]]
    record_purposes(tmp_path, box(lawn=None, path=GROUND), AT)
    assert f"line {broken[0]}" in caplog.text
    after, again = read_purposes(path)
    assert again == broken
    assert (after[-1].zone, after[-1].after) == ("path", "operational")
    assert path.read_text().startswith("".join(lines))  # nothing was taken away


def test_what_cannot_be_recorded_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(SpoolError, match="permissions"):
        record_purposes(tmp_path, box(lawn=GROUND), AT)
    with pytest.raises(SpoolError, match="counting does not begin"):
        record_purposes(tmp_path / "nowhere", box(lawn=GROUND), AT)


def test_the_running_box_records_before_it_counts_and_sends_no_text(tmp_path: Path) -> None:
    media.video(tmp_path / "clip.mp4", 5)
    path = box_file(tmp_path)
    text = path.read_text().replace(
        "        kind: area\n",
        "        kind: area\n        purpose: operational\n        operational:"
        ' {legal_basis: "arrêté 2026-12", dpia_reference: "AIPD-7"}\n',
    )
    path.write_text(text)
    said = parvis("edge", "run", "--config", path)
    assert said.code == 0, said.err
    assert "zone middle: purpose statistics -> operational" in said.err
    state = tmp_path / "state"
    assert json.loads((state / FILE).read_text())["legal_basis"] == "arrêté 2026-12"
    for file in state.iterdir():
        if file.name != FILE:
            assert b"AIPD-7" not in file.read_bytes(), file
