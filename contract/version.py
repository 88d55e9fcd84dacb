"""The version of this software, as records and pages name it."""

from __future__ import annotations

from typing import Final

VERSION: Final = "0.1.0"
