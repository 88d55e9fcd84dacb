"""A box with secrets to be kept, its spool, and who runs it: helper code of the tests of `parvis privacy`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge.config import load_config
from edge.spool import Spool
from parvis.privacy.documents import Facts, facts
from parvis.privacy.minute import Minute, Sent
from parvis.privacy.operator_file import Operator, load_operator
from parvis.privacy.site import site_of
from tests.edge.fault_server import RUN, config, health, line

NOW = datetime(2026, 11, 22, 10, 16, tzinfo=UTC)
URL = "https://www.exemple.example/comptage?lieu=place-du-marche&v=1"
# What the box knows and nobody else may: an address of a camera with its password, the way to a token, a query.
SECRETS = (
    "Sup3rS3cret",
    "operator7",
    "10.9.8.7",
    "stream-one",
    "planted-token",
    "planted-folder",
    "planted-query",
)
BOX = """\
device: box-7f3a
server: {url: "https://counts.ville.example:8443/planted-query?key=planted-query", token_file: planted-folder/token}
interval_s: 60
cameras:
  - id: north
    source: "rtsp://operator7:Sup3rS3cret@10.9.8.7:554/stream-one"
    zones:
      - {id: lawn, kind: area, polygon: [[0.1, 0.4], [0.6, 0.4], [0.6, 0.9]], classes: [person, bicycle]}
      - id: lane
        kind: road
        polygon: [[0.0, 0.7], [1.0, 0.7], [1.0, 1.0]]
        purpose: operational
        operational: {legal_basis: "arrêté 2026-12 <b>", dpia_reference: "AIPD-7"}
        debris: {enabled: true}
    lines:
      - {id: gate, points: [[0.2, 0.5], [0.8, 0.5]], classes: [person]}
"""
OPERATOR = f"""\
operator:
  name: "Ville d'Exemple & Cie"
  address: "1 place de la Mairie, 01000 Exemple"
  contact: "mairie@exemple.example"
  dpo_contact: "dpo@exemple.example"
  information_url: "{URL}"
  place: "Place du Marché"
  legal_basis: "mission d'intérêt public, délibération 2026-12"
  retention_days: 60
"""


def written(folder: Path, name: str, text: str) -> Path:
    """A file of this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def box_file(folder: Path) -> Path:
    """The configuration, with its token next to it."""
    (folder / "planted-folder").mkdir()
    written(folder / "planted-folder", "token", "planted-token")
    return written(folder, "box.yaml", BOX)


def operator_of(folder: Path, text: str = OPERATOR) -> Operator:
    """The operator of a file of this text."""
    return load_operator(written(folder, "operator.yaml", text))


def filled_spool(folder: Path) -> list[str]:
    """A spool whose last minute holds a zone of its own and a health record, one delivered; returns their payloads."""
    clock = [NOW.timestamp() - 120]
    folder.mkdir()
    with Spool(folder / "spool.db", device="box-7f3a", run=RUN, now=lambda: clock[0]) as spool:
        spool.settle(spool.append([config(), line(0)]), {})
        clock[0] += 100
        keys = spool.append([line(1), health(1)])
        payloads = [item.payload for item in spool.peek()]
        spool.settle(keys[:1], {})
    return payloads


def known(folder: Path, operator: Operator | None = None, box: str = BOX, records: int = 0) -> Facts:
    """The facts of a box, without a run."""
    minute = Minute("nothing")
    if records:
        payload = '{"type":"parvis.line.v1"}'
        minute = Minute("spool", (Sent(payload, arrived=True),) * records, 60.0, NOW)
    site = site_of(load_config(written(folder, "facts.yaml", box)))
    return facts(site, operator or Operator(), minute, NOW)
