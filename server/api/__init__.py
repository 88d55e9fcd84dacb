"""JSON for programs: ingest for boxes, reports for people's tools."""
