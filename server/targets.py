"""Where a webhook may go: which addresses (URL and IP) are allowed. Pure.

Rules:
1. Only ``https``; ``http`` only to a host of the own network that an administrator allowed (``internal``), and then only to
   addresses of that network, so that nothing crosses the internet unencrypted.
2. A host is a name in the ordinary form, or an address in its one ordinary form: what an old resolver would read as an
   address (``2130706433``, ``0x7f.1``, ``017700000001``) is refused, whatever it means. Names beyond ASCII are taken as
   IDNA 2008 with the mapping of UTS 46, and judged after that.
3. Every address that a name resolves to must be allowed. Forbidden are those of the IANA special-purpose registries
   (RFC 6890 and later) and the addresses under which clouds serve credentials. IPv6 is allowed in 2000::/3 alone, less what
   carries an IPv4 address inside (6to4, Teredo) or is documentation; so mapped and NAT64 addresses are out.
4. ``internal`` adds private networks, loopback, carrier-grade NAT and unique local addresses; link-local ones and those of
   clouds' credentials stay forbidden.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_MOST: Final = 500
_PORTS: Final = {"https": 443, "http": 80}
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OCTET: Final = re.compile(r"0|[1-9][0-9]{0,2}")
_OWN_NAMES: Final = frozenset({"localhost", "local", "internal", "localdomain", "lan", "home", "arpa"})

_NEVER_4: Final = (
    "0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
    "192.88.99.0/24", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4",
    "100.100.100.200/32", "168.63.129.16/32",  # credentials of Alibaba's and Azure's machines
)  # fmt: skip
_OWN_4: Final = ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_NEVER_6: Final = (
    "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    "fd00:ec2::/32", "fd20:ce::/32",  # credentials of Amazon's and Google's machines
)  # fmt: skip
_OWN_6: Final = ("::1/128", "fc00::/7")
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
NEVER: Final = tuple(ipaddress.ip_network(text) for text in (*_NEVER_4, *_NEVER_6))
OWN: Final = tuple(ipaddress.ip_network(text) for text in (*_OWN_4, *_OWN_6))


class TargetError(ValueError):
    """A target that may not be used; ``rule`` names the broken rule."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(text)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL. ``host`` is ASCII; ``address`` is set where the host is an address; ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str
    address: Address | None = None

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS[self.scheme] else f"{name}:{self.port}"


def is_own(address: Address) -> bool:
    """Whether an address is of the own network and not forbidden altogether."""
    return _in(address, OWN) and not _in(address, NEVER)


def is_allowed(address: Address, *, internal: bool) -> bool:
    """Whether a webhook may connect to an address."""
    if _in(address, NEVER):
        return False
    if _in(address, OWN):
        return internal
    # The library's registry is a second opinion: what either of the two knows is out.
    if isinstance(address, ipaddress.IPv6Address):
        return address in _GLOBAL_6 and address.scope_id is None and address.is_global
    return address.is_global


def _in(address: Address, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    return any(address.version == own.version and address in own for own in networks)


def check_url(url: str, *, internal: bool) -> Target:
    """A URL as it was typed.

    Args:
        url: ``https://host/path``.
        internal: an administrator allows a host of the own network.

    Raises:
        TargetError: ``form``, ``scheme``, ``userinfo``, ``host``, ``numeric``, ``internal`` or ``address``.
    """
    parts = _split(url)
    if parts.scheme not in _PORTS or (parts.scheme == "http" and not internal):
        raise TargetError("scheme", "the address must begin with https://")
    if "@" in parts.netloc:
        raise TargetError("userinfo", "the address must hold no user or password")
    if parts.fragment or "#" in url:
        raise TargetError("form", "the address must have no part after #")
    host, address = _host(parts)
    try:
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError as exc:
        raise TargetError("form", "the port must be within 1..65535") from exc
    if not 1 <= port <= 65535:
        raise TargetError("form", "the port must be within 1..65535")
    if address is not None:
        check_addresses([address], scheme=parts.scheme, internal=internal)
    elif not internal and ("." not in host or host.rpartition(".")[2] in _OWN_NAMES):
        raise TargetError("internal", "the host is of the own network; an administrator may allow that")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port, path, address)


def _split(url: str) -> SplitResult:
    # Everything beyond printable ASCII belongs into the host alone, and urlsplit would drop tabs and line breaks unseen.
    if len(url) > URL_MOST or any(c <= " " or c in '\\"<>^`{|}\x7f' for c in url):
        raise TargetError(
            "form", f"the address must be a URL of at most {URL_MOST} characters without spaces"
        )
    try:
        parts = urlsplit(url)
        parts.hostname  # noqa: B018 - asked for its errors
    except ValueError as exc:
        raise TargetError("form", "the address cannot be read as a URL") from exc
    if not all(c.isascii() for c in parts.path + parts.query):
        raise TargetError("form", "write the path in ASCII, other characters as %XX")
    return parts


def _host(parts: SplitResult) -> tuple[str, Address | None]:
    text = parts.hostname or ""
    if "[" in parts.netloc or ":" in text:
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError as exc:
            raise TargetError("numeric", "the address in brackets must be a plain IPv6 address") from exc
        if address.scope_id is not None:
            raise TargetError("numeric", "an IPv6 address must have no zone")
        return str(address), address
    if "%" in text or not text:
        raise TargetError("host", "the address must name a host")
    try:
        host = idna.encode(text.rstrip("."), uts46=True).decode("ascii") if not text.isascii() else text
    except (idna.IDNAError, UnicodeError) as exc:
        raise TargetError("host", "the host is no name that the internet knows (IDNA 2008)") from exc
    host = host.rstrip(".").lower()
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _dotted(labels)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError("host", "the host is no name that the internet knows")
    return host, None


def _dotted(labels: list[str]) -> tuple[str, Address]:
    if len(labels) != 4 or not all(_OCTET.fullmatch(label) and int(label) < 256 for label in labels):
        raise TargetError("numeric", "write an IPv4 address as four plain numbers")
    address = ipaddress.IPv4Address(".".join(labels))
    return str(address), address


def check_addresses(addresses: list[Address], *, scheme: str, internal: bool) -> None:
    """What a host resolved to, all of it.

    Raises:
        TargetError: ``address`` when one of them is forbidden, ``internal`` when plain HTTP would leave the own network,
            ``resolve`` when there is none.
    """
    if not addresses:
        raise TargetError("resolve", "the host has no address")
    for address in addresses:
        if not is_allowed(address, internal=internal):
            raise TargetError("address", f"{address} may not be connected to")
        if scheme == "http" and not is_own(address):
            raise TargetError("internal", f"{address} is not of the own network: use https")
