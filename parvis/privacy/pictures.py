"""The pictures of the sign: a pictogram and a QR code, both drawn here as SVG."""

from __future__ import annotations

from html import escape
from typing import Final

# A camera on its pole looks at a person, a bicycle and a car; what comes out of it is a number.
_PICTOGRAM: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" class="pictogram" role="img" viewBox="0 0 240 120" width="240" height="120">
<title>{title}</title>
<g fill="none" stroke="{ink}" stroke-width="5" stroke-linecap="round" stroke-linejoin="round">
<path d="M16 112V46"/><path d="M6 112H28"/>
<path d="M8 22 52 10 58 34 14 46Z" fill="{ink}"/><path d="M58 17 68 14 71 26 60 29"/>
</g>
<g fill="none" stroke="{ink}" stroke-width="2.5" stroke-dasharray="2 6" stroke-linecap="round">
<path d="M76 24 130 52"/><path d="M72 32 82 58"/>
</g>
<g fill="{ink}">
<circle cx="86" cy="66" r="7"/>
<path d="M79 76h14a4 4 0 0 1 4 4v16h-5v16h-12v-16h-5v-16a4 4 0 0 1 4-4z"/>
<path d="M113 99 120 84h24l8 15h6a3 3 0 0 1 3 3v6h-52v-6a3 3 0 0 1 3-3z"/>
<circle cx="121" cy="109" r="6"/><circle cx="149" cy="109" r="6"/>
</g>
<g fill="{paper}"><path d="M122 96 126 88h7v8z"/><path d="M137 88h5l5 8h-10z"/></g>
<g>
<path d="M168 98h18M180 92l7 6-7 6" fill="none" stroke="{ink}" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/>
<rect x="194" y="80" width="40" height="34" rx="6" fill="none" stroke="{ink}" stroke-width="4"/>
<text x="214" y="106" text-anchor="middle" font-family="DejaVu Sans, sans-serif" font-weight="bold" font-size="24" fill="{ink}">12</text>
</g>
</svg>"""
_QUIET: Final = 4  # modules of white that a QR code needs round it (ISO/IEC 18004)


def pictogram(title: str, *, ink: str = "#ffffff", paper: str = "#0b4f8a") -> str:
    """Counted by camera: an SVG of 2 to 1, with its title as the text alternative."""
    return _PICTOGRAM.format(title=escape(title), ink=ink, paper=paper)


def qr_code(text: str, title: str) -> str:
    """A QR code (error correction M or better) as one SVG path; each module is one unit.

    Raises:
        ModuleNotFoundError: without the package segno.
    """
    import segno

    matrix = segno.make_qr(text, error="m").matrix
    side = len(matrix) + 2 * _QUIET
    runs = "".join(
        f"M{x + _QUIET} {y + _QUIET}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="qr" role="img" viewBox="0 0 {side} {side}" width="{side}"'
        f' height="{side}" shape-rendering="crispEdges"><title>{escape(title)}</title>'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path d="{runs}"/></svg>'
    )
