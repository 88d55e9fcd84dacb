"""How long the server keeps what: the rules and their limits. Pure: numbers and times in, values out.

Rules:
1. Fine records (intervals) are kept for days, their hourly sums (roll-ups) for years.
2. `operational` zones may be given a shorter time than the rest, never a longer one.
3. Intervals go by whole UTC hours, so that every hour is either whole in the intervals or in the roll-ups alone.

Times are whole seconds since 1970, UTC. What is kept on what ground: docs/retention.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from contract.names import Purpose

DAY_S: Final = 86400
HOUR_S: Final = 3600
# Never less than so many calendar years.
YEAR_S: Final = 366 * DAY_S
# Boxes may be offline for a month, and public days may be asked for during one.
MONTH: Final = 35
LIMITS: Final[dict[str, tuple[int, int]]] = {
    "intervals_days": (MONTH, 1830),
    "operational_days": (MONTH, 1830),
    "rollups_years": (1, 20),
    "grids_days": (MONTH, 1830),
    "health_days": (1, 90),
    "cases_days": (MONTH, 1830),
    "audit_days": (180, 1830),
    "backups_days": (1, 31),
}
# A purge rewrites the whole file, so it waits for the hour in which a town sleeps.
QUIET: Final = time(3, 30)
# A clock that jumped ahead would delete everything; a year without one record is no reason to trust it more.
SILENCE_S: Final = 400 * DAY_S
_BACKUP: Final = re.compile(r"parvis-([0-9]{8}T[0-9]{6}Z)")
_STAMP: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Retention:
    """What an installation chose.

    Args:
        intervals_days: interval records, and records in quarantine.
        operational_days: interval records of operational zones; None: like ``intervals_days``.
        rollups_years: hourly sums, configurations, and the audit of purposes and of retention itself.
        grids_days: hourly presence grids.
        health_days: health records; the latest of each camera stays.
        cases_days: anomaly cases, from their last revision on.
        audit_days: the audit of logins, accounts, devices and conflicts.
        backups_days: backups made by `parvis server admin backup`.

    Raises:
        ValueError: for a value outside its limits.
    """

    intervals_days: int = 90
    operational_days: int | None = None
    rollups_years: int = 5
    grids_days: int = 400
    health_days: int = 7
    cases_days: int = 365
    audit_days: int = 365
    backups_days: int = 14

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} must be within {least}..{most} (got {value})")
        if self.operational_days is not None and self.operational_days > self.intervals_days:
            raise ValueError(
                f"operational_days must not exceed intervals_days, {self.intervals_days} (got {self.operational_days})"
            )
        if self.intervals_days * DAY_S > self.rollups_years * YEAR_S:
            raise ValueError(
                f"rollups_years must cover intervals_days: raise it above {self.rollups_years}, or keep intervals for less"
                f" than {self.intervals_days} days"
            )

    def changed(self, wishes: Mapping[str, str]) -> Retention:
        """These settings with some of them replaced; ``operational_days`` may be ``same``.

        Raises:
            ValueError: for an unknown name or a value that cannot be.
        """
        values: dict[str, int | None] = {}
        for name, text in wishes.items():
            if name not in LIMITS:
                raise ValueError(f"there is no setting {name!r}; choose one of {', '.join(LIMITS)}")
            if name == "operational_days" and text == "same":
                values[name] = None
                continue
            if not re.fullmatch(r"[0-9]{1,5}", text):
                raise ValueError(f"{name} must be a whole number (got {text!r})")
            values[name] = int(text)
        return replace(self, **values)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, int | None]:
        """Name to value."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class Cutoffs:
    """What began, or was received, before these times may no longer be there."""

    statistics: int
    operational: int
    rollups: int
    grids: int
    health: int
    cases: int
    audit: int
    now: int

    def intervals(self, purpose: Purpose | None) -> int:
        """The start of the first interval that is kept of a zone of this purpose; an unknown one is statistics."""
        return self.operational if purpose == "operational" else self.statistics


def cutoffs(kept: Retention, now: int) -> Cutoffs:
    """The times before which things are deleted."""

    def hour(days: int) -> int:
        at = now - days * DAY_S
        return at - at % HOUR_S

    operational = kept.intervals_days if kept.operational_days is None else kept.operational_days
    rollups = now - kept.rollups_years * YEAR_S
    return Cutoffs(
        statistics=hour(kept.intervals_days),
        operational=hour(operational),
        rollups=rollups - rollups % HOUR_S,
        grids=now - kept.grids_days * DAY_S,
        health=now - kept.health_days * DAY_S,
        cases=now - kept.cases_days * DAY_S,
        audit=now - kept.audit_days * DAY_S,
        now=now,
    )


def due(last: int | None, now: int, tz: ZoneInfo) -> bool:
    """Whether the daily purge has not run since the latest ``QUIET`` hour, local time."""
    if last is None:
        return True
    local = datetime.fromtimestamp(now, tz)
    quiet = datetime.combine(local.date(), QUIET, tz)
    if quiet > local:
        quiet = datetime.combine(local.date() - timedelta(days=1), QUIET, tz)
    return last < quiet.timestamp()


def clock_is_doubtful(now: int, newest: int | None) -> bool:
    """Whether so long has passed since the newest record that the clock may rather be wrong."""
    return newest is not None and now - newest > SILENCE_S


def backup_name(at: int) -> str:
    """The name of the folder of a backup made at ``at``."""
    return f"parvis-{datetime.fromtimestamp(at, UTC).strftime(_STAMP)}"


def backup_time(name: str) -> int | None:
    """When the backup of this name was made, or None for a name that is none."""
    found = _BACKUP.fullmatch(name)
    if not found:
        return None
    try:
        return int(datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def expired_backups(names: Iterable[str], kept: Retention, now: int) -> list[str]:
    """Those of these names that are backups past their time, oldest first."""
    return sorted(
        name
        for name in names
        if (at := backup_time(name)) is not None and at <= now - kept.backups_days * DAY_S
    )
