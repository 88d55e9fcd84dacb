"""Rows of notices, their events and vetoes, inside the caller's transaction."""

# ruff: noqa: S608 - statements are put together from constants of this package; every value is a parameter
from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Final

from server.notice_place import veto_radius
from server.notice_rules import VETO_MEMORY_S, SiteRules, veto_seconds
from server.notices import ENDED, CaseRevision, Notice, NoticeConflict, NoticeEvent, NoticeState, Veto, What
from server.store.accounts import insert_audit
from server.store.base import AuditEntry

NOTICE: Final = ", ".join(field.name for field in fields(Notice))
EVENT: Final = ", ".join(f'"{field.name}"' for field in fields(NoticeEvent))
VETO: Final = ", ".join(field.name for field in fields(Veto))
RULES: Final = ", ".join(field.name for field in fields(SiteRules))
_RESTS_ON: Final = (
    'SELECT device, "case", case_revision, model, model_sha256, config_at FROM notice_events'
    " WHERE notice = ? AND \"case\" <> '' ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What a step rests on: a box's case, and the model and configuration it was judged with."""

    device: str = ""
    case: str = ""
    case_revision: int = 0
    model: str = ""
    model_sha256: str = ""
    config_at: int | None = None

    def told(self) -> str:
        """For the audit."""
        if not self.case:
            return "no case"
        return (
            f"{self.device} case {self.case} revision {self.case_revision}, model {self.model or '?'}"
            f" {self.model_sha256[:12]}, configuration of {self.config_at or '?'}"
        )


def basis_of(db: Any, rev: CaseRevision) -> Basis:
    """What a revision rests on: the run that told it says the model and the configuration."""
    sql = "SELECT model, model_sha256, configured_at FROM runs WHERE device = ? AND camera = ? AND run = ?"
    row = db.execute(sql, (rev.device, rev.camera, rev.run)).fetchone() or (None, None, None)
    return Basis(rev.device, rev.case, rev.revision, row[0] or "", row[1] or "", row[2])


def last_basis(db: Any, notice_id: int) -> Basis:
    """What a notice rests on: the newest case of its steps."""
    row = db.execute(_RESTS_ON, (notice_id,)).fetchone()
    return Basis(*row) if row else Basis()


def notice_of(db: Any, notice_id: int) -> Notice | None:
    """One notice."""
    rows = db.query(f"SELECT {NOTICE} FROM notices WHERE id = ?", (notice_id,))
    return next((Notice(**row) for row in rows), None)


def present(db: Any, notice_id: int) -> Notice:
    """One notice.

    Raises:
        NoticeConflict: when there is none.
    """
    found = notice_of(db, notice_id)
    if found is None:
        raise NoticeConflict(
            f"there is no notice {notice_id}; it may have been deleted after its time", "gone"
        )
    return found


def add_event(
    db: Any,
    notice_id: int,
    audit: AuditEntry,
    what: What,
    before: NoticeState | None,
    after: NoticeState,
    basis: Basis,
    detail: str = "",
) -> None:
    """Write a step and its audit row: who and when are the audit's."""
    values = (notice_id, audit.at, audit.actor, what, before, after, detail[:500], *asdict(basis).values())
    db.execute(
        'INSERT INTO notice_events (notice, at, actor, what, before, after, detail, device, "case", case_revision,'
        " model, model_sha256, config_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    parts = [f"{before or '-'} -> {after}", audit.detail or detail, basis.told()]
    insert_audit(
        db,
        replace(
            audit,
            action=audit.action or f"notice.{what}",
            subject=audit.subject or f"notice/{notice_id}",
            detail="; ".join(part for part in parts if part),
        ),
    )


def set_state(db: Any, own: Notice, after: NoticeState, at: int, **changes: Any) -> None:
    """Give a notice another state, with what follows from it, and its next version."""
    held = after == "new"
    values: dict[str, Any] = {
        "state": after,
        "version": own.version + 1,
        "changed_at": at,
        "later_until": None,
        "ended_at": at if after in ENDED else None,
        **({} if held else {"held": None, "held_until": None}),
        **changes,
    }
    sets = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"UPDATE notices SET {sets} WHERE id = ?", (*values.values(), own.id))
    if not held and after != "cleared":
        db.execute("UPDATE notices SET told_at = coalesce(told_at, ?) WHERE id = ?", (at, own.id))
    if (after in ENDED) != (own.state in ENDED):
        db.execute("UPDATE notice_cases SET ended = ? WHERE notice = ?", (int(after in ENDED), own.id))


def rules_of(db: Any, site: str | None) -> SiteRules:
    """The rules of a site: its own, else those of places without one, else the usual ones."""
    sql = f"SELECT {RULES} FROM notice_rules WHERE ifnull(site, '') IN (?, '') ORDER BY site IS NULL LIMIT 1"
    row = next(iter(db.query(sql, (site or "",))), None)
    return SiteRules(**{**row, "high_passes": bool(row["high_passes"])}) if row else SiteRules()


def make_veto(db: Any, own: Notice, audit: AuditEntry) -> None:
    """A veto around the place of a notice; longer each time it is said there."""
    radius = veto_radius(own.w, own.h)
    sql = (
        "SELECT count(*) FROM vetoes WHERE device = ? AND camera = ? AND made_at > ? AND lifted_at IS NULL"
        " AND (x - ?) * (x - ?) + (y - ?) * (y - ?) * 0.31640625 <= max(radius, ?) * max(radius, ?)"
    )
    near = (own.x, own.x, own.y, own.y, radius, radius)
    before = db.execute(sql, (own.device, own.camera, audit.at - VETO_MEMORY_S, *near)).fetchone()[0]
    ends_at = audit.at + veto_seconds(rules_of(db, own.site), before + 1)
    db.execute(
        "INSERT INTO vetoes (device, camera, zone, x, y, radius, made_at, made_by, notice, ends_at, times)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            own.device, own.camera, own.zone, own.x, own.y, radius, audit.at, audit.actor, own.id, ends_at, before + 1,
        ),
    )  # fmt: skip


def lift(db: Any, where: str, value: int, audit: AuditEntry) -> int:
    """End vetoes before their time, and ask what they held again; their number. ``where``: ``id`` or ``notice``."""
    sql = f"UPDATE vetoes SET lifted_at = ?, lifted_by = ? WHERE {where} = ? AND lifted_at IS NULL AND ends_at > ?"
    lifted = int(db.execute(sql, (audit.at, audit.actor, value, audit.at)).rowcount)
    if lifted:
        ask_again(db, "veto")
    return lifted


def ask_again(db: Any, reason: str | None = None) -> None:
    """Look at held notices anew at the next turn: what held them may have changed."""
    sql = "UPDATE notices SET held_until = 0 WHERE state = 'new' AND (? IS NULL OR held = ?)"
    db.execute(sql, (reason, reason))


def vetoed_until(db: Any, device: str, camera: str, x: float, y: float, at: int) -> int | None:
    """The end of the last veto that covers a place now."""
    sql = (
        "SELECT max(ends_at) FROM vetoes WHERE device = ? AND camera = ? AND ends_at > ? AND lifted_at IS NULL"
        " AND (x - ?) * (x - ?) + (y - ?) * (y - ?) * 0.31640625 <= radius * radius"
    )
    found = db.execute(sql, (device, camera, at, x, x, y, y)).fetchone()[0]
    return None if found is None else int(found)
