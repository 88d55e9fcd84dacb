"""PDF of our own HTML: tagged for screen readers (PDF/UA-1), with title and language, nothing fetched."""

from __future__ import annotations

import importlib
import logging
from typing import Any, Final

from server.errors import ServerError

EXTRA: Final = "pip install 'parvis[documents]'"
LIBRARIES: Final = "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"


class NoPdfError(ServerError):
    """No PDF can be made here; the message says what to install."""


def ready() -> None:
    """Load what makes PDFs.

    Raises:
        NoPdfError: when the package or a library of the system is missing.
    """
    _weasyprint()


def pdf_of(html: str) -> bytes:
    """The paper as PDF/UA-1.

    Raises:
        NoPdfError: as `ready`.
    """
    weasyprint = _weasyprint()
    # Its warnings are about CSS that only browsers know; what breaks accessibility it calls an error.
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    nothing = importlib.import_module("weasyprint.urls").URLFetcher(allowed_protocols=())
    document: bytes = weasyprint.HTML(string=html, url_fetcher=nothing).write_pdf(pdf_variant="pdf/ua-1")
    return document


def _weasyprint() -> Any:
    try:
        return importlib.import_module("weasyprint")
    except ModuleNotFoundError as exc:
        raise NoPdfError(f"no PDF: this installation lacks {exc.name}. Install it with: {EXTRA}") from exc
    except OSError as exc:
        # cffi loads Pango and HarfBuzz by name when the package is imported.
        raise NoPdfError(f"no PDF: a library of the system is missing. Install it with: {LIBRARIES}") from exc
