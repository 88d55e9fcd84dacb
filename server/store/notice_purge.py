"""Which notices are past their time (`server.store.purge` deletes them): those that ended as long ago as cases are kept.

Open notices stay with all their steps, however old; so does every veto in force.
"""

from __future__ import annotations

from typing import Any

from server.retention import Cutoffs

Note = tuple[str, str, tuple[Any, ...], tuple[tuple[str, str], ...]]


def notice_notes(cut: Cutoffs) -> list[Note]:
    """What it is, which rows (a statement and its values), and where these stand in which column."""
    return [
        (
            "notices",
            "SELECT id FROM notices WHERE ended_at < ?",
            (cut.cases,),
            (
                ("notice_events", "notice"),
                ("notice_cases", "notice"),
                ("open311_links", "notice"),
                ("open311_told", "notice"),
                ("notices", "id"),
            ),
        ),
        (
            "cases without a notice",
            "SELECT device || '/' || case_id FROM notice_cases WHERE notice IS NULL AND received_at < ?",
            (cut.cases,),
            (("notice_cases", "device || '/' || case_id"),),
        ),
        (
            "vetoes",
            "SELECT id FROM vetoes WHERE coalesce(lifted_at, ends_at) < ? AND made_at < ?",
            (cut.cases, cut.cases),
            (("vetoes", "id"),),
        ),
    ]
