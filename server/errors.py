"""What can go wrong on the server, as a small tree; adapters map foreign errors onto it.

ServerError          exit code
  StoreError         8   the database cannot be opened, read or written
    StoreFull        8   its disk is full (answered 507)
  AccountError       8   a device or user that is absent, taken or refused

Each message is one paragraph: where, which rule, what was found, how to mend it.
"""

from __future__ import annotations


class ServerError(Exception):
    """Base of all expected failures of the server. The command line prints the message and no traceback."""

    exit_code = 8


class StoreError(ServerError):
    """The database cannot be used."""


class StoreFull(StoreError):  # noqa: N818 - named for the state, as in reliability.md R18
    """The disk under the database is full."""


class AccountError(ServerError):
    """A device or a user cannot be created, found or changed."""
