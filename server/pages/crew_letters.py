"""Letters about notices: one to look or to go, one that it is no longer needed, one that reminds. Text and HTML.

Rules:
1. No picture, no name of a person; what stands in a letter is what the notice's numbers say.
2. The link is of this recipient and notice alone (`server.links`) and says so; its page asks before anything is changed.
"""

from __future__ import annotations

from server.links import LIFETIME_S, Claim, token
from server.mail_settings import MailSettings
from server.notices import Notice
from server.pages.crew_words import about, names_of
from server.pages.letters import letter
from server.pages.render import render
from server.pages.texts import Texts
from server.store.base import Store
from server.store.crew_base import Recipient
from server.store.desk_base import NewMail
from server.telling import What


def notice_letter(
    store: Store,
    mail: MailSettings,
    recipient: Recipient,
    notice: Notice,
    what: What,
    job: str,
    *,
    at: int,
    t: Texts,
) -> NewMail:
    """One letter about a notice.

    Args:
        store: where names of places and the key of links come from.
        mail: who sends.
        recipient: to whom.
        notice: as it stands.
        what: ``told``, ``gone`` or ``again``.
        job: what it is about, for ever.
        at: its date, seconds since 1970.
        t: the recipient's language.
    """
    own = about(names_of(store), notice, t)
    intent = what if what != "told" else recipient.stage
    head = t(f"crew.head.{intent}", kind=own.kind)
    subject = t(f"crew.subject.{intent}", kind=own.kind, place=own.place, n=notice.id)
    board = f"{mail.base}/notices/{notice.id}"
    answer, until = "", at + LIFETIME_S
    if what != "gone":
        claim = Claim(notice.id, recipient.id, recipient.stage, until)
        answer = f"{mail.base}/a/{token(store.crew.link_key(), claim)}"
    asked = t(f"crew.ask.{intent}")
    parts = [head, "\n".join(f"{label}{t('crew.colon')} {text}" for label, text in own.facts)]
    if own.map_link:
        parts.append(f"{t('crew.map')}{t('crew.colon')}\n{own.map_link}")
    parts.append(asked)
    if answer:
        parts.append(f"{t('crew.answer')}{t('crew.colon')}\n{answer}")
    parts.append(f"{t('crew.board')}{t('crew.colon')}\n{board}")
    foot = [t("crew.link.text", at=t.time(until))] if answer else []
    foot.append(t("crew.why"))
    html = render(
        "crew_letter.html", t=t, lang=t.language, subject=subject, head=head, facts=own.facts, map_link=own.map_link,
        asked=asked, answer=answer, board=board, foot=foot,
    )  # fmt: skip
    return letter(mail, job, recipient.address, subject, [*parts, *foot], at=at, t=t, html=html)


def crew_trial(
    mail: MailSettings, recipient: Recipient, site: str, number: str, at: int, t: Texts
) -> NewMail:
    """A letter that says that letters about notices arrive, and which ones."""
    text = [
        t("mail.hello"),
        t("crew.trial.text", site=site, stage=t(f"crew.stage.{recipient.stage}")),
        f"{t('crew.board')}{t('crew.colon')}\n{mail.base}/notices",
    ]
    return letter(
        mail, f"notice/trial/{number}", recipient.address, t("crew.subject.trial"), text, at=at, t=t
    )
