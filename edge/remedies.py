"""What to do about each reason why a box is not healthy, in plain words. Pure."""

from __future__ import annotations

from typing import Final

from contract.names import HealthReason

TRIES_IT: Final = "; `parvis edge doctor` tries it"  # which the doctor itself leaves out
REMEDIES: Final[dict[HealthReason, str]] = {
    "starting": "Wait: the first interval closes half a minute after its end.",
    "loop_stalled": "The watchdog restarts the service by itself; if this returns, look for a faulty disk or memory"
    " (`journalctl -u parvis-edge`, `dmesg`).",
    "camera_lost": f"Check the camera's power, cable, address and password{TRIES_IT}.",
    "camera_ended": "Nothing to do for a recording; name a live camera as `source` to go on counting.",
    "picture_blind": "Look at the camera: clean it, uncover it or point it back; if it was moved on purpose, draw its"
    " zones anew.",
    "picture_poor": "Look at the camera: light, focus and a clean lens; at night it may be all that can be had.",
    "inference_stalled": "The detector takes too long: a smaller `model.input`, a lower `max_fps` or fewer cameras.",
    "nothing_closed": "The watchdog restarts the service by itself; send the log with a report if this returns.",
    "disk_refuses": "Free space on the disk, or check and replace the card; counts wait in memory until then and are"
    " lost with the power.",
    "disk_full": "Free space on the disk that holds the state folder.",
    "disk_low": "Free space on the disk that holds the state folder before it is full.",
    "not_delivering": "Check the network, `server.url` and the server; counts wait in the spool and are sent later.",
    "backlog": "Wait: old records are being sent. If this stays, the network is too slow or the server too busy.",
    "records_refused": "Look at what the server refused and why: box and server may be of different versions.",
    "records_dropped": "The spool was full and the oldest were lost: give it a larger disk or a better network.",
    "records_merged": "The spool was full and its oldest intervals were made coarser: give it a better network.",
    "clock_unsynced": "Give the box a time server (`timedatectl`), or a clock with a battery.",
    "hot": "Give the box shade, a heat sink or a fan; it counts fewer frames a second while it is hot.",
    "throttled": "Use the maker's power supply and a short cable, and cool the processor.",
}


def length(seconds: float) -> str:
    """``40 s``, ``7 min``, ``3 h`` or ``2 days``: to read, not to reckon with."""
    for unit, size, until in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} days"
