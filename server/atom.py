"""A Web feed as Atom has it (RFC 4287). Pure: entries in, bytes out.

Ids are tag URIs (RFC 4151) of the installation's UUID: they stay when the server moves to another name. Positions are
GeoRSS simple points, latitude first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from server.cloud_events import utc

# Whose names they are: nobody's host, since a host may change hands; the UUID makes them unique.
AUTHORITY: Final = "parvis.invalid,2026"
MEDIA_TYPE: Final = "application/atom+xml; charset=utf-8"
# What XML 1.0 cannot hold, whatever stands for it.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Times: seconds since 1970; ``point``: longitude, latitude; ``terms``: categories as scheme and term."""

    id: str
    title: str
    summary: str
    link: str
    published: int
    updated: int
    terms: tuple[tuple[str, str], ...] = ()
    point: tuple[float, float] | None = None


def tag(identity: str, what: str) -> str:
    """``tag:parvis.invalid,2026:UUID/notices/12``."""
    return f"tag:{AUTHORITY}:{identity}/{what}"


def _text(text: str) -> str:
    return escape(_NO_XML.sub("\ufffd", text))


def _attribute(text: str) -> str:
    return quoteattr(_NO_XML.sub("\ufffd", text))


def _entry(own: Entry) -> str:
    parts = [
        f"<id>{_text(own.id)}</id>",
        f'<title type="text">{_text(own.title)}</title>',
        f"<published>{utc(own.published)}</published>",
        f"<updated>{utc(own.updated)}</updated>",
        f'<link rel="alternate" type="text/html" href={_attribute(own.link)}/>',
        *(f"<category scheme={_attribute(scheme)} term={_attribute(term)}/>" for scheme, term in own.terms),
        f'<summary type="text">{_text(own.summary)}</summary>',
    ]
    if own.point:
        parts.append(f"<georss:point>{own.point[1]:.6f} {own.point[0]:.6f}</georss:point>")
    return "<entry>\n" + "\n".join(parts) + "\n</entry>\n"


def feed(
    *,
    number: str,
    title: str,
    updated: int,
    own: str,
    page: str,
    language: str,
    version: str,
    entries: Sequence[Entry],
) -> bytes:
    """A feed.

    Args:
        number: its id.
        title: its title.
        updated: when anything in it changed last, seconds since 1970.
        own: its own address, without a key.
        page: the page it is about.
        language: of its texts.
        version: of the software that made it.
        entries: newest change first.
    """
    head = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:georss="http://www.georss.org/georss" xml:lang="{language}">',
        f"<id>{_text(number)}</id>",
        f'<title type="text">{_text(title)}</title>',
        f"<updated>{utc(updated)}</updated>",
        "<author><name>Parvis</name></author>",
        f'<link rel="self" type="application/atom+xml" href={_attribute(own)}/>',
        f'<link rel="alternate" type="text/html" href={_attribute(page)}/>',
        f"<generator version={_attribute(version)}>Parvis</generator>",
    ]
    return ("\n".join(head) + "\n" + "".join(_entry(entry) for entry in entries) + "</feed>\n").encode()
