"""Takes the pictures of the README and the docs: a server on an invented town, opened by Debian's Chromium.

``python -m bench.screenshots [--out docs/pictures] [--only NAME] [--all] [--print] [--json]``. Each picture has at
most 96 colours and ``MOST`` bytes. ``--all`` takes every page in both languages and widths, to look at; ``--print`` puts the
pages on paper instead (PDF).
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image

from bench.addresses import ADDRESSES, Address
from bench.chromium import DESKTOP, PHONE, Browser, Page, Scheme
from bench.served_town import Town, served_town
from server.access import SESSION_COOKIE
from server.pages.texts import LANGUAGE_COOKIE

MOST: Final = 150 * 1024
TALL: Final = {DESKTOP: 1000, PHONE: 844}


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: of which page, how wide, in which language and colours, from which element (a selector) downwards."""

    page: str
    width: int = DESKTOP
    language: str = "fr"
    scheme: Scheme = "light"
    at: str = ""

    @property
    def name(self) -> str:
        """Of its file."""
        size = "phone" if self.width == PHONE else "desktop"
        return f"{self.page}-{self.language}-{size}{'-dark' if self.scheme == 'dark' else ''}.png"


SHOTS: Final[tuple[Shot, ...]] = (
    Shot("overview"),
    Shot("overview", PHONE),
    Shot("overview", PHONE, "en", "dark"),
    Shot("zone-day"),
    Shot("zone-month", DESKTOP, "en"),
    Shot("zone-usual-week"),
    Shot("zone-usual-week", PHONE, "en", at="#h-full"),
    Shot("parking-day", DESKTOP, "en", "dark"),
    Shot("parking-usual-week"),
    Shot("line-day", PHONE, at=".tiles"),
    Shot("devices", DESKTOP, "en"),
    Shot("site"),
    Shot("zone-forecast"),
    Shot("compare", DESKTOP, "en"),
    Shot("ranking"),
    Shot("parking"),
    Shot("fleet"),
    Shot("presence"),
    Shot("presence", DESKTOP, "en", at="svg.presence.plan"),
    Shot("report", DESKTOP, "en"),
    Shot("public", PHONE),
)


def small(png: bytes) -> bytes:
    """A picture with fewer colours, until it is small enough."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (96, 48, 24, 12):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if len(out.getvalue()) <= MOST:
            break
    return out.getvalue()


def visit(page: Page, town: Town, address: Address, language: str) -> None:
    """Open a page as the address says."""
    page.call("Network.clearBrowserCookies")
    page.cookie(town.origin, LANGUAGE_COOKIE, language)
    if address.role:
        page.cookie(town.origin, SESSION_COOKIE, town.cookie(address.role))
    page.open(town.origin + address.at(town.places), 0.6)


def take(page: Page, town: Town, shots: tuple[Shot, ...], out: Path) -> dict[str, int]:
    """Take pictures; their sizes in bytes by name."""
    by_name = {address.name: address for address in ADDRESSES}
    sizes = {}
    for shot in shots:
        page.look(shot.width, shot.scheme, TALL[shot.width], 1.0 if shot.width == DESKTOP else 1.5)
        visit(page, town, by_name[shot.page], shot.language)
        if shot.at:
            page.run(f"document.querySelector({json.dumps(shot.at)}).scrollIntoView(); 0")
        data = small(page.png())
        (out / shot.name).write_bytes(data)
        sizes[shot.name] = len(data)
    return sizes


def papers(page: Page, town: Town, only: str, out: Path) -> dict[str, int]:
    """Pages as they would be printed; sizes in bytes by name."""
    sizes = {}
    for address in (one for one in ADDRESSES if one.name.startswith(only)):
        page.look(DESKTOP)
        visit(page, town, address, "fr")
        data = page.pdf()
        (out / f"{address.name}.pdf").write_bytes(data)
        sizes[f"{address.name}.pdf"] = len(data)
    return sizes


def main(arguments: list[str] | None = None) -> int:
    """Take them; exit status 1 when one is too large."""
    parser = argparse.ArgumentParser(prog="python -m bench.screenshots")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    parser.add_argument("--only", default="", help="pages whose name begins like that")
    parser.add_argument("--all", action="store_true", help="every page, both languages, both widths")
    parser.add_argument("--print", dest="paper", action="store_true", help="PDF as printed, every page")
    parser.add_argument("--data", type=Path, help="keep the town in this folder")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    shots = SHOTS
    if asked.all:
        shots = tuple(
            Shot(a.name, w, lang) for a in ADDRESSES for w in (DESKTOP, PHONE) for lang in ("fr", "en")
        )
    shots = tuple(shot for shot in shots if shot.page.startswith(asked.only))
    asked.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        served_town(asked.data or Path(folder)) as town,
        Browser.started() as page,
    ):
        sizes = (
            papers(page, town, asked.only, asked.out) if asked.paper else take(page, town, shots, asked.out)
        )
    print(json.dumps(sizes) if asked.json else "\n".join(f"{size:8} {name}" for name, size in sizes.items()))
    return int(not asked.paper and any(size > MOST for size in sizes.values()))


if __name__ == "__main__":
    sys.exit(main())
