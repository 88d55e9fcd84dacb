"""Devices, users, sessions and the audit, in SQLite."""

from __future__ import annotations

from typing import Any

from server.store.base import AuditEntry, Device, Session, User
from server.store.connection import Connections


def insert_audit(db: Any, entry: AuditEntry) -> None:
    """Write an audit row inside the caller's transaction."""
    db.execute(
        "INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)",
        (entry.at, entry.actor, entry.action, entry.subject, entry.detail[:500]),
    )


def _user(row: dict[str, Any]) -> User:
    return User(row["name"], row["role"], row["created_at"], bool(row["disabled"]))


class SqliteAccounts:
    """Implements `Accounts`."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def _change(self, sql: str, values: tuple[Any, ...], audit: AuditEntry) -> bool:
        """Run one change and audit it if it changed anything."""
        with self._connections.write() as db:
            changed = bool(db.execute(sql, values).rowcount == 1)
            if changed:
                insert_audit(db, audit)
            return changed

    def add_device(self, device: str, token_hash: str, audit: AuditEntry) -> bool:
        """Create a device; False when the id is taken."""
        sql = "INSERT INTO devices (id, token_hash, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        return self._change(sql, (device, token_hash, audit.at), audit)

    def set_device_token(self, device: str, token_hash: str, audit: AuditEntry) -> bool:
        """Give a device another token and lift a revocation; False when there is no such device."""
        sql = "UPDATE devices SET token_hash = ?, revoked_at = NULL WHERE id = ?"
        return self._change(sql, (token_hash, device), audit)

    def revoke_device(self, device: str, audit: AuditEntry) -> bool:
        """Refuse a device from now on; False when there is no such device."""
        return self._change("UPDATE devices SET revoked_at = ? WHERE id = ?", (audit.at, device), audit)

    def device_by_token(self, token_hash: str) -> Device | None:
        """The device that is not revoked and has this token."""
        sql = "SELECT id, created_at, revoked_at FROM devices WHERE token_hash = ? AND revoked_at IS NULL"
        with self._connections.read() as db:
            row = next(iter(db.query(sql, (token_hash,))), None)
        return Device(row["id"], row["created_at"], None, None) if row else None

    def devices(self) -> list[Device]:
        """All devices, by id."""
        sql = (
            "SELECT id, created_at, revoked_at, (SELECT max(last_received) FROM cameras WHERE device = id) AS last"
            " FROM devices ORDER BY id"
        )
        with self._connections.read() as db:
            return [Device(r["id"], r["created_at"], r["revoked_at"], r["last"]) for r in db.query(sql)]

    def add_user(self, name: str, role: str, password_hash: str, audit: AuditEntry) -> bool:
        """Create a user; False when the name is taken."""
        sql = (
            "INSERT INTO users (name, role, password_hash, created_at, disabled) VALUES (?, ?, ?, ?, 0)"
            " ON CONFLICT DO NOTHING"
        )
        return self._change(sql, (name, role, password_hash, audit.at), audit)

    def set_password(self, name: str, password_hash: str, audit: AuditEntry) -> bool:
        """Change a password and end the user's sessions; False when there is no such user."""
        return self._change_user(
            "UPDATE users SET password_hash = ? WHERE name = ?", (password_hash, name), name, audit
        )

    def disable_user(self, name: str, audit: AuditEntry) -> bool:
        """Refuse a user from now on and end the sessions; False when there is no such user."""
        return self._change_user("UPDATE users SET disabled = 1 WHERE name = ?", (name,), name, audit)

    def _change_user(self, sql: str, values: tuple[Any, ...], name: str, audit: AuditEntry) -> bool:
        with self._connections.write() as db:
            changed = bool(db.execute(sql, values).rowcount == 1)
            if changed:
                db.execute("DELETE FROM sessions WHERE user_name = ?", (name,))
                insert_audit(db, audit)
            return changed

    def users(self) -> list[User]:
        """All users, by name."""
        with self._connections.read() as db:
            return [_user(row) for row in db.query("SELECT * FROM users ORDER BY name")]

    def password_hash(self, name: str) -> str | None:
        """The stored hash of an enabled user."""
        sql = "SELECT password_hash FROM users WHERE name = ? AND disabled = 0"
        with self._connections.read() as db:
            row = db.execute(sql, (name,)).fetchone()
        return str(row[0]) if row else None

    def open_session(self, token_hash: str, name: str, csrf: str, expires_at: int, audit: AuditEntry) -> None:
        """Remember a login and forget the expired ones."""
        with self._connections.write() as db:
            db.execute("DELETE FROM sessions WHERE expires_at <= ?", (audit.at,))
            db.execute(
                "INSERT INTO sessions (token_hash, user_name, csrf, expires_at) VALUES (?, ?, ?, ?)",
                (token_hash, name, csrf, expires_at),
            )
            insert_audit(db, audit)

    def session(self, token_hash: str, now: int) -> Session | None:
        """The session that has not expired and whose user is enabled."""
        sql = (
            "SELECT u.name, u.role, u.created_at, u.disabled, s.csrf, s.expires_at"
            " FROM sessions s JOIN users u ON u.name = s.user_name"
            " WHERE s.token_hash = ? AND s.expires_at > ? AND u.disabled = 0"
        )
        with self._connections.read() as db:
            row = next(iter(db.query(sql, (token_hash, now))), None)
        return Session(_user(row), row["csrf"], row["expires_at"]) if row else None

    def close_session(self, token_hash: str, audit: AuditEntry) -> None:
        """Forget a login."""
        self._change("DELETE FROM sessions WHERE token_hash = ?", (token_hash,), audit)

    def log(self, entry: AuditEntry) -> None:
        """Write an audit row."""
        with self._connections.write() as db:
            insert_audit(db, entry)

    def audit(self, limit: int, action: str = "") -> list[AuditEntry]:
        """The newest audit rows whose action begins like that."""
        sql = (
            "SELECT at, actor, action, subject, detail FROM audit WHERE substr(action, 1, ?) = ?"
            " ORDER BY id DESC LIMIT ?"
        )
        with self._connections.read() as db:
            return [AuditEntry(**row) for row in db.query(sql, (len(action), action, limit))]
