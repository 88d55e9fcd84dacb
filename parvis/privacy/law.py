"""What the papers say of the law: every statement with its sources, each to be confirmed by the data protection officer.

Rules:
1. A statement is a text ``law.<name>`` of the locales; no other text names an article, an authority's position or a duty.
2. Each one names its sources: articles of the regulation and of the French code, the CNIL's page with its date, and
   where we have read only what others report of a text, that report.
3. None says that something is lawful or in conformity: that is for the officer to judge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

CNIL_URL: Final = (
    "https://www.cnil.fr/fr/cameras-dites-augmentees-dans-les-espaces-publics-la-position-de-la-cnil"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One source. ``gdpr`` and ``csi`` name articles; the others are a text ``source.<kind>`` with a page."""

    kind: Literal["gdpr", "csi", "cnil_2022", "report_2022", "senate", "report_2024", "notice_2024"]
    article: str = ""
    url: str = ""


def _gdpr(*articles: str) -> tuple[Source, ...]:
    return tuple(Source("gdpr", article) for article in articles)


_CNIL: Final = Source("cnil_2022", url=CNIL_URL)
_REPORT: Final = Source("report_2022", url="http://www.juristes-environnement.com/article_detail.php?id=5928")
_SENATE: Final = Source("senate", url="https://archive.nossenateurs.fr/intervention/2579261")
_DUMPING: Final = Source("report_2024")
_NOTICE: Final = Source("notice_2024")

STATEMENTS: Final[Mapping[str, tuple[Source, ...]]] = {
    "controller": _gdpr("4(7)"),
    "transient": _gdpr("4(1)", "4(2)"),
    "counting": (_CNIL,),
    "statistics": (_CNIL, _REPORT),
    "operational": (_CNIL, _REPORT),
    "deletion": (_SENATE,),
    "dumping": (_DUMPING,),
    "cameras": (Source("csi", "L251-1 … L255-1"),),
    "basis": _gdpr("6(1)(e)", "6(3)"),
    "purposes": _gdpr("5(1)(b)"),
    "minimal": _gdpr("5(1)(c)", "25(1)"),
    "storage": _gdpr("5(1)(e)"),
    "biometric": _gdpr("9(1)"),
    "notice": (*_gdpr("12(1)", "13(1)", "13(2)"), _NOTICE),
    "identify": _gdpr("11(1)", "11(2)"),
    "rights": _gdpr("15", "16", "17", "18"),
    "object": (*_gdpr("21(1)", "23(1)"), _CNIL, _REPORT),
    "ask": _gdpr("12(2)", "15(1)", "21(1)"),
    "complain": _gdpr("77(1)"),
    "decisions": _gdpr("22(1)"),
    "transfers": _gdpr("44"),
    "processors": _gdpr("28(3)"),
    "register": _gdpr("30(1)"),
    "security": _gdpr("32(1)"),
    "dpo": _gdpr("37(1)(a)", "37(7)"),
    "dpia_duty": _gdpr("35(1)", "35(3)(c)"),
    "dpia_contents": _gdpr("35(7)"),
    "dpia_advice": _gdpr("35(2)"),
    "dpia_views": _gdpr("35(9)"),
    "dpia_prior": _gdpr("36(1)"),
}

# What the register asks for, in the order of the regulation: a text ``register.<name>`` and its source.
REGISTER: Final[tuple[tuple[str, Source], ...]] = tuple(
    (name, Source("gdpr", f"30(1)({letter})"))
    for name, letter in zip(
        ("controller", "purposes", "categories", "recipients", "transfers", "erasure", "security"),
        "abcdefg",
        strict=True,
    )
)
# The risks of the impact assessment, and the tests that guard what is said against each: texts ``risk.<name>.*``.
RISKS: Final[Mapping[str, tuple[str, ...]]] = {
    "picture": ("tests/contract/test_wire.py", "tests/edge/test_privacy_blur.py"),
    "theft": ("tests/edge/test_spool.py", "tests/server/test_access.py"),
    "path": ("tests/edge/test_grid.py",),
    "small": ("tests/server/test_suppression.py",),
    "creep": ("tests/edge/test_config.py", "tests/server/test_reading.py"),
    "camera": ("tests/edge/test_camera_live.py",),
    "server": ("tests/server/test_security.py",),
    "wrong": ("tests/edge/test_counting.py",),
}
