"""The letters of this server: a report, an alert, a trial. Plain text in one language, with the report attached.

Rules:
1. A letter is made whole before it is stored, in 7 bit, so that every mail server takes it as it is.
2. Its Message-ID comes of what it is about, so that however often it is sent, receivers know it as one.
3. Headers are ours; of what people typed only the address is in one, and that has been checked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from urllib.parse import urlencode

from server.forecast import Episode
from server.mail_settings import MailSettings
from server.pages.report_files import TYPES, file_name, made, scope_name
from server.pages.report_words import period, sentence, title_of
from server.pages.texts import Texts
from server.report_document import Document
from server.schedule import midnight
from server.store.desk_base import AlertRule, NewMail, Subscription

_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=78)
# A letter is read on a phone: the report itself has the rest.
SECTIONS_TOLD: Final = 6


def message_id(job: str, settings: MailSettings) -> str:
    """The same for the same job, and of no other."""
    digest = hashlib.sha256(f"{settings.base} {job}".encode()).hexdigest()[:40]
    return f"<{digest}@{settings.sender.partition('@')[2]}>"


def letter(
    settings: MailSettings,
    job: str,
    recipient: str,
    subject: str,
    paragraphs: Sequence[str],
    *,
    at: int,
    t: Texts,
    unsubscribe: str = "",
    attachment: tuple[str, str, bytes] | None = None,
    html: str = "",
) -> NewMail:
    """A letter to be stored.

    Args:
        settings: who sends.
        job: what it is about; a job has one letter for ever.
        recipient: one checked address.
        subject: one line.
        paragraphs: the text.
        at: its date, seconds since 1970.
        t: the language.
        unsubscribe: the link out of it, if it comes of a subscription.
        attachment: file name, media type, content.
        html: the same as a page, for who reads mail so.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = f"Parvis <{settings.sender}>"
    mail["To"] = recipient
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    mail["Message-ID"] = message_id(job, settings)
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = t.language
    if unsubscribe:
        mail["List-Unsubscribe"] = f"<{unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content("\n\n".join(paragraphs) + "\n", cte="quoted-printable")
    if html:
        mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if attachment:
        named, kind, content = attachment
        main, _, sub = kind.partition(";")[0].partition("/")
        charset = {"charset": "utf-8"} if main == "text" else {}
        mail.add_attachment(content, maintype=main, subtype=sub, filename=named, params=charset)
    return NewMail(job, str(mail["Message-ID"]), recipient, subject, mail.as_bytes())


def report_letter(
    settings: MailSettings, own: Subscription, document: Document, link: str, t: Texts
) -> NewMail:
    """The letter that brings a report.

    Raises:
        NoPdfError: when a PDF is wanted and cannot be made.
    """
    span = document.span
    subject = t(f"mail.subject.{span.kind}", scope=scope_name(document, t), name=span.name)
    page = f"{settings.base}/reports/document?" + urlencode({"of": own.scope, "period": span.name})
    paragraphs = [t("mail.hello"), t("mail.attached", period=period(document, t))]
    for section in document.sections[:SECTIONS_TOLD]:
        said = " ".join(sentence(each, t) for each in section.said)
        paragraphs.append(f"{title_of(section, t)}\n{said}")
    if len(document.sections) > SECTIONS_TOLD:
        paragraphs.append(t("mail.more_sections", n=len(document.sections) - SECTIONS_TOLD))
    paragraphs += [t("mail.page", link=page), t("mail.unsubscribe", link=link)]
    attached = (file_name(document, own.format), TYPES[own.format], made(document, t, own.format))
    job = f"report/{own.id}/{span.name}"
    return letter(
        settings,
        job,
        own.recipient,
        subject,
        paragraphs,
        at=document.made_at,
        t=t,
        unsubscribe=link,
        attachment=attached,
    )


def trial_letter(settings: MailSettings, recipient: str, number: str, at: int, t: Texts) -> NewMail:
    """A letter that says that letters arrive."""
    job = f"trial/{number}"
    text = [t("mail.hello"), t("mail.trial", url=settings.base)]
    return letter(settings, job, recipient, t("mail.subject.trial"), text, at=at, t=t)


def alert_letter(
    settings: MailSettings,
    rule: AlertRule,
    episode: str,
    values: Mapping[str, str],
    coming: Sequence[Episode],
    at: int,
    t: Texts,
    place: str,
) -> NewMail:
    """What a rule found at a place, as people call it: a live episode, or coming ones."""
    share = t.percent(rule.numbers.get("share"))
    minutes = t.length(rule.numbers.get("minutes", 0) * 60)
    subject = t(f"mail.subject.{rule.kind}", place=place)
    said = [t(f"mail.alert.{rule.kind}", place=place, share=share, length=minutes, **values)]
    for own in coming:
        start = midnight(own.day, t.tz)
        said.append(
            t(
                "mail.alert.coming",
                weekday=t(f"weekday.{own.day.weekday()}"),
                day=t.date(start),
                low=f"{own.start_min // 60}:{own.start_min % 60:02d}",
                high=f"{own.end_min // 60}:{own.end_min % 60:02d}",
                chance=t.percent(own.chance),
            )
        )
    page = f"{settings.base}/zones/{rule.scope}"
    return letter(
        settings,
        f"alert/{rule.id}/{episode}",
        rule.recipient,
        subject,
        [t("mail.hello"), *said, t("mail.alert.page", link=page, rules=f"{settings.base}/alerts")],
        at=at,
        t=t,
    )
