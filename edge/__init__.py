"""The box: camera, detector, tracker, zones, records, spool, uplink."""
