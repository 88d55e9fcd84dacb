"""Who runs the cameras: the few facts of the papers that no configuration knows, from a small YAML file.

Everything may be left out; what is missing becomes a marked blank in the papers and is listed by the command.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from edge.config import Closed
from edge.errors import ConfigError
from edge.yaml_errors import load_yaml, validated

EXAMPLE: Final = Path(__file__).with_name("operator.yaml")

Words = Annotated[str, Field(min_length=1, max_length=400)]


def _page(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise ValueError(
            f"must be the address of a page, like https://town.example/counting (got {value!r})."
        )
    return value


class Confirmation(Closed):
    """The data protection officer has read the papers and confirms the legal statements in them."""

    by: Words
    date: dt.date


class Operator(Closed):
    """The section ``operator:`` of the file; see `operator.yaml` for what each entry is."""

    name: Words | None = None
    address: Words | None = None
    contact: Words | None = None
    dpo_contact: Words | None = None
    information_url: Annotated[Words, AfterValidator(_page)] | None = None
    place: Words | None = None
    legal_basis: Words | None = None
    objection: Words | None = None
    recipients: Words | None = None
    processors: Words | None = None
    hosting: Words | None = None
    retention_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    totals_years: Annotated[int, Field(ge=1, le=50)] | None = None
    confirmed: Confirmation | None = None


class _File(Closed):
    operator: Operator


ENTRIES: Final = tuple(name for name in Operator.model_fields if name != "confirmed")


def load_operator(path: Path | None) -> Operator:
    """The operator of a file; without a file, one of whom nothing is known.

    Raises:
        ConfigError: naming file, line, entry, rule and remedy.
    """
    if path is None:
        return Operator()
    remedy = "Write it like the example: `parvis privacy report` puts one, operator.yaml, into its folder."
    if not path.is_file():
        raise ConfigError(f"--operator {path}: there is no such file. {remedy}")
    data, lines = load_yaml(path)
    if not isinstance(data, dict) or not isinstance(data.get("operator") or {}, dict):
        raise ConfigError(f"{path}: the file is one section `operator:` with its entries below it. {remedy}")
    if "operator" in data and data["operator"] is None:
        data["operator"] = {}
    if not data.keys() & {"operator"}:
        raise ConfigError(f"{path}: the section `operator:` is missing. {remedy}")
    try:
        return validated(_File, path, data, lines).operator
    except ConfigError as exc:
        # The checks are the configuration's; here another example shows how.
        raise ConfigError(str(exc).replace("edge/zones.yaml", EXAMPLE.name)) from exc
