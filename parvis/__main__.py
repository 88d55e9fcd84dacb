"""``python -m parvis``."""

from __future__ import annotations

from parvis.cli import main

main()
