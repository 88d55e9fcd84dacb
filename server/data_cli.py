"""`parvis server admin …`: the audit, purposes, how long things are kept, the purge, backups, roll-ups."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from server.accounts import CLI_ACTOR
from server.cli_parts import AsJson, Data, done, say, show, when, with_store
from server.errors import StoreError
from server.retention import LIMITS, Retention
from server.settings import utc_clock
from server.store.base import AuditEntry, Store
from server.store.upkeep_base import Backup, Purged

AUDIT_MOST = 100_000


def add_to(admin: typer.Typer) -> None:
    """Put these commands under ``admin``."""
    for name, command in (
        ("audit", audit),
        ("purposes", purposes),
        ("retention", retention),
        ("purge", purge),
        ("backup", backup),
        ("rebuild-hours", rebuild_hours),
    ):
        admin.command(name)(command)


def _now() -> int:
    return int(utc_clock())


def audit(
    data: Data,
    limit: Annotated[int, typer.Option(help="Newest entries.", min=1, max=AUDIT_MOST)] = 100,
    action: Annotated[str, typer.Option(help="Only actions that begin like this, such as purpose.")] = "",
    as_json: AsJson = False,
) -> None:
    """Who did what: logins, accounts, devices, purposes, retention; newest first."""
    entries = with_store(data, lambda store: store.accounts.audit(limit, action))
    rows = [{**asdict(entry), "at": when(entry.at)} for entry in entries]
    show(rows, as_json, "the audit has no such entry", "audit")


def _purposes(store: Store) -> list[dict[str, Any]]:
    since: dict[str, int] = {}
    for entry in store.accounts.audit(AUDIT_MOST, "purpose."):
        if entry.action != "purpose.late":
            since.setdefault(entry.subject, entry.at)
    found = []
    for camera in store.records.cameras():
        config = store.records.config(camera.device, camera.camera)
        for zone in config.zones if config else ():
            subject = f"{camera.device}/{camera.camera}/{zone.id}"
            found.append(
                {
                    "zone": subject,
                    "purpose": zone.purpose,
                    "switched": when(since.get(subject)),
                    "zone_version": zone.version,
                }
            )
    return found


def purposes(data: Data, as_json: AsJson = False) -> None:
    """What each zone is for, and when the server learned of the last switch."""
    show(with_store(data, _purposes), as_json, "no box has sent its configuration yet", "purposes")


def _choose(store: Store, wishes: dict[str, str]) -> Retention:
    before = store.upkeep.retention()
    after = before.changed(wishes)
    if after != before:
        old, new = before.as_dict(), after.as_dict()
        changes = ", ".join(f"{name} {old[name]} -> {new[name]}" for name in new if old[name] != new[name])
        store.upkeep.choose(after, AuditEntry(_now(), CLI_ACTOR, "retention.change", "settings", changes))
    return after


def retention(
    data: Data,
    wishes: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE", help="Settings to change.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """How long things are kept; change it with NAME=VALUE. A shorter time takes effect with the next purge."""
    pairs = [wish.partition("=") for wish in wishes or []]
    try:
        kept: Retention = with_store(data, lambda s: _choose(s, {name: value for name, _, value in pairs}))
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="NAME=VALUE") from exc
    if as_json:
        print(json.dumps(kept.as_dict()))
        return
    for name, value in kept.as_dict().items():
        least, most = LIMITS[name]
        print(f"{name}={'same' if value is None else value}  ({least} to {most})")


def _purged_json(result: Purged, *, dry_run: bool) -> dict[str, Any]:
    return {**asdict(result), "dry_run": dry_run}


def purge(
    data: Data,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    all_backups: Annotated[
        bool, typer.Option("--all-backups", help="Delete every backup made by this tool, of whatever age.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete what is past its time and prove that it is gone. The server does this by itself every night.

    Boxes wait while the file is written anew; their records stay with them until then.
    """

    def act(store: Store) -> tuple[Purged, list[Backup]]:
        if dry_run:
            return store.upkeep.doomed(_now()), store.upkeep.backups()
        result = store.upkeep.purge(_now(), CLI_ACTOR, all_backups=all_backups)
        return result, store.upkeep.backups()

    result, backups = with_store(data, act)
    if as_json:
        print(json.dumps(_purged_json(result, dry_run=dry_run)))
    else:
        for what, number in result.deleted.items():
            print(f"{what}={number}")
    expires = {one.name: when(one.expires_at) for one in backups}
    for name in result.backups:
        say(
            f"backup {name} still holds some of what was deleted; it goes at {expires.get(name)}, or now with"
            " --all-backups"
        )
    if dry_run:
        say("nothing was deleted")
        return
    if not result.finished:
        say(_unfinished(result))
        raise typer.Exit(StoreError.exit_code)
    looked = f"; of {result.markers} deleted records looked for in the files, none is left"
    say(f"done; {len(result.expired)} backups deleted{looked if result.markers else ''}")


def _unfinished(result: Purged) -> str:
    if result.remains:
        return f"error: deleted records can still be read in {', '.join(result.remains)}; please report this"
    return (
        f"error: the rows are deleted, but {result.wal_bytes} bytes of the database's log are still held by a reader;"
        " run it again"
    )


def backup(
    data: Data,
    listed: Annotated[bool, typer.Option("--list", help="Only list the backups there are.")] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the database, and the public days, into a folder below DATA/backups while the server runs."""

    def row(one: Backup) -> dict[str, Any]:
        return {**asdict(one), "made_at": when(one.made_at), "expires_at": when(one.expires_at)}

    if listed:
        found = with_store(data, lambda store: store.upkeep.backups())
        show([row(one) for one in found], as_json, "no backup yet", "backups")
        return
    made = row(with_store(data, lambda store: store.upkeep.backup(_now(), CLI_ACTOR)))
    done(
        made,
        f"{data / 'backups' / made['name']} ({made['bytes']} bytes); it goes at {made['expires_at']}",
        as_json,
    )


def rebuild_hours(data: Data, as_json: AsJson = False) -> None:
    """Make the hourly sums again from the intervals, as far back as all of these are kept."""
    made = with_store(data, lambda store: store.upkeep.remake_hours())
    done({"hours": made}, f"{made} hours made again", as_json)
