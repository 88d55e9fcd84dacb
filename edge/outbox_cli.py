"""``parvis edge outbox`` and ``parvis edge status``: what waits in this box, and what it says of itself. Composition root.

Both read the spool's file beside the running box, or without it; neither stops or locks it.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contract.messages import format_time
from edge.cli_parts import ConfigOption, JsonOption
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.spool_view import Seen

StateOption = Annotated[
    Path | None, typer.Option(help="Folder of the spool. Default: `state` next to the configuration.")
]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY|all", help="The key of a dead letter, or all.")]
outbox_app = typer.Typer(help="What waits for the server, and what it refused.", invoke_without_command=True)
_LETTERS = 20


@outbox_app.callback()
def outbox(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="The box's YAML file.")] = None,
    state: StateOption = None,
    json_: JsonOption = False,
) -> None:
    """What waits for the server and since when, what was refused and why, what was merged or dropped."""
    context.obj = _spool(config, state)
    if context.invoked_subcommand is None:
        found = _outbox(context.obj)
        print(json.dumps(found)) if json_ else _say_outbox(found)


@outbox_app.command()
def retry(context: typer.Context, key: KeyArgument, json_: JsonOption = False) -> None:
    """Send refused records once more, as after an upgrade of the server."""
    from edge.spool_letters import retry as again

    moved = again(context.obj, None if key == "all" else key)
    print(json.dumps({"retried": moved}) if json_ else f"{len(moved)} records wait for the server again.")


@outbox_app.command()
def discard(context: typer.Context, key: KeyArgument, json_: JsonOption = False) -> None:
    """Delete refused records for good."""
    from edge.spool_letters import discard as forget

    gone = forget(context.obj, None if key == "all" else key)
    print(json.dumps({"discarded": gone}) if json_ else f"{gone} refused records were deleted.")


def status(config: ConfigOption, state: StateOption = None, json_: JsonOption = False) -> None:
    """Whether the box runs, what its cameras said last, and whether its records arrive."""
    from edge.config import load_config
    from edge.spool_repair import owner
    from edge.spool_view import newest

    box, spool = load_config(config), _spool(config, state)
    process = owner(spool)
    said: dict[str, Any] = {
        "device": box.device,
        "server": None if box.server is None else box.server.url,
        "running": process is not None,
        "process": process,
        "cameras": _cameras([camera.id for camera in box.cameras], newest(spool, 900)),
        "outbox": _outbox(spool),
    }
    if json_:
        print(json.dumps(said))
        return
    started = said["outbox"]["exists"]
    idle = "does not run" if started else "has never run"
    print(
        f"{box.device}: {f'runs (process {process})' if process else f'{idle}; start it: systemctl start parvis-edge'}"
    )
    for camera, health in said["cameras"].items():
        _say_camera(camera, health, started=started)
    print(f"server {said['server'] or 'none is configured: records stay here'}")
    _say_outbox(said["outbox"])


def _say_camera(name: str, health: dict[str, Any] | None, *, started: bool) -> None:
    from edge.remedies import REMEDIES

    if health is None:
        never = "nothing yet" if not started else "nothing in the last 15 minutes that the box recorded"
        print(f"camera {name}: {never}")
        return
    told = f"{health['state']}, {health['fps']} pictures a second, clock {health['clock']}, at {health['at']}"
    print(f"camera {name}: {health.get('verdict') or 'verdict unknown'}: {told}")
    for reason in health.get("reasons") or ():
        print(f"  {reason}: {REMEDIES.get(reason, '')}")


def _spool(config: Path | None, state: Path | None) -> Path:
    if config is None and state is None:
        raise ConfigError("say which box: --config its YAML file, or --state the folder of its spool.")
    return (state or (config or Path()).parent / "state") / "spool.db"


def _cameras(names: list[str], seen: list[Seen]) -> dict[str, dict[str, Any] | None]:
    """The last health record of each camera."""
    last: dict[str, dict[str, Any] | None] = dict.fromkeys(names)
    for item in seen:
        record = json.loads(item.payload)
        if record["type"] == "parvis.health.v1" and record["camera"] in last:
            last[record["camera"]] = record
    return last


def _outbox(path: Path) -> dict[str, Any]:
    from edge.spool_view import figures, letters

    found = figures(path)
    if found is None:
        return {"spool": str(path), "exists": False}
    counts, oldest = found
    end = counts.acknowledged
    return {
        "spool": str(path),
        "exists": True,
        "pending": counts.pending,
        "since": None if oldest is None else format_time(oldest),
        "bytes": counts.bytes,
        "last_accepted": None if end is None else format_time(datetime.fromtimestamp(end, UTC)),
        "accepted": counts.accepted,
        "rejected": counts.rejected,
        "merged": counts.merged,
        "dropped": counts.dropped,
        "dead_letters": [
            {"key": dead.key, "reason": dead.reason, "at": format_time(datetime.fromtimestamp(dead.at, UTC))}
            for dead in letters(path)
        ],
    }


def _say_outbox(found: dict[str, Any]) -> None:
    if not found["exists"]:
        print(f"nothing was ever stored in {found['spool']} (another folder: --state)")
        return
    since = f", the oldest since {found['since']}" if found["since"] else ""
    print(f"waiting    {found['pending']} records, {found['bytes'] / 1e6:.1f} MB{since}")
    print(f"accepted   {found['accepted']}, the last interval ended {found['last_accepted'] or 'never'}")
    print(f"merged     {found['merged']} into longer intervals; dropped {found['dropped']}")
    dead = found["dead_letters"]
    print(f"refused    {len(dead)}")
    for reason, count in Counter(letter["reason"] for letter in dead).most_common():
        print(f"  {count} x {reason}")
    for letter in dead[-_LETTERS:]:
        print(f"  {letter['at']} {letter['key']}")
    if dead:
        print(
            "Send them once more with `parvis edge outbox … retry all`, or delete them with `… discard all`."
        )
