"""The form of a server that notices are posted to: fields to an `Endpoint`, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from server.api.forms import Form
from server.open311 import KINDS
from server.open311_http import check_url
from server.pages.desk import Wrong
from server.pages.texts import LANGUAGES
from server.store.open311_base import Endpoint

LIMITS: Final = {"radius_m": (5, 500), "days": (1, 90)}
USUAL: Final[Mapping[str, str]] = {
    "site": "", "url": "", "jurisdiction_id": "", "radius_m": "25", "days": "14", "not_ours": "not_ours",
    "extra": "", "language": "fr", "private": "", "key_on_get": "", "code_debris": "", "code_stopped_vehicle": "",
    "code_obstruction": "",
}  # fmt: skip
CODE_MOST: Final = 100
LINES_MOST: Final = 20
LINE_MOST: Final = 200
# What a request may carry besides what we say of the notice: attributes of the service, and who the town is.
_EXTRA: Final = re.compile(
    r"attribute\[[A-Za-z0-9_.-]{1,64}\](?:\[\])?|email|first_name|last_name|phone|account_id|device_id"
)


def _lines(text: str) -> list[str]:
    found = [line.strip() for line in text.splitlines() if line.strip()]
    if len(found) > LINES_MOST or any(len(line) > LINE_MOST or not line.isprintable() for line in found):
        raise Wrong("o311.wrong.lines", most=str(LINES_MOST), length=str(LINE_MOST))
    return found


def _extra(text: str) -> dict[str, str]:
    found = {}
    for line in _lines(text):
        name, mark, value = line.partition("=")
        if not mark or not _EXTRA.fullmatch(name.strip()):
            raise Wrong("o311.wrong.extra", line=line[:60])
        found[name.strip()] = value.strip()
    return found


def _whole(form: Form, name: str) -> int:
    text, (low, high) = form.text(name), LIMITS[name]
    if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
        raise Wrong(f"o311.wrong.{name}", low=str(low), high=str(high))
    return int(text)


def _text(form: Form, name: str, most: int) -> str:
    text = form.text(name)
    if len(text) > most or not text.isprintable():
        raise Wrong("o311.wrong.form")
    return text


def endpoint_of(form: Form, before: Endpoint | None, sites: set[str]) -> Endpoint:
    """What was typed; of a server that is there already, its site and address stay.

    Raises:
        Wrong: saying which field, and why.
    """
    private = form.text("private") == "1"
    url, site = (before.url, before.site) if before else (form.text("url").rstrip("/"), form.text("site"))
    if site not in sites and before is None:
        raise Wrong("o311.wrong.site")
    try:
        check_url(url, private=private)
    except ValueError as exc:
        raise Wrong("o311.wrong.url") from exc
    if "?" in url:
        raise Wrong("o311.wrong.url")
    codes = {kind: code for kind in KINDS if (code := _text(form, f"code_{kind}", CODE_MOST))}
    if not codes:
        raise Wrong("o311.wrong.codes")
    if form.text("language") not in LANGUAGES:
        raise Wrong("o311.wrong.form")
    own = before or Endpoint(0, site, url, "", "", {}, 0, 0, (), {}, "fr", private=False, key_on_get=False,
                             created_at=0, created_by="")  # fmt: skip
    return replace(
        own,
        jurisdiction_id=_text(form, "jurisdiction_id", CODE_MOST),
        codes=codes,
        radius_m=_whole(form, "radius_m"),
        days=_whole(form, "days"),
        not_ours=tuple(_lines(form.text("not_ours"))),
        extra=_extra(form.text("extra")),
        language=form.text("language"),
        private=private,
        key_on_get=form.text("key_on_get") == "1",
    )


def fields_of(own: Endpoint) -> dict[str, str]:
    """A server as its form shows it."""
    return {
        "site": own.site,
        "url": own.url,
        "jurisdiction_id": own.jurisdiction_id,
        "radius_m": str(own.radius_m),
        "days": str(own.days),
        "not_ours": "\n".join(own.not_ours),
        "extra": "\n".join(f"{name}={value}" for name, value in own.extra.items()),
        "language": own.language,
        "private": "1" if own.private else "",
        "key_on_get": "1" if own.key_on_get else "",
        **{f"code_{kind}": own.codes.get(kind, "") for kind in KINDS},
    }
