"""How this installation sends mail: ``mail.toml`` in the data folder, checked once.

Rule: the password is in a file of its own that nobody else on the machine may read; it is never in a setting, a log, an
error or an answer.
"""

from __future__ import annotations

import re
import stat
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import urlsplit

from server.errors import ServerError

Security = Literal["starttls", "tls", "none"]
FILE: Final = "mail.toml"
# One address, as every mail server takes it: no names beside it, no second one, no line breaks.
ADDRESS: Final = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,188}[A-Za-z0-9])?"
)
_PORTS: Final = {"starttls": 587, "tls": 465, "none": 25}


class MailSettingsError(ServerError):
    """``mail.toml``, or the file of the password, cannot be used."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """Where letters go out.

    Args:
        host: name of the mail server.
        port: its TCP port; 0 for the usual one of ``security``.
        security: ``starttls`` (default), ``tls`` from the first byte, or ``none`` for a mail server on this machine.
        sender: the address that letters come from.
        url: how this server is reached, for links in letters: ``https://parvis.example.fr``.
        user: name to log in with; empty for none.
        password_file: file that holds the password alone.
        timeout_s: for each step of a conversation.
        end_timeout_s: for the answer to the whole letter, which may take long (RFC 5321, 4.5.3.2.6).

    Raises:
        ValueError: for a value that breaks a rule.
    """

    host: str
    sender: str
    url: str
    port: int = 0
    security: Security = "starttls"
    user: str = ""
    password_file: Path | None = None
    timeout_s: float = 30.0
    end_timeout_s: float = 600.0

    def __post_init__(self) -> None:
        if not self.host or any(c.isspace() for c in self.host):
            raise ValueError(f"host must be the name of a mail server (got {self.host!r})")
        if self.security not in get_args(Security):
            raise ValueError(f"security must be starttls, tls or none (got {self.security!r})")
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port must be within 0..65535 (got {self.port})")
        if not ADDRESS.fullmatch(self.sender):
            raise ValueError(f"sender must be one address such as parvis@example.fr (got {self.sender!r})")
        parts = urlsplit(self.url)
        if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"url must be written like https://parvis.example.fr (got {self.url!r})")
        if bool(self.user) != (self.password_file is not None):
            raise ValueError("user and password_file belong together: give both or neither")
        if self.user and self.security == "none":
            raise ValueError(
                "a password would cross the network readable by anyone: use security tls or starttls"
            )
        for name, least in (("timeout_s", 0.1), ("end_timeout_s", 0.1)):
            if not least <= getattr(self, name) <= 900:
                raise ValueError(f"{name} must be within {least}..900 (got {getattr(self, name)})")

    @property
    def port_used(self) -> int:
        """The port, or the usual one."""
        return self.port or _PORTS[self.security]

    @property
    def base(self) -> str:
        """The address of this server without a final slash."""
        return self.url.rstrip("/")

    def password(self) -> str:
        """Read now, so that a changed one needs no restart.

        Raises:
            MailSettingsError: when the file cannot be read, or others may read it.
        """
        path = self.password_file
        if path is None:
            return ""
        try:
            mode = path.stat().st_mode
            text = path.read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError) as exc:
            raise MailSettingsError(f"password_file {path}: cannot be read ({type(exc).__name__})") from exc
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise MailSettingsError(f"password_file {path}: others may read it; run chmod 600 {path}")
        if not text:
            raise MailSettingsError(f"password_file {path}: is empty; write the password into it")
        return text


def read(folder: Path) -> MailSettings | None:
    """The settings in a data folder; None where there are none, so that no mail is sent.

    Raises:
        MailSettingsError: naming the file, the rule, and what was found.
    """
    path = folder / FILE
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise MailSettingsError(f"{path}: cannot be read ({type(exc).__name__})") from exc
    try:
        values = tomllib.loads(text)
        known = {own.name for own in fields(MailSettings)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"there is no setting {unknown[0]!r}; choose one of {', '.join(sorted(known))}")
        if "password_file" in values:
            values["password_file"] = folder / str(values["password_file"])
        missing = [name for name in ("host", "sender", "url") if name not in values]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        return MailSettings(**values)
    except (ValueError, TypeError) as exc:
        raise MailSettingsError(f"{path}: {exc}") from exc
