"""How fast the server takes records in, against the least that any store must do with them.

Rules:
1. *Taken in*: from the compressed body of a post to its answer, by the server's own code: unpacked, parsed, each record
   checked, judged, stored durably (WAL, ``synchronous=FULL``), hours grown. The network is left out.
2. *Bare*: the very rows that stand in ``records``, ``intervals`` and ``counts`` afterwards, put into a new database with
   the same schema and indexes by ``executemany``, a transaction for each batch, equally durable. Nothing is checked,
   no hour grows.
3. Both take turns over the same batches in one run, so that a busy machine slows both.

``python -m bench.ingest [--minutes N] [--zones N] [--json]``; exit status 1 below ``LEAST``.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from contract.batch import MAX_BYTES, MAX_ITEMS, canonical, pack
from contract.messages import parse_time
from server.api.body import inflate, parse
from server.api.ingest import items_of, settle
from server.simulate import Plan, records
from server.store.base import Device
from server.store.sqlite import SqliteStore
