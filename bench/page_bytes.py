"""What a page weighs on its way to a browser, with and without compression: the page alone, and with all its assets.

``python -m bench.page_bytes [--data DIR] [--json]``. A server on an invented town, asked as a browser asks; every address of
`bench/addresses.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from bench.addresses import ADDRESSES
from bench.open_pages import assets
from bench.served_town import Town, served_town
from server.access import SESSION_COOKIE


def fetched(origin: str, path: str, cookie: str, encoding: str) -> bytes:
    """The body as it went over the wire."""
    request = urllib.request.Request(origin + path)  # noqa: S310 - our own server
    request.add_header("Accept-Encoding", encoding)
    request.add_header("Accept-Language", "fr")
    request.add_header("Sec-Fetch-Site", "same-origin")
    if cookie:
        request.add_header("Cookie", f"{SESSION_COOKIE}={cookie}")
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - our own server
            return bytes(answer.read())
    except urllib.error.HTTPError as exc:
        # The page of what is not there is a page too.
        return bytes(exc.read())


def weigh(town: Town) -> dict[str, dict[str, int]]:
    """Bytes by page: plain, compressed, and the same with all assets."""
    found = {}
    for address in ADDRESSES:
        cookie = town.cookie(address.role) if address.role else ""
        path = address.at(town.places)
        plain = fetched(town.origin, path, cookie, "identity")
        named = assets(plain.decode())
        sizes = {"plain": len(plain), "gzip": len(fetched(town.origin, path, cookie, "gzip"))}
        for encoding, name in (("identity", "plain"), ("gzip", "gzip")):
            sizes[f"{name}_with_assets"] = sizes[name] + sum(
                len(fetched(town.origin, one, cookie, encoding)) for one in named
            )
        found[address.name] = sizes
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print them."""
    parser = argparse.ArgumentParser(prog="python -m bench.page_bytes")
    parser.add_argument("--data", type=Path, help="keep the town in this folder")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, served_town(asked.data or Path(folder)) as town:
        found = weigh(town)
    if asked.json:
        print(json.dumps(found))
        return 0
    for name, sizes in found.items():
        print(f"{name:22} " + " ".join(f"{size:9,}" for size in sizes.values()))
    totals = [sum(one[key] for one in found.values()) for key in next(iter(found.values()))]
    print(f"{'all':22} " + " ".join(f"{size:9,}" for size in totals))
    return 0


if __name__ == "__main__":
    sys.exit(main())
