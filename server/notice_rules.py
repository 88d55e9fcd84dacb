"""When a notice is held back, how long a veto lasts, and how often a camera is right. Pure.

Rules:
1. A notice is held for the first of these that applies: a veto on its place, a cooldown since another ended there, the site's
   quiet hours, the site's cap of the local day. Each says until when; then all of them are asked again.
2. The cap counts notices that people were shown, whatever became of them, so a storm shows no more than it.
3. A veto lasts twice as long each time "nothing there" is said of its place again, at most `VETO_MOST_DAYS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from math import sqrt
from typing import Final
from zoneinfo import ZoneInfo

from server.notices import Held, Severity
from server.reports import local_midnight

DAY_S: Final = 86400
VETO_MOST_DAYS: Final = 64
# How far back "nothing there" of the same place makes a veto longer.
VETO_MEMORY_S: Final = 90 * DAY_S
LIMITS: Final[dict[str, tuple[int, int]]] = {
    "cap": (1, 1000),
    "cooldown_s": (0, DAY_S),
    "veto_days": (1, VETO_MOST_DAYS),
    "quiet_from": (0, 1439),
    "quiet_to": (0, 1439),
}
# Two-sided 95 %.
_Z: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What a site chose.

    Args:
        cap: notices shown to people in a local day, at most.
        quiet_from, quiet_to: minutes of the local day between which nothing is shown, over midnight if the first is the
            later one; both None: no quiet hours.
        high_passes: whether severity ``high`` is shown in quiet hours all the same.
        cooldown_s: seconds after the end of a notice in which its place gives none.
        veto_days: how long the first veto of a place lasts.

    Raises:
        ValueError: naming the field, what was found and what it may be.
    """

    cap: int = 40
    quiet_from: int | None = None
    quiet_to: int | None = None
    high_passes: bool = True
    cooldown_s: int = 1800
    veto_days: int = 2

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ValueError(f"{name} must be within {least}..{most} (got {value})")
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValueError("quiet hours need a beginning and an end, or neither (got one of them)")
        if self.quiet_from is not None and self.quiet_from == self.quiet_to:
            raise ValueError(f"quiet hours must not begin when they end (got {self.quiet_from} min twice)")


DEFAULTS: Final = SiteRules()


def quiet_until(rules: SiteRules, at: int, tz: ZoneInfo) -> int | None:
    """The end of the quiet hours in which ``at`` lies, UTC seconds; None outside them."""
    if rules.quiet_from is None or rules.quiet_to is None:
        return None
    local = datetime.fromtimestamp(at, tz)
    minute = local.hour * 60 + local.minute
    over_midnight = rules.quiet_from > rules.quiet_to
    inside = rules.quiet_from <= minute < rules.quiet_to
    if over_midnight:
        inside = minute >= rules.quiet_from or minute < rules.quiet_to
    if not inside:
        return None
    day = local.date() + timedelta(days=over_midnight and minute >= rules.quiet_from)
    end = datetime.combine(day, time(rules.quiet_to // 60, rules.quiet_to % 60), tz)
    # In the hour that occurs twice the end may have passed already by one of its two readings.
    return max(int(end.timestamp()), at + 60)


def holding(
    rules: SiteRules,
    at: int,
    tz: ZoneInfo,
    severity: Severity,
    *,
    shown: int,
    vetoed_until: int | None,
    cooled_until: int | None,
) -> tuple[Held, int] | None:
    """Why a notice is held back at ``at``, and until when to hold it; None when nothing is against it.

    ``shown``: notices of the site that people were shown in this local day.
    """
    if vetoed_until is not None and vetoed_until > at:
        return "veto", vetoed_until
    if cooled_until is not None and cooled_until > at:
        return "cooldown", cooled_until
    quiet = quiet_until(rules, at, tz)
    if quiet is not None and not (severity == "high" and rules.high_passes):
        return "quiet_hours", quiet
    if shown >= rules.cap:
        return "cap", local_midnight(at, tz, 1)
    return None


def veto_seconds(rules: SiteRules, times: int) -> int:
    """How long a veto lasts that is the ``times``-th of its place, seconds."""
    return min(VETO_MOST_DAYS, rules.veto_days << min(times - 1, 10)) * DAY_S


@dataclass(frozen=True, slots=True)
class Precision:
    """Of ``answered`` notices, the ``real`` ones were not "nothing there"; ``low..high``: 95 % interval of the share."""

    device: str
    camera: str
    month: str
    answered: int
    real: int

    @property
    def share(self) -> float | None:
        """Share of notices that were something; None when nobody answered any."""
        return self.real / self.answered if self.answered else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval."""
        return wilson(self.real, self.answered)


def wilson(real: int, answered: int) -> tuple[float, float] | None:
    """The 95 % score interval of a share (E. B. Wilson, JASA 22, 1927); None of nothing."""
    if not answered:
        return None
    share, z2 = real / answered, _Z * _Z
    middle = (share + z2 / (2 * answered)) / (1 + z2 / answered)
    half = _Z * sqrt(share * (1 - share) / answered + z2 / (4 * answered * answered)) / (1 + z2 / answered)
    return max(0.0, middle - half), min(1.0, middle + half)
