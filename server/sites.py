"""Sites, and what people say of places: labels, positions, areas. Pure.

Rules:
1. A place is known by its key (device, camera, name, kind), a site by its id. Labels are for people and may change at any
   time; a place that gets another label keeps its history.
2. Geometry, capacity and purpose are the box's (``parvis.config.v1``): they have no field here.
3. A place belongs to one site at most. Its position is on the site's plan (x, y: fractions from the top left), on the
   earth (lon, lat: degrees, WGS 84), both or neither.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args

from contract.names import NAME
from server.errors import ServerError
from server.reports import Kind

# Academic zones of school holidays, https://www.education.gouv.fr/calendrier-scolaire-100148; "" where none applies.
SchoolZone = Literal["", "A", "B", "C", "corse", "overseas"]
SCHOOL_ZONES: Final[tuple[SchoolZone, ...]] = get_args(SchoolZone)
# Where public holidays differ from those of the whole country.
Region = Literal["", "alsace-moselle", "971", "972", "973", "974", "976"]
REGIONS: Final[tuple[Region, ...]] = get_args(Region)
LABEL_MOST: Final = 80
AREA_MOST_M2: Final = 10_000_000.0

PlaceKey = tuple[str, str, str, Kind]


class SiteError(ServerError):
    """A site, a place, a plan or a calendar entry cannot be taken; the message says why.

    ``rule`` names the broken rule and ``found`` what was found, so that a page can say it in its reader's language.
    """

    def __init__(self, rule: str, text: str, found: object = "") -> None:
        super().__init__(text)
        self.rule = rule
        self.found = str(found)[:80]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known of a site's plan: pixels, and the digest that names its content."""

    media_type: str
    width: int
    height: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Site:
    """One site. ``label_en`` may be empty; lon and lat are given together or not at all."""

    id: str
    label_fr: str = ""
    label_en: str = ""
    school_zone: SchoolZone = ""
    region: Region = ""
    lon: float | None = None
    lat: float | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class PlaceDetail:
    """What people say of one place."""

    device: str
    camera: str
    name: str
    kind: Kind
    site: str | None = None
    label_fr: str = ""
    label_en: str = ""
    area_m2: float | None = None
    x: float | None = None
    y: float | None = None
    lon: float | None = None
    lat: float | None = None

    @property
    def key(self) -> PlaceKey:
        """What the place is known by."""
        return self.device, self.camera, self.name, self.kind


class _Keyed(Protocol):
    """A place of the store, or anything with its key."""

    @property
    def device(self) -> str: ...
    @property
    def camera(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> Kind: ...


class _Labelled(Protocol):
    @property
    def label_fr(self) -> str: ...
    @property
    def label_en(self) -> str: ...


Details = Mapping[PlaceKey, PlaceDetail]


def key_of(place: _Keyed) -> PlaceKey:
    """What a place is known by."""
    return place.device, place.camera, place.name, place.kind


def label(thing: _Labelled, language: str, otherwise: str) -> str:
    """The label in a language, else in the other one, else ``otherwise``."""
    first, second = (thing.label_fr, thing.label_en) if language == "fr" else (thing.label_en, thing.label_fr)
    return first or second or otherwise


def place_label(details: Details, place: _Keyed, language: str) -> str:
    """What people call a place, or the name that its box gave it."""
    known = details.get(key_of(place))
    return label(known, language, place.name) if known else place.name


def site_label(site: Site, language: str) -> str:
    """What people call a site, or its id."""
    return label(site, language, site.id)


def check_label(text: str, most: int = LABEL_MOST) -> None:
    """Refuse a label that is too long or holds what cannot be read.

    Raises:
        SiteError: ``label_control`` or ``label_long``.
    """
    odd = next((c for c in text if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}), None)
    if odd is not None:
        found = f"U+{ord(odd):04X}"
        raise SiteError(
            "label_control",
            f"a label must have no control character (found {found}); type it instead of pasting",
            found,
        )
    if len(text) > most:
        raise SiteError(
            "label_long",
            f"a label must have at most {most} characters (found {len(text)}); shorten it",
            len(text),
        )


def _check_within(value: float | None, low: float, high: float, rule: str, what: str) -> None:
    # Written so that NaN is refused too.
    if value is not None and not low <= value <= high:
        raise SiteError(rule, f"{what} must lie within {low:g}..{high:g} (found {value:g})", f"{value:g}")


def _check_pair(one: float | None, other: float | None, rule: str, what: str) -> None:
    if (one is None) != (other is None):
        raise SiteError(rule, f"{what} must be given together or not at all (found one of them)")


def _check_earth(lon: float | None, lat: float | None) -> None:
    _check_pair(lon, lat, "earth_pair", "longitude and latitude")
    _check_within(lon, -180, 180, "longitude", "the longitude")
    _check_within(lat, -90, 90, "latitude", "the latitude")


def check_site(site: Site) -> Site:
    """The site, when it keeps the rules.

    Raises:
        SiteError: naming the rule and what was found.
    """
    if not NAME.match(site.id):
        raise SiteError(
            "id",
            f"a site id must match [a-z0-9][a-z0-9_-]{{0,63}} (found {site.id[:80]!r}); use small letters and digits,"
            " the label may be written as you like",
            site.id,
        )
    for rule, value, known in (
        ("school_zone", site.school_zone, SCHOOL_ZONES),
        ("region", site.region, REGIONS),
    ):
        if value not in known:
            choices = ", ".join(known[1:])
            raise SiteError(rule, f"{rule} must be one of {choices} or empty (found {value[:80]!r})", value)
    check_label(site.label_fr)
    check_label(site.label_en)
    _check_earth(site.lon, site.lat)
    return site


def check_detail(detail: PlaceDetail) -> PlaceDetail:
    """The detail, when it keeps the rules.

    Raises:
        SiteError: naming the rule and what was found.
    """
    check_label(detail.label_fr)
    check_label(detail.label_en)
    if detail.area_m2 is not None and not 0 < detail.area_m2 <= AREA_MOST_M2:
        raise SiteError(
            "area",
            f"the area must be above 0 and at most {AREA_MOST_M2:.0f} m2 (found {detail.area_m2:g}); leave it empty"
            " when it is not known",
            f"{detail.area_m2:g}",
        )
    _check_pair(detail.x, detail.y, "plan_pair", "the two numbers of a position on the plan")
    _check_within(detail.x, 0, 1, "plan_range", "the position on the plan")
    _check_within(detail.y, 0, 1, "plan_range", "the position on the plan")
    _check_earth(detail.lon, detail.lat)
    return detail
