"""``parvis edge support``: one file for who is asked for help. Composition root."""

from __future__ import annotations

import json
import os
import zipfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge.cli_parts import ConfigOption, JsonOption
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.support import Member


def support(
    config: ConfigOption,
    out: Annotated[
        Path | None, typer.Option(help="The .zip to write. Left out: only show what it would hold.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder of the spool. Default: `state` next to the configuration.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="File of the log, where there is no journal of systemd.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=1, max=60, help="How long to look at each camera.")] = 3.0,
    json_: JsonOption = False,
) -> None:
    """Pack versions, configuration without secrets, health, findings and log lines into one file for support.

    It holds no picture, no track and no secret, shows what it holds before it is written, and sends nothing.
    """
    from edge.support import bundle
    from edge.support_gather import gather

    if out is not None and out.exists():
        raise ConfigError(f"--out {out}: there is a file of this name already. Choose another, or remove it.")
    at = datetime.now(UTC)
    facts, secrets = gather(config, state or config.parent / "state", log, seconds)
    members, removed = bundle(facts, secrets, at)
    if not json_:
        _show(members, removed)
    if out is not None:
        _write(out, members, at)
    if json_:
        files = [
            {"name": one.name, "what": one.what, "bytes": len(one.data), "left_out": one.left_out}
            for one in members
        ]
        print(json.dumps({"out": None if out is None else str(out), "files": files, "taken_out": removed}))
    elif out is not None:
        print(f"written: {out}, {out.stat().st_size} bytes. Read it before you send it.")


def _show(members: list[Member], removed: dict[str, int]) -> None:
    for member in members:
        note = "  LEFT OUT" if member.left_out else ""
        print(f"{member.name:<20} {len(member.data):>8} bytes  {member.what}{note}")
    for kind, count in removed.items():
        print(f"taken out: {count} x {kind}")


def _write(out: Path, members: list[Member], at: datetime) -> None:
    """For its owner alone to read: it is he who hands it on."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            entry = zipfile.ZipInfo(member.name, at.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, member.data)
    try:
        with open(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(packed.getvalue())
    except OSError as exc:
        raise ConfigError(f"--out {out}: cannot be written ({exc.strerror}). Choose another place.") from exc
