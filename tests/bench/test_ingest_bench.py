"""The ingest bench compares like with like."""

from __future__ import annotations

from bench.ingest import batches_of, measure
from contract.batch import MAX_BYTES, MAX_ITEMS
from server.store.sqlite import SqliteStore


def test_the_three_ways_store_the_same_rows(tmp_path):
    batches = batches_of(1, 2, MAX_ITEMS)
    assert all(len(texts) <= MAX_ITEMS and sum(map(len, texts)) < MAX_BYTES for _, texts in batches)
    result = measure(tmp_path, batches)
    assert result.records == sum(len(texts) for _, texts in batches)
    said = []
    for name in ("whole", "parts", "plain"):
        store = SqliteStore(tmp_path / f"{name}.sqlite3")
        with store._connections.read() as db:
            said.append(
                [
                    list(map(tuple, db.execute(f"SELECT * FROM {table}")))
                    for table in ("records", "intervals", "counts")
                ]
            )
            assert bool(db.execute("SELECT count(*) FROM hours").fetchone()[0]) == (name != "plain")
        store.close()
    assert said[0] == said[1] == said[2]
    assert len(said[0][1]) > 100
