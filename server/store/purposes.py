"""The audit of purposes: a line for every zone that a box switches between statistics and operational.

The box refuses an operational zone without a legal basis and a DPIA reference, and writes both into a file of its own
(``purposes.jsonl``, `edge/purpose_log.py`): free text has no place on the wire. Here stand which zone, which geometry,
whose box and when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from contract.batch import ConfigRecord, parse_record
from contract.messages import ZoneConfig, format_time
from server.store.accounts import insert_audit
from server.store.base import AuditEntry

_WHERE_FROM: Final = "legal basis and DPIA reference: purposes.jsonl on the box"


def zones_of(config: str | None) -> dict[str, ZoneConfig]:
    """The zones of a stored configuration, by name."""
    record = parse_record(json.loads(config)) if config else None
    return {zone.id: zone for zone in record.zones} if isinstance(record, ConfigRecord) else {}


def operational_zones(db: Any) -> set[tuple[str, str, str]]:
    """Device, camera and name of every zone that is operational by its camera's newest configuration."""
    rows = db.execute("SELECT device, camera, config FROM cameras WHERE config IS NOT NULL")
    return {
        (device, camera, name)
        for device, camera, config in rows
        for name, zone in zones_of(config).items()
        if zone.purpose == "operational"
    }


def note_purposes(db: Any, record: ConfigRecord, received_at: int) -> None:
    """Audit what a configuration switches, before it replaces the newest one, inside the caller's transaction."""
    row = db.execute(
        "SELECT config_at, config FROM cameras WHERE device = ? AND camera = ?",
        (record.device, record.camera),
    ).fetchone()
    newest_at, newest = (None, None) if row is None else tuple(row)
    before, after = zones_of(newest), {zone.id: zone for zone in record.zones}
    if newest_at is not None and newest_at > record.at.timestamp():
        lines = _late(before, after)
    else:
        lines = _switched(before, after)
    for name, (action, detail) in lines.items():
        subject = f"{record.device}/{record.camera}/{name}"
        told = f"{detail}; on the box since {format_time(record.at)}"
        insert_audit(db, AuditEntry(received_at, record.device, action, subject, told))


def _switched(
    before: Mapping[str, ZoneConfig], after: Mapping[str, ZoneConfig]
) -> dict[str, tuple[str, str]]:
    """Zone to action and detail. A zone nobody knows yet is statistics, which is what every zone is by default."""
    lines: dict[str, tuple[str, str]] = {}
    for name in sorted(before.keys() | after.keys()):
        was = before[name].purpose if name in before else "statistics"
        if name not in after:
            if was == "operational":
                lines[name] = ("purpose.removed", f"operational -> none, zone_version {before[name].version}")
        elif after[name].purpose != was:
            now, version = after[name].purpose, after[name].version
            detail = f"{was} -> {now}, zone_version {version}"
            lines[name] = (
                f"purpose.{now}",
                f"{detail}, {_WHERE_FROM}" if now == "operational" else detail,
            )
    return lines


def _late(newest: Mapping[str, ZoneConfig], late: Mapping[str, ZoneConfig]) -> dict[str, tuple[str, str]]:
    """What an older configuration, arriving after a newer one, tells of a purpose that is over."""
    return {
        name: ("purpose.late", f"was operational, zone_version {zone.version}, {_WHERE_FROM}")
        for name, zone in sorted(late.items())
        if zone.purpose == "operational" and (name not in newest or newest[name].purpose != "operational")
    }
