"""Devices and users: the rules on names, roles and passwords, and who is told what.

Plain functions over a `Store`, for the command line, the demonstration and the tests.
"""

from __future__ import annotations

from typing import Final

from contract.names import NAME
from server.access import ROLES
from server.credentials import MAX_PASSWORD, MIN_PASSWORD, hash_password, new_token, token_hash
from server.errors import AccountError
from server.settings import utc_clock
from server.store.base import AuditEntry, Store

CLI_ACTOR: Final = "command-line"


def _entry(actor: str, action: str, subject: str, detail: str = "", at: float | None = None) -> AuditEntry:
    return AuditEntry(int(utc_clock() if at is None else at), actor, action, subject, detail)


def _named(name: str, what: str) -> str:
    if not NAME.match(name):
        raise AccountError(
            f"{what} must match [a-z0-9][a-z0-9_-]{{0,63}} (got {name[:80]!r}); use small letters and digits"
        )
    return name


def _checked(password: str) -> str:
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise AccountError(
            f"the password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters (got {len(password)}); "
            "a sentence is easy to remember"
        )
    return password


def add_device(store: Store, device: str, actor: str = CLI_ACTOR) -> str:
    """Create a device and return its token, which is stored nowhere.

    Raises:
        AccountError: when the id is badly formed or taken.
    """
    token = new_token()
    entry = _entry(actor, "device.add", _named(device, "a device id"))
    if not store.accounts.add_device(device, token_hash(token), entry):
        raise AccountError(f"device {device} exists already; rotate its token instead")
    return token


def rotate_device(store: Store, device: str, actor: str = CLI_ACTOR) -> str:
    """Give a device a new token, which ends the old one and any revocation.

    Raises:
        AccountError: when there is no such device.
    """
    token = new_token()
    if not store.accounts.set_device_token(device, token_hash(token), _entry(actor, "device.rotate", device)):
        raise AccountError(
            f"there is no device {device[:80]!r}; list them with `parvis server admin device list`"
        )
    return token


def revoke_device(store: Store, device: str, actor: str = CLI_ACTOR) -> None:
    """Refuse a device from its next request on.

    Raises:
        AccountError: when there is no such device.
    """
    if not store.accounts.revoke_device(device, _entry(actor, "device.revoke", device)):
        raise AccountError(
            f"there is no device {device[:80]!r}; list them with `parvis server admin device list`"
        )


def add_user(store: Store, name: str, role: str, password: str, actor: str = CLI_ACTOR) -> None:
    """Create a user.

    Raises:
        AccountError: when the name is badly formed or taken, the role unknown or the password too short.
    """
    if role not in ROLES:
        raise AccountError(f"role must be one of {', '.join(ROLES)} (got {role[:80]!r})")
    hashed = hash_password(_checked(password))
    entry = _entry(actor, "user.add", _named(name, "a user name"), role)
    if not store.accounts.add_user(name, role, hashed, entry):
        raise AccountError(f"user {name} exists already; change the password with `passwd`")


def set_password(store: Store, name: str, password: str, actor: str = CLI_ACTOR) -> None:
    """Change a password; every session of the user ends.

    Raises:
        AccountError: when there is no such user or the password is too short.
    """
    hashed = hash_password(_checked(password))
    if not store.accounts.set_password(name, hashed, _entry(actor, "user.password", name)):
        raise AccountError(f"there is no user {name[:80]!r}; list them with `parvis server admin user list`")


def disable_user(store: Store, name: str, actor: str = CLI_ACTOR) -> None:
    """Refuse a user from the next request on.

    Raises:
        AccountError: when there is no such user.
    """
    if not store.accounts.disable_user(name, _entry(actor, "user.disable", name)):
        raise AccountError(f"there is no user {name[:80]!r}; list them with `parvis server admin user list`")
