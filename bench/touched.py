"""How many rows a page's queries touch, exactly, and how long they take alone.

Rules:
1. Each table is hidden, on the reading connections only, behind a temporary view ``SELECT * FROM it WHERE touched(key)``.
   SQLite merges such a view into the query, looks rows up by the same index as without it, and calls ``touched`` first
   for each row that the index or scan gives: that is a row touched, whether the query then uses it or not.
2. ``key`` is the rowid, or the whole primary key where a table has none: every index holds it, so it is asked before
   anything that needs the table itself. The whole one, for a column that a query fixes would be taken for a constant.
3. Time is not taken on these connections, for counting costs; the statements are taken down and run again on a plain one.

SQLite's own counter of visited rows (``sqlite3_stmt_scanstatus``) is not in the builds that distributions ship.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from server.store.sqlite import SqliteStore


@dataclass(slots=True)
class Watch:
    """What the queries since the last `clear` touched and said."""

    rows: int = 0
    statements: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Begin anew."""
        self.rows = 0
        self.statements.clear()

    def touch(self, *_: object) -> int:
        """A row was touched."""
        self.rows += 1
        return 1

    def note(self, statement: str) -> None:
        """A statement was run, with its values."""
        if (
            statement.lstrip()[:6].upper() in {"SELECT", "WITH R"}
            or statement.lstrip()[:5].upper() == "WITH "
        ):
            self.statements.append(statement)


def hide(conn: sqlite3.Connection, watch: Watch) -> None:
    """Put a counting view before every table of a connection."""
    conn.create_function("touched", -1, watch.touch)
    tables = conn.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'table'").fetchall()
    for name, sql in tables:
        if name.startswith("sqlite_"):
            continue
        key = "rowid"
        if "WITHOUT ROWID" in sql.upper():
            columns = conn.execute("SELECT name FROM pragma_table_info(?) WHERE pk > 0", (name,))
            key = ", ".join(f'"{column}"' for (column,) in columns)
        conn.execute(f'CREATE TEMP VIEW "{name}" AS SELECT * FROM main."{name}" WHERE touched({key})')  # noqa: S608
    conn.set_trace_callback(watch.note)


class CountingStore(SqliteStore):
    """A store whose reading connections count."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.watch = Watch()
        opened = self._connections._open  # noqa: SLF001 - the bench looks where nobody else may

        def counting() -> Any:
            db = opened()
            hide(db.conn, self.watch)
            return db

        self._connections._open = counting  # type: ignore[method-assign]  # noqa: SLF001


@contextmanager
def plain(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, as the server opens them."""
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        yield conn
    finally:
        conn.close()


def timed(conn: sqlite3.Connection, statements: list[str]) -> tuple[float, float]:
    """Milliseconds that statements and all their rows take: those that pass, and those of the processor."""
    began, used = time.perf_counter(), time.thread_time()
    for statement in statements:
        conn.execute(statement).fetchall()
    return 1000 * (time.perf_counter() - began), 1000 * (time.thread_time() - used)
