"""The server: ingest, store, reports, pages."""
