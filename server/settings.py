"""What an installation may choose, checked once; everything else is decided in code.

Rule: a `statistics` figure appears no sooner than 15 minutes after its interval. Only a demonstration, which
says so on every page, may shorten that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from contract.names import NAME
from server.suppression import LEAST_K, K

STATISTICS_DELAY_S: Final = 900
# Late records are left out of public figures for ever, so a box that was offline overnight gets its chance.
PUBLIC_AFTER_S: Final = 86400
PUBLIC_AFTER_MOST_S: Final = 7 * 86400
# One host, spelled out: it goes into the policy that says what a browser may load.
_TILES: Final = re.compile(
    r"(https?://[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::[0-9]{1,5})?)"
    r"(?=/[^?#]*\{z\})(?=/[^?#]*\{x\})(?=/[^?#]*\{y\})/[A-Za-z0-9/{}._@-]{1,400}(?:\?[A-Za-z0-9=&._-]{0,200})?"
)
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def utc_clock() -> float:
    """Seconds since 1970, UTC."""
    return time.time()


@dataclass(frozen=True, slots=True)
class PublicSite:
    """A site whose table anyone may read: its name, and the devices whose zones and lines are in it."""

    name: str
    devices: tuple[str, ...]

    def __post_init__(self) -> None:
        for text in (self.name, *self.devices):
            if not NAME.match(text):
                raise ValueError(
                    f"a public site must be written NAME=DEVICE,DEVICE with names like square-1 (got {text!r})"
                )
        if not self.devices:
            raise ValueError(f"the public site {self.name} must name at least one device")


@dataclass(frozen=True, slots=True)
class Settings:
    """One server's settings.

    Args:
        data_dir: folder of the database; created with mode 0700 when absent.
        host: address to bind to; anything but loopback needs TLS by a reverse proxy.
        port: TCP port, 0 for any free one.
        https_only_cookies: mark cookies Secure and send HSTS; for a server behind TLS.
        allowed_hosts: names accepted in the Host header besides loopback; empty and not on loopback: any.
        demo: true shows a banner and allows a shorter ``statistics_delay_s``.
        statistics_delay_s: seconds between the end of an interval and its appearance, statistics zones.
        local_tz: the zone in which days are cut and times are shown.
        session_s: lifetime of a login, seconds.
        ingest_per_s: sustained requests a second and device; ``ingest_burst`` at once.
        ingest_queue: batches waiting for the one writer before the server answers 503.
        public_sites: whose table is public; none by default.
        public_k: counts of people, bicycles and road vehicles below it are not published.
        public_after_s: seconds between the end of a local day and the first time its table can be read.
        tile_url: map tiles, as ``https://host/{z}/{x}/{y}.png``; none by default, and no browser asks elsewhere then.
        tile_attribution: whose map it is, shown beside it.
        operator: who answers for the figures, and ``contact`` an address to write to; both stand on public pages.
        clock: seconds since 1970; injected by tests.

    Raises:
        ValueError: for a value that breaks a rule.
    """

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = 8000
    https_only_cookies: bool = False
    allowed_hosts: tuple[str, ...] = ()
    demo: bool = False
    statistics_delay_s: int = STATISTICS_DELAY_S
    local_tz: str = "Europe/Paris"
    session_s: int = 12 * 3600
    ingest_per_s: float = 10.0
    ingest_burst: int = 60
    ingest_queue: int = 64
    public_sites: tuple[PublicSite, ...] = ()
    public_k: int = K
    public_after_s: int = PUBLIC_AFTER_S
    tile_url: str = ""
    tile_attribution: str = ""
    operator: str = ""
    contact: str = ""
    clock: Callable[[], float] = field(default=utc_clock, repr=False)

    def __post_init__(self) -> None:
        if self.statistics_delay_s < 0 or (not self.demo and self.statistics_delay_s < STATISTICS_DELAY_S):
            raise ValueError(
                f"statistics_delay_s must be at least {STATISTICS_DELAY_S} outside a demonstration "
                f"(got {self.statistics_delay_s})"
            )
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be within 0..65535 (got {self.port})")
        ZoneInfo(self.local_tz)
        self._check_public()
        if self.tile_url and not _TILES.fullmatch(self.tile_url):
            raise ValueError(
                f"tile_url must be written like https://host/{{z}}/{{x}}/{{y}}.png (got {self.tile_url[:200]!r})"
            )

    def _check_public(self) -> None:
        if self.public_k < LEAST_K:
            raise ValueError(f"public_k must be at least {LEAST_K} (got {self.public_k})")
        least = max(STATISTICS_DELAY_S, self.statistics_delay_s)
        if not least <= self.public_after_s <= PUBLIC_AFTER_MOST_S:
            raise ValueError(
                f"public_after_s must be within {least}..{PUBLIC_AFTER_MOST_S} (got {self.public_after_s})"
            )
        names = [site.name for site in self.public_sites]
        # A figure that stood in two tables could be published twice, with and without a late record.
        devices = [device for site in self.public_sites for device in site.devices]
        for word, found in (("site", names), ("device", devices)):
            twice = next((name for name in found if found.count(name) > 1), None)
            if twice is not None:
                raise ValueError(f"public_sites may name each {word} once (got {twice} twice)")

    @property
    def tile_origin(self) -> str:
        """Scheme and host of the map tiles, empty without them."""
        match = _TILES.fullmatch(self.tile_url)
        return match[1] if match else ""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "parvis.sqlite3"

    @property
    def on_loopback(self) -> bool:
        """True when only this machine can reach the server."""
        return self.host in LOOPBACK

    @property
    def zone_info(self) -> ZoneInfo:
        """``local_tz`` as a time zone."""
        return ZoneInfo(self.local_tz)
