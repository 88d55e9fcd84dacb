"""One notice: what it rests on, its steps, and what a person may do with it.

Rule: a form says which version of the notice its reader saw. When somebody was first, nothing is changed, and the page says who
did what and keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from server.access import NOTICES, Route, settings_of, store_of
from server.notices import ENDED, MOVES, Notice, NoticeConflict, NoticeState
from server.pages.desk import actor, number, posted
from server.pages.notice_words import STATES, Frame, Names, box, filters_of, frame
from server.pages.planning import may_plan
from server.pages.render import error_page, page, texts_of
from server.store.base import AuditEntry

NAME_MOST: Final = 60
NOTE_MOST: Final = 400
LATER_H: Final = (1, 4, 12, 24)
# The order in which the buttons stand: what moves the work on, then what ends it.
BUTTONS: Final[tuple[NoticeState, ...]] = (
    "confirmed", "assigned", "in_work", "cleared", "nothing_there", "not_ours", "to_verify",
)  # fmt: skip


def _frames(request: Request, own: Notice) -> list[Frame]:
    """The frame of each camera that saw it."""
    store, texts = store_of(request), texts_of(request)
    cases = store.notices.cases_of(own.id)
    if not cases:
        # The case went on after the notice ended, and belongs to another one now.
        alone = box(own, texts("nt.number", n=own.id), severity=own.severity, gone=True)
        return [frame(store, own.device, own.camera, [alone])]
    seen = list(dict.fromkeys((case.device, case.camera) for case in cases))
    return [
        frame(
            store,
            device,
            camera,
            [
                box(
                    case,
                    texts("nt.case", case=case.case),
                    severity=own.severity,
                    gone=case.state in {"cleared", "silent"},
                )
                for case in cases
                if (case.device, case.camera) == (device, camera)
            ],
        )
        for device, camera in seen
    ]


def _page(
    request: Request, own: Notice, status: int = 200, error: str = "", typed: Mapping[str, str] | None = None
) -> Response:
    store = store_of(request).notices
    events = store.events(own.id)
    rests = next((event for event in reversed(events) if event.case), None)
    return page(
        request,
        "notice.html",
        status,
        own=own,
        names=Names(request),
        events=events,
        rests=rests,
        cases=store.cases_of(own.id),
        frames=_frames(request, own),
        moves=[state for state in BUTTONS if state in MOVES[own.state]],
        ended=own.state in ENDED,
        later_h=LATER_H,
        error=error,
        typed=typed or {},
        name_most=NAME_MOST,
        note_most=NOTE_MOST,
        may_plan=may_plan(request),
        states=STATES,
    )


def read(request: Request) -> Response:
    """The page of one notice."""
    own = store_of(request).notices.notice(number(request.path_params["number"]))
    return _page(request, own) if own else error_page(request, 404)


def _conflict(request: Request, own: Notice, exc: NoticeConflict, fields: Mapping[str, str]) -> Response:
    """Somebody was first: who, what, and what was typed here."""
    texts = texts_of(request)
    last = store_of(request).notices.events(own.id)[-1]
    told = texts(
        "nt.conflict.version" if exc.rule == "version" else "nt.conflict.move",
        state=texts(f"nt.state.{own.state}"),
        who=last.actor,
        at=texts.time(last.at),
    )
    return _page(request, own, 409, told, fields)


def _do(request: Request, own: Notice, fields: Mapping[str, str]) -> str:
    """Do what a form asks; the key of what is wrong with it, or nothing.

    Raises:
        NoticeConflict: when somebody was first.
    """
    store, now, who = store_of(request).notices, int(settings_of(request).clock()), actor(request)
    do, note = fields.get("do", ""), fields.get("note", "").strip()
    name = " ".join(fields.get("name", "").split())
    audit = AuditEntry(now, who, "", "", note)
    if len(note) > NOTE_MOST or len(name) > NAME_MOST:
        return "nt.wrong.long"
    if do == "note":
        if not note:
            return "nt.wrong.note"
        store.note(own.id, note, audit)
        return ""
    if do == "later":
        hours = number(fields.get("hours", ""))
        if hours not in LATER_H:
            return "nt.wrong.form"
        store.later(own.id, now + hours * 3600, audit)
        return ""
    after = next((state for state in STATES if state == do), None)
    if after is None or not fields.get("version", ""):
        return "nt.wrong.form"
    if after == "assigned" and not name:
        return "nt.wrong.name"
    given = name if after == "assigned" else None
    told = ", ".join(part for part in (given, note) if part)
    store.move(own.id, number(fields["version"]), after, audit, assigned_to=given, detail=told)
    return ""


def _act(request: Request, fields: Mapping[str, str]) -> Response:
    store = store_of(request).notices
    own = store.notice(number(request.path_params["number"]))
    if own is None:
        return error_page(request, 404)
    try:
        wrong = _do(request, own, fields)
    except NoticeConflict as exc:
        return _conflict(request, store.notice(own.id) or own, exc, fields)
    if wrong:
        return _page(request, own, 400, texts_of(request)(wrong), fields)
    if fields.get("back") == "board":
        return RedirectResponse("/notices" + _query(fields.get("query", "")), 303)
    return RedirectResponse(f"/notices/{own.id}", 303)


def _query(text: str) -> str:
    """The board's filters as they were written, and nothing else."""
    try:
        return filters_of(dict(parse_qsl(text.removeprefix("?"), max_num_fields=8))).query()
    except ValueError:
        return ""


async def act(request: Request) -> Response:
    """Change a notice, write a note, or ask to be reminded."""
    return await posted(request, _act)


ROUTES: Final = (
    Route("GET", "/notices/{number}", read, NOTICES),
    Route("POST", "/notices/{number}", act, NOTICES),
)
