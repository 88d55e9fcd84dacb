"""Hands one letter to the mail server (SMTP), step by step, so that it is known how far a failure came.

Rules:
1. Certificates are checked; a server that offers no STARTTLS where it is asked for gets nothing, least of all a password.
2. Until the final dot is sent the mail server cannot have accepted a letter. ``handing`` is called just before it.
3. A failure after the dot without an answer is `Unsure`: to send again might send twice.
4. An answer of 4xx is `Later`, one of 5xx is `Refused`; a server that cannot be reached or logged in to is `Later` too,
   since a person can mend that without writing the letter again.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import ssl
from collections.abc import Callable
from typing import Final, Literal, Protocol

from server.mail_settings import MailSettings, MailSettingsError

Problem = Literal[
    "not_configured", "unreachable", "timeout", "tls", "login", "later", "refused", "unsure", "interrupted"
]
_DOT: Final = re.compile(rb"(?m)^\.")
_NEWLINE: Final = re.compile(rb"\r\n|\r|\n")
DATA_GO: Final = 354
FAREWELL_S: Final = 2.0


class MailFailure(Exception):  # noqa: N818 - the base of three outcomes
    """A letter was not accepted; ``problem`` is the kind, the text what was said."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(detail)
        self.problem = problem


class Later(MailFailure):
    """Not accepted for now."""


class Refused(MailFailure):
    """Not accepted for ever: this recipient, or this letter."""


class Unsure(MailFailure):
    """The whole letter was sent and no answer came: it may have been accepted."""


class Sender(Protocol):
    """What hands letters over."""

    def send(self, message: bytes, recipient: str, handing: Callable[[], None]) -> None:
        """Hand over one letter; ``handing`` is called just before the mail server can accept it.

        Raises:
            MailFailure: one of its three kinds.
        """


class Mailer:
    """A `Sender` over SMTP; one connection a letter.

    ``context`` checks certificates: the system's authorities by default.
    """

    def __init__(self, settings: MailSettings, context: ssl.SSLContext | None = None) -> None:
        self._settings = settings
        self._context = context or ssl.create_default_context()

    def send(self, message: bytes, recipient: str, handing: Callable[[], None]) -> None:
        """Hand over one letter.

        Raises:
            MailFailure: `Later`, `Refused` or `Unsure`.
        """
        smtp = self._connect()
        try:
            self._prepare(smtp, recipient)
            self._hand_over(smtp, message, handing)
            # The letter's fate is known; how the server takes the farewell changes nothing.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
        finally:
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        own = self._settings
        try:
            if own.security == "tls":
                return smtplib.SMTP_SSL(own.host, own.port_used, timeout=own.timeout_s, context=self._context)
            return smtplib.SMTP(own.host, own.port_used, timeout=own.timeout_s)
        except smtplib.SMTPResponseException as exc:
            raise _answered(exc.smtp_code, exc.smtp_error) from exc
        except (OSError, smtplib.SMTPException) as exc:
            raise _broken(exc, f"{own.host}:{own.port_used}") from exc

    def _prepare(self, smtp: smtplib.SMTP, recipient: str) -> None:
        """Everything up to the letter itself."""
        own = self._settings
        try:
            smtp.ehlo_or_helo_if_needed()
            if own.security == "starttls":
                smtp.starttls(context=self._context)
                smtp.ehlo()
            if own.user:
                self._log_in(smtp)
            for code, said in (smtp.mail(own.sender), smtp.rcpt(recipient)):
                if code not in {250, 251}:
                    raise _answered(code, said)
            code, said = smtp.docmd("DATA")
            if code != DATA_GO:
                raise _answered(code, said)
        except smtplib.SMTPNotSupportedError as exc:
            raise Later(
                "tls", f"{own.host}: offers no STARTTLS; set security to tls, or mend the mail server"
            ) from exc
        except smtplib.SMTPResponseException as exc:
            raise _answered(exc.smtp_code, exc.smtp_error) from exc
        except (OSError, smtplib.SMTPException) as exc:
            raise _broken(exc, f"{own.host}:{own.port_used}") from exc

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        try:
            smtp.login(self._settings.user, self._settings.password())
        except MailSettingsError as exc:
            raise Later("login", str(exc)) from exc
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as exc:
            # What the server says may repeat what was sent to it; the code tells enough.
            code = getattr(exc, "smtp_code", "no login offered")
            raise Later(
                "login", f"{self._settings.host}: refused the login of {self._settings.user} ({code})"
            ) from exc

    def _hand_over(self, smtp: smtplib.SMTP, message: bytes, handing: Callable[[], None]) -> None:
        text = _DOT.sub(b"..", _NEWLINE.sub(b"\r\n", message))
        if not text.endswith(b"\r\n"):
            text += b"\r\n"
        try:
            smtp.send(text)
        except (OSError, smtplib.SMTPException) as exc:
            raise _broken(exc, self._settings.host) from exc
        handing()
        try:
            if smtp.sock is not None:
                smtp.sock.settimeout(self._settings.end_timeout_s)
            smtp.send(b".\r\n")
            code, said = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(FAREWELL_S)
        except (OSError, smtplib.SMTPException) as exc:
            raise Unsure(
                "unsure", f"{self._settings.host}: no answer to the letter ({type(exc).__name__})"
            ) from exc
        if code != 250:
            raise _answered(code, said)


def _answered(code: int, said: bytes | str) -> MailFailure:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    detail = f"{code} {' '.join(text.split())}"[:300]
    # 421 closes, 4xx comes later, 5xx is for ever; anything else breaks the protocol.
    return Refused("refused", detail) if 500 <= code < 600 else Later("later", detail)


def _broken(exc: Exception, where: str) -> MailFailure:
    if isinstance(exc, ssl.SSLError):
        return Later(
            "tls", f"{where}: {exc.__class__.__name__}: {getattr(exc, 'verify_message', '') or exc.reason}"
        )
    # smtplib wraps what the network said in a disconnection of its own.
    if isinstance(exc, TimeoutError) or isinstance(exc.__context__, TimeoutError):
        return Later("timeout", f"{where}: no answer in time")
    if isinstance(exc, smtplib.SMTPServerDisconnected) or not isinstance(exc, smtplib.SMTPException):
        return Later("unreachable", f"{where}: {getattr(exc, 'strerror', None) or exc}")
    return Later("later", f"{where}: {exc}")
